//! What is defined beside a plugin.

use std::collections::{BTreeMap, BTreeSet};

use super::digests::Digests;
use crate::cursor::Cursor;
use crate::{Document, Path};

/// What is defined beside a plugin.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The hosts of Istio's ServiceEntries, with each of their ports.
    pub(super) services: BTreeSet<(String, u64)>,
    /// The hosts that waypoints have clusters of because an annotation names them.
    pub(super) referenced: BTreeSet<String>,
    /// The clusters that patches of Envoy Gateway and Istio add.
    pub(super) patched: BTreeSet<String>,
    /// The clusters of Envoy's own configurations, and whether they speak TLS; `None` where there is none, or something else may bring others.
    pub(super) clusters: Option<BTreeMap<String, bool>>,
    /// The hosts to which Istio's DestinationRules have TLS spoken.
    encrypted: BTreeSet<String>,
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
                    document.each(&mut |value| surroundings.patched.extend(cluster_name(value)));
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
                        let clusters = clusters
                            .map(|it| (it.text("name").to_owned(), it.get("transport_socket").is_some()));
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
        let Some(policy) = rule.find(&["spec", "trafficPolicy"]) else { return };
        let ports = policy.get("portLevelSettings");
        let mut modes = ports.iter().flat_map(Cursor::items).chain([policy]).filter_map(|it| it.get("tls"));
        if modes.any(|tls| ["SIMPLE", "MUTUAL", "ISTIO_MUTUAL"].contains(&tls.text("mode"))) {
            self.encrypted.extend(rule.get("spec").map(|spec| spec.text("host").to_owned()));
        }
    }

    /// Adds an image that is looked at too, by the digest of its module and that of its manifest.
    pub fn add_image(&mut self, module: &str, manifest: &str) {
        self.digests.add_image(module, manifest);
    }

    /// Whether TLS is spoken to a cluster, where that can be told. Of Istio's it is told of the hosts that have a ServiceEntry.
    pub(super) fn speaks_tls(&self, cluster: &str) -> Option<bool> {
        let host = cluster.rsplit('|').next().unwrap_or_default();
        let has_entry = host != cluster && self.services.iter().any(|(known, _)| known == host);
        let of_envoy = || self.clusters.as_ref()?.get(cluster).copied();
        if has_entry { Some(self.encrypted.contains(host)) } else { of_envoy() }
    }
}

/// The annotation of an EnvoyFilter by which a waypoint has clusters of what it does not route to.
pub(super) const REFERENCED: &str = "envoyfilter.istio.io/referenced-services";

/// The name of what looks like a cluster of Envoy: it has a name, and endpoints or a way to find them.
fn cluster_name(value: &Cursor<'_>) -> Option<String> {
    let is_cluster =
        ["load_assignment", "connect_timeout", "cluster_type"].iter().any(|it| value.get(it).is_some());
    Some(value.text("name")).filter(|name| is_cluster && !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_known_where_nothing_else_brings_them() {
        let of = |text: &str| Surroundings::of(&crate::documents(text).unwrap()).clusters;
        let bootstrap = "static_resources: {clusters: [{name: a}]}\n";
        assert_eq!(of(bootstrap), Some(BTreeMap::from([("a".to_owned(), false)])));
        assert_eq!(of(&format!("{bootstrap}---\nresources: []\n")), of(bootstrap));
        assert_eq!(of(&format!("{bootstrap}dynamic_resources: {{cds_config: {{}}}}\n")), None);
        assert_eq!(of("resources: []\n"), None);
    }
}
