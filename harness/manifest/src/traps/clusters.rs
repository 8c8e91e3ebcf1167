//! The clusters that filters call, which somebody has to define.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Ours, targets};
use crate::cursor::Cursor;
use crate::{Document, Finding, Kind, Path, Plugin};

/// What is defined beside a plugin.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The hosts of Istio's ServiceEntries, with each of their ports.
    services: BTreeSet<(String, u64)>,
    /// The hosts that waypoints have clusters of because an annotation names them.
    referenced: BTreeSet<String>,
    /// The clusters that patches of Envoy Gateway and Istio add.
    patched: BTreeSet<String>,
    /// The clusters of Envoy's own configurations; `None` where there is none, or something else may bring others.
    defined: Option<BTreeSet<String>>,
}

impl Surroundings {
    /// What there is in all manifests that are looked at together.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let mut surroundings = Self::default();
        let mut is_known = true;
        for document in documents {
            let document = Cursor::at(&document.value, Path::default());
            match document.text("kind") {
                "ServiceEntry" => surroundings.add_service(&document),
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
                        let names =
                            clusters.iter().flat_map(Cursor::items).map(|it| it.text("name").to_owned());
                        surroundings.defined.get_or_insert_default().extend(names);
                    }
                }
            }
        }
        surroundings.defined = surroundings.defined.filter(|_| is_known);
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
}

/// The annotation of an EnvoyFilter by which a waypoint has clusters of what it does not route to.
const REFERENCED: &str = "envoyfilter.istio.io/referenced-services";

/// The name of what looks like a cluster of Envoy: it has a name, and endpoints or a way to find them.
fn cluster_name(value: &Cursor<'_>) -> Option<String> {
    let is_cluster =
        ["load_assignment", "connect_timeout", "cluster_type"].iter().any(|it| value.get(it).is_some());
    Some(value.text("name")).filter(|name| is_cluster && !name.is_empty()).map(str::to_owned)
}

pub(super) fn of(ours: &Ours<'_>, document: &Document, surroundings: &Surroundings) -> Vec<Finding> {
    let plugin = ours.plugin;
    let configuration = Cursor::at(ours.configuration, plugin.configured_at.clone());
    let is_patch = document.value.get("kind").and_then(Value::as_str) == Some("EnvoyFilter");
    let is_for_waypoints = targets(document).iter().any(|kind| ["Service", "ServiceEntry"].contains(kind));
    let find = |(name, place): (&str, Path)| match plugin.kind {
        _ if surroundings.patched.contains(name) => None,
        Kind::Envoy if is_patch => in_istio(name, &place, surroundings, false),
        Kind::Envoy => {
            let is_missing = surroundings.defined.as_ref().is_some_and(|known| !known.contains(name));
            is_missing.then(|| missing(plugin, &place, name, "static_resources.clusters"))
        }
        Kind::WasmPlugin | Kind::TrafficExtension => in_istio(name, &place, surroundings, is_for_waypoints),
        // Those of routes have names such as httproute/shop/orders/rule/0.
        Kind::EnvoyExtensionPolicy if name.contains('/') => None,
        Kind::EnvoyExtensionPolicy => {
            Some(missing(plugin, &place, name, "an EnvoyPatchPolicy, checked together with this file"))
        }
    };
    calls(&configuration).into_iter().filter_map(find).collect()
}

/// The clusters that a configuration calls. Those that it only compares with are in conditions.
fn calls<'a>(value: &Cursor<'a>) -> Vec<(&'a str, Path)> {
    const CONDITIONS: [&str; 3] = ["match", "when", "exempt"];
    const NAMES: [&str; 2] = ["cluster", "jwks_cluster"];
    let mut found = Vec::new();
    for (name, member) in value.members().filter(|(name, _)| !CONDITIONS.contains(name)) {
        match member.value.as_str() {
            Some(cluster) if NAMES.contains(&name) => found.push((cluster, member.place)),
            _ => found.extend(calls(&member)),
        }
    }
    found.extend(value.items().flat_map(|item| calls(&item)));
    found
}

fn missing(plugin: &Plugin, place: &Path, name: &str, remedy: &str) -> Finding {
    let problem =
        format!("there is no cluster {name:?}, so {} cannot call it; define it in {remedy}", plugin.name);
    Finding::error("no-cluster", place, problem)
}

/// Istio names clusters by itself: `outbound|443||idp.example.com`, of a service in the mesh or of a ServiceEntry.
fn in_istio(
    name: &str,
    place: &Path,
    surroundings: &Surroundings,
    is_for_waypoints: bool,
) -> Option<Finding> {
    let parts: Vec<_> = name.split('|').collect();
    let port = |port: &str| port.parse::<u16>().ok().map(u64::from);
    let (port, host) = match parts.as_slice() {
        ["outbound", number, _subset, host] if !host.is_empty() && port(number).is_some() => {
            (port(number)?, *host)
        }
        _ => {
            let problem = format!(
                "there is no cluster {name:?}: Istio calls them outbound|443||idp.example.com, by port, subset and host"
            );
            return Some(Finding::error("no-cluster", place, problem));
        }
    };
    let has_host = surroundings.services.iter().any(|(known, _)| known == host);
    if has_host && !surroundings.services.contains(&(host.to_owned(), port)) {
        let problem =
            format!("the ServiceEntry for {host} has no port {port}; without it the cluster does not exist");
        return Some(Finding::error("no-cluster", place, problem));
    }
    if is_for_waypoints && !surroundings.referenced.contains(host) {
        let problem = format!(
            "a waypoint has no clusters but of what it routes to; name {host} in the annotation {REFERENCED} of an EnvoyFilter for it"
        );
        return Some(Finding::warning("no-cluster", place, problem));
    }
    (!has_host && !is_of_the_cluster(host)).then(|| {
        let problem = format!(
            "there is no ServiceEntry for {host} in what is checked here, and it is no whole name of a service of Kubernetes; without one the cluster does not exist"
        );
        Finding::warning("no-cluster", place, problem)
    })
}

/// `orders.shop.svc.cluster.local`, or with another domain.
fn is_of_the_cluster(host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    labels.len() > 3 && labels.get(2) == Some(&"svc")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_called_is_found_and_what_is_compared_with_is_not() {
        let configuration = json!({
            "jwt_auth": {
                "providers": [{"jwks": {"remote": {"cluster": "idp"}}}],
                "rules": [{"match": {"cluster": "upstream"}}]
            },
            "circuit_breaker": {"breakers": [{"exempt": [{"cluster": "legacy"}]}]},
            "token_bucket": {"limits": [{"when": {"cluster": "upstream"}, "key": [{"cluster": true}]}], "service": {"cluster": "rls"}}
        });
        let found = calls(&Cursor::at(&configuration, Path::default()));
        let found: Vec<_> = found.into_iter().map(|(name, place)| (name, place.to_string())).collect();
        let expected = [
            ("idp", "jwt_auth.providers[0].jwks.remote.cluster".to_owned()),
            ("rls", "token_bucket.service.cluster".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn clusters_are_known_where_nothing_else_brings_them() {
        let of = |text: &str| Surroundings::of(&crate::documents(text).unwrap()).defined;
        let bootstrap = "static_resources: {clusters: [{name: a}]}\n";
        assert_eq!(of(bootstrap), Some(BTreeSet::from(["a".to_owned()])));
        assert_eq!(of(&format!("{bootstrap}---\nresources: []\n")), of(bootstrap));
        assert_eq!(of(&format!("{bootstrap}dynamic_resources: {{cds_config: {{}}}}\n")), None);
        assert_eq!(of("resources: []\n"), None);
    }

    #[test]
    fn istio_has_names_of_its_own() {
        let surroundings = Surroundings {
            services: BTreeSet::from([("idp.example.com".to_owned(), 443)]),
            ..Surroundings::default()
        };
        let level = |name: &str, is_for_waypoints| {
            let finding = in_istio(name, &Path::default(), &surroundings, is_for_waypoints);
            finding.map(|finding| finding.level.to_string())
        };
        for (name, expected) in [
            ("outbound|443||idp.example.com", None),
            ("outbound|8443||idp.example.com", Some("error")),
            ("outbound|80|v1|otel.observability.svc.cluster.local", None),
            ("outbound|80||otel.observability.svc", Some("warning")),
            ("outbound|443||other.example.com", Some("warning")),
            ("idp", Some("error")),
            ("outbound|https||idp.example.com", Some("error")),
            ("inbound|443||idp.example.com", Some("error")),
        ] {
            assert_eq!(level(name, false).as_deref(), expected, "{name}");
        }
        assert_eq!(level("outbound|443||idp.example.com", true).as_deref(), Some("warning"));
    }
}
