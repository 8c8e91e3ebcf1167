//! What is defined beside a plugin.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::digests::Digests;
use crate::cursor::Cursor;
use crate::envoy::message;
use crate::{Document, Path};

/// What is defined beside a plugin.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The hosts of Istio's ServiceEntries, with each of their ports.
    pub(super) services: BTreeSet<(String, u64)>,
    /// The hosts that waypoints have clusters of because an annotation names them.
    pub(super) referenced: BTreeSet<String>,
    /// The clusters that patches of Envoy Gateway and Istio add.
    pub(super) patched: BTreeMap<String, Security>,
    /// The clusters of Envoy's own configurations, and how they speak to their servers; `None` where there is none, or something else may bring others.
    pub(super) clusters: Option<BTreeMap<String, Security>>,
    /// Istio's DestinationRules.
    rules: Vec<Rule>,
    /// What digests are of.
    pub(super) digests: Digests,
}

impl Surroundings {
    /// What there is in all manifests that are looked at together.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let mut surroundings = Self::default();
        let mut is_known = true;
        for document in documents {
            surroundings.digests.add_plugins(document);
            let document = Cursor::at(&document.value, Path::default());
            match document.text("kind") {
                "ServiceEntry" => surroundings.add_service(&document),
                "DestinationRule" => surroundings.add_rule(&document),
                "EnvoyPatchPolicy" | "EnvoyFilter" => {
                    document.each(&mut |value| surroundings.patched.extend(cluster(value)));
                    let annotations = document.find(&["metadata", "annotations"]);
                    let named = annotations.as_ref().map(|it| it.text(REFERENCED)).unwrap_or_default();
                    surroundings.referenced.extend(named.split(',').map(|host| host.trim().to_owned()));
                }
                _ => {
                    is_known &= document.find(&["dynamic_resources", "cds_config"]).is_none()
                        && document.find(&["dynamic_resources", "cds_resources_locator"]).is_none();
                    if let Some(resources) = document.get("static_resources") {
                        let clusters = resources.get("clusters");
                        let clusters = clusters.iter().flat_map(Cursor::items);
                        let clusters =
                            clusters.map(|it| (it.text("name").to_owned(), Security::of_cluster(&it)));
                        surroundings.clusters.get_or_insert_default().extend(clusters);
                    }
                }
            }
        }
        surroundings.clusters = surroundings.clusters.filter(|_| is_known);
        surroundings
    }

    fn add_service(&mut self, entry: &Cursor<'_>) {
        let [hosts, ports] = ["hosts", "ports"].map(|name| entry.find(&["spec", name]));
        for host in hosts.iter().flat_map(Cursor::items) {
            for port in ports.iter().flat_map(Cursor::items) {
                let number = port.get("number").and_then(|number| number.value.as_u64());
                let host = host.value.as_str().unwrap_or_default().to_owned();
                self.services.extend(number.map(|number| (host, number)));
            }
        }
    }

    fn add_rule(&mut self, rule: &Cursor<'_>) {
        let policy = rule.find(&["spec", "trafficPolicy"]);
        let tls = |of: &Cursor<'_>| of.get("tls").map(|tls| Security::of_rule(&tls));
        let ports = policy.as_ref().and_then(|policy| policy.get("portLevelSettings"));
        let of_port =
            |setting: Cursor<'_>| Some((setting.find(&["port", "number"])?.value.as_u64()?, tls(&setting)?));
        let ports = ports.iter().flat_map(Cursor::items).filter_map(of_port).collect();
        let host = rule.get("spec").map(|spec| spec.text("host").to_owned()).unwrap_or_default();
        self.rules.push(Rule { host, all: policy.as_ref().and_then(tls), ports });
    }

    /// Adds an image that is looked at too, with the digest of its module and that of its manifest.
    pub fn add_image(&mut self, name: &str, digests: [&str; 2]) {
        self.digests.add_image(name, digests);
    }

    /// How a cluster speaks to its servers, where that can be told. Of Istio's it is told of the hosts that have a ServiceEntry.
    pub(super) fn security(&self, cluster: &str) -> Option<Security> {
        if let ["outbound", port, _, host] = cluster.split('|').collect::<Vec<_>>().as_slice() {
            let port = port.parse().ok()?;
            let has_entry = self.services.iter().any(|(known, _)| known == host);
            let rule = self.rules.iter().find(|rule| rule.is_for(host));
            return has_entry.then(|| rule.map_or(Security::Plain, |rule| rule.security(port)));
        }
        let defined = self.clusters.as_ref().and_then(|clusters| clusters.get(cluster));
        self.patched.get(cluster).or(defined).copied()
    }
}

/// How a DestinationRule has hosts spoken to.
#[derive(Clone, Debug)]
struct Rule {
    /// `*.example.com` for all below.
    host: String,
    all: Option<Security>,
    /// In the place of that.
    ports: BTreeMap<u64, Security>,
}

impl Rule {
    fn is_for(&self, host: &str) -> bool {
        self.host == host || self.host.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
    }

    fn security(&self, port: u64) -> Security {
        self.ports.get(&port).copied().or(self.all).unwrap_or(Security::Plain)
    }
}

/// What somebody on the way can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Read and write everything.
    Plain,
    /// The same, by pretending to be the server: nobody looks at its certificate.
    Unchecked,
    /// Nothing that can be told from here.
    Checked,
}

impl Security {
    /// That of a cluster of Envoy, by its `transport_socket`.
    fn of_cluster(cluster: &Cursor<'_>) -> Self {
        const OF_TLS: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        const OF_NOTHING: &str = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
        if cluster.get("transport_socket_matches").is_some() {
            return Self::Checked;
        }
        let Some(socket) = cluster.get("transport_socket") else { return Self::Plain };
        let config = socket.get("typed_config");
        match config.as_ref().and_then(message) {
            None | Some((OF_NOTHING, _)) => Self::Plain,
            Some((OF_TLS, tls)) => {
                let common = tls.get("common_tls_context");
                let contexts = [
                    "validation_context",
                    "validation_context_sds_secret_config",
                    "combined_validation_context",
                ];
                let is_checked =
                    common.is_some_and(|common| contexts.iter().any(|name| common.get(name).is_some()));
                if is_checked { Self::Checked } else { Self::Unchecked }
            }
            Some(_) => Self::Checked,
        }
    }

    /// That of the `tls` of a DestinationRule.
    fn of_rule(tls: &Cursor<'_>) -> Self {
        let is_tls = ["SIMPLE", "MUTUAL", "ISTIO_MUTUAL"].contains(&tls.text("mode"));
        let skips = tls.get("insecureSkipVerify").is_some_and(|skips| skips.value == &Value::Bool(true));
        match (is_tls, skips) {
            (false, _) => Self::Plain,
            (true, true) => Self::Unchecked,
            (true, false) => Self::Checked,
        }
    }
}

/// The annotation of an EnvoyFilter by which a waypoint has clusters of what it does not route to.
pub(super) const REFERENCED: &str = "envoyfilter.istio.io/referenced-services";

/// What looks like a cluster of Envoy: it has a name, and endpoints or a way to find them.
fn cluster(value: &Cursor<'_>) -> Option<(String, Security)> {
    let is_cluster =
        ["load_assignment", "connect_timeout", "cluster_type"].iter().any(|it| value.get(it).is_some());
    let name = Some(value.text("name")).filter(|name| is_cluster && !name.is_empty())?;
    Some((name.to_owned(), Security::of_cluster(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_known_where_nothing_else_brings_them() {
        let of = |text: &str| Surroundings::of(&crate::documents(text).unwrap()).clusters;
        let bootstrap = "static_resources: {clusters: [{name: a}]}\n";
        assert_eq!(of(bootstrap), Some(BTreeMap::from([("a".to_owned(), Security::Plain)])));
        assert_eq!(of(&format!("{bootstrap}---\nresources: []\n")), of(bootstrap));
        assert_eq!(of(&format!("{bootstrap}dynamic_resources: {{cds_config: {{}}}}\n")), None);
        assert_eq!(of("resources: []\n"), None);
    }
}
