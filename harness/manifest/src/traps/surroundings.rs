//! What is defined beside a plugin.

use std::collections::{BTreeMap, BTreeSet};

use super::digests::Digests;
use super::security::{Rule, Security};
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
                "DestinationRule" => surroundings.rules.push(Rule::of(&document)),
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
