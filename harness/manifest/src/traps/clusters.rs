//! The clusters that filters call, which somebody has to define.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Ours;
use crate::cursor::Cursor;
use crate::{Document, Finding, Kind, Path, Plugin};

/// What is defined beside a plugin.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The hosts of Istio's ServiceEntries.
    hosts: BTreeSet<String>,
    /// The clusters that patches of Envoy Gateway and Istio add.
    patched: BTreeSet<String>,
}

impl Surroundings {
    /// What there is in all manifests that are looked at together.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let mut surroundings = Self::default();
        for document in documents {
            let document = Cursor::at(&document.value, Path::default());
            match document.text("kind") {
                "ServiceEntry" => {
                    let hosts = document.find(&["spec", "hosts"]);
                    let hosts = hosts.iter().flat_map(Cursor::items);
                    surroundings
                        .hosts
                        .extend(hosts.filter_map(|host| host.value.as_str().map(str::to_owned)));
                }
                "EnvoyPatchPolicy" | "EnvoyFilter" => {
                    document.each(&mut |value| surroundings.patched.extend(cluster_name(value)));
                }
                _ => {}
            }
        }
        surroundings
    }
}

/// The name of what looks like a cluster of Envoy: it has a name, and endpoints or a way to find them.
fn cluster_name(value: &Cursor<'_>) -> Option<String> {
    let is_cluster =
        ["load_assignment", "connect_timeout", "cluster_type"].iter().any(|it| value.get(it).is_some());
    Some(value.text("name")).filter(|name| is_cluster && !name.is_empty()).map(str::to_owned)
}

pub(super) fn of(ours: &Ours<'_>, document: &Document, surroundings: &Surroundings) -> Vec<Finding> {
    let plugin = ours.plugin;
    let configuration = Cursor::at(ours.configuration, plugin.configured_at.clone());
    let calls = calls(&configuration);
    match plugin.kind {
        Kind::Envoy => {
            let Some(known) = defined(&document.value) else { return Vec::new() };
            let unknown = calls.into_iter().filter(|(name, _)| !known.contains(*name));
            unknown.map(|(name, place)| missing(plugin, &place, name, "static_resources.clusters")).collect()
        }
        Kind::WasmPlugin | Kind::TrafficExtension => {
            let wrong = calls.into_iter().filter_map(|(name, place)| in_istio(name, &place, surroundings));
            wrong.collect()
        }
        Kind::EnvoyExtensionPolicy => {
            let unknown = calls.into_iter().filter(|(name, _)| !surroundings.patched.contains(*name));
            unknown
                .map(|(name, place)| {
                    missing(plugin, &place, name, "an EnvoyPatchPolicy, checked together with this file")
                })
                .collect()
        }
    }
}

/// The clusters that a configuration calls. Those that it only compares with are in conditions.
fn calls<'a>(value: &Cursor<'a>) -> Vec<(&'a str, Path)> {
    const CONDITIONS: [&str; 2] = ["match", "when"];
    let mut found = Vec::new();
    for (name, member) in value.members().filter(|(name, _)| !CONDITIONS.contains(name)) {
        match member.value.as_str() {
            Some(cluster) if name == "cluster" => found.push((cluster, member.place)),
            _ => found.extend(calls(&member)),
        }
    }
    found.extend(value.items().flat_map(|item| calls(&item)));
    found
}

/// The clusters of a bootstrap; `None` where there may be others: it is no bootstrap, or something else gives it clusters.
fn defined(document: &Value) -> Option<BTreeSet<String>> {
    let document = Cursor::at(document, Path::default());
    let resources = document.get("static_resources")?;
    if document.find(&["dynamic_resources", "cds_config"]).is_some() {
        return None;
    }
    let clusters = resources.get("clusters");
    Some(clusters.iter().flat_map(Cursor::items).map(|cluster| cluster.text("name").to_owned()).collect())
}

fn missing(plugin: &Plugin, place: &Path, name: &str, remedy: &str) -> Finding {
    let problem =
        format!("there is no cluster {name:?}, so {} cannot call it; define it in {remedy}", plugin.name);
    Finding::error("no-cluster", place, problem)
}

/// Istio names clusters by themselves: `outbound|443||idp.example.com`, of a service in the mesh or of a ServiceEntry.
fn in_istio(name: &str, place: &Path, surroundings: &Surroundings) -> Option<Finding> {
    if surroundings.patched.contains(name) {
        return None;
    }
    let parts: Vec<_> = name.split('|').collect();
    let [direction, port, _subset, host] = parts.as_slice() else {
        return Some(Finding::error(
            "no-cluster",
            place,
            format!(
                "there is no cluster {name:?}: Istio calls them outbound|443||idp.example.com, by port, subset and host"
            ),
        ));
    };
    let is_written = *direction == "outbound" && port.parse::<u16>().is_ok() && !host.is_empty();
    if !is_written {
        let problem = format!(
            "{name:?} is no cluster of Istio; write outbound|443||idp.example.com, by port, subset and host"
        );
        return Some(Finding::error("no-cluster", place, problem));
    }
    let is_known = surroundings.hosts.contains(*host) || is_of_the_cluster(host);
    (!is_known).then(|| {
        Finding::warning(
            "no-cluster",
            place,
            format!("there is no ServiceEntry for {host} in what is checked here, and it is no service of Kubernetes; without one the cluster does not exist"),
        )
    })
}

fn is_of_the_cluster(host: &str) -> bool {
    host.split('.').any(|label| label == "svc")
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
        let mut bootstrap = json!({"static_resources": {"clusters": [{"name": "a"}]}});
        assert_eq!(defined(&bootstrap), Some(BTreeSet::from(["a".to_owned()])));
        bootstrap["dynamic_resources"] = json!({"cds_config": {}});
        assert_eq!((defined(&bootstrap), defined(&json!({"resources": []}))), (None, None));
    }

    #[test]
    fn istio_has_names_of_its_own() {
        let surroundings =
            Surroundings { hosts: BTreeSet::from(["idp.example.com".to_owned()]), ..Surroundings::default() };
        let level = |name: &str| {
            in_istio(name, &Path::default(), &surroundings).map(|finding| finding.level.to_string())
        };
        for (name, expected) in [
            ("outbound|443||idp.example.com", None),
            ("outbound|80|v1|otel.observability.svc.cluster.local", None),
            ("outbound|443||other.example.com", Some("warning")),
            ("idp", Some("error")),
            ("outbound|https||idp.example.com", Some("error")),
            ("inbound|443||idp.example.com", Some("error")),
        ] {
            assert_eq!(level(name).as_deref(), expected, "{name}");
        }
    }
}
