//! Who exports.

use std::collections::BTreeMap;

use crate::{ConfigError, Host, node};

/// What Istio notes of the pod in the metadata of Envoy's node, and the attribute that it is.
const METADATA: [(&str, &str); 3] =
    [("NAME", "k8s.pod.name"), ("NAMESPACE", "k8s.namespace.name"), ("CLUSTER_ID", "k8s.cluster.name")];
/// What a workload can be, as it stands in `OWNER`.
const OWNERS: [(&str, &str); 5] = [
    ("cronjobs", "k8s.cronjob.name"),
    ("daemonsets", "k8s.daemonset.name"),
    ("deployments", "k8s.deployment.name"),
    ("jobs", "k8s.job.name"),
    ("statefulsets", "k8s.statefulset.name"),
];

/// A resource of OpenTelemetry, as far as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    service_name: Option<String>,
    attributes: BTreeMap<String, String>,
}

impl Resource {
    /// Checks what is configured: `service_name`, and further `attributes`.
    ///
    /// # Errors
    /// The name is empty, or an attribute has none or is the name again.
    pub fn new(
        service_name: Option<String>,
        attributes: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        if service_name.as_deref() == Some("") {
            return Err(ConfigError::at("service_name", "empty; write a name or leave it out"));
        }
        if let Some(key) = attributes.keys().find(|key| key.is_empty() || *key == "service.name") {
            let problem =
                format!("{key:?}; write a name such as deployment.environment.name, or service_name");
            return Err(ConfigError::at("attributes", problem));
        }
        Ok(Self { service_name, attributes })
    }

    /// Its attributes: what is configured, and what Envoy knows of itself.
    pub fn attributes(&self, host: &mut dyn Host) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("telemetry.sdk.name", "portcullis".to_owned()),
            ("telemetry.sdk.language", "rust".to_owned()),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        let name = self.service_name.clone().or_else(|| node::property(&["cluster"], host));
        all.insert("service.name", name.unwrap_or_else(|| "unknown_service:envoy".to_owned()));
        all.extend(node::property(&["id"], host).map(|id| ("service.instance.id", id)));
        for (member, key) in METADATA {
            all.extend(node::property(&["metadata", member], host).map(|value| (key, value)));
        }
        all.extend(owner(host));
        let known = all.into_iter().map(|(key, value)| (key.to_owned(), value));
        known.chain(self.attributes.clone()).collect()
    }
}

/// What the pod belongs to: `kubernetes://apis/apps/v1/namespaces/shop/deployments/web`.
fn owner(host: &mut dyn Host) -> Option<(&'static str, String)> {
    let owner = node::property(&["metadata", "OWNER"], host)?;
    let mut segments = owner.rsplit('/');
    let (name, kind) = (segments.next()?, segments.next()?);
    let (_, key) = OWNERS.iter().find(|(it, _)| *it == kind)?;
    (!name.is_empty()).then(|| (*key, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    fn attributes(
        host: &mut TestHost,
        name: Option<&str>,
        more: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut all = Resource::new(name.map(str::to_owned), more.collect()).unwrap().attributes(host);
        assert_eq!(all.remove("telemetry.sdk.name").as_deref(), Some("portcullis"));
        assert_eq!(all.remove("telemetry.sdk.language").as_deref(), Some("rust"));
        assert_eq!(all.remove("telemetry.sdk.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
        all
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn in_istio(owner: &str) -> TestHost {
        let mut host = TestHost::default();
        for (path, value) in [
            ("cluster", "web.shop"),
            ("id", "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"),
            ("metadata.NAME", "web-1"),
            ("metadata.NAMESPACE", "shop"),
            ("metadata.CLUSTER_ID", "eu"),
            ("metadata.OWNER", owner),
        ] {
            host.properties.insert(format!("xds.node.{path}"), value.into());
        }
        host
    }

    #[test]
    fn what_envoy_knows_is_told_and_what_is_configured_wins() {
        let mut host = in_istio("kubernetes://apis/apps/v1/namespaces/shop/deployments/web");
        let known = [
            ("k8s.cluster.name", "eu"),
            ("k8s.deployment.name", "web"),
            ("k8s.namespace.name", "shop"),
            ("k8s.pod.name", "web-1"),
            ("service.instance.id", "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"),
            ("service.name", "web.shop"),
        ];
        assert_eq!(attributes(&mut host, None, &[]), map(&known));
        let told = attributes(&mut host, Some("shop"), &[("k8s.pod.name", "p"), ("team", "")]);
        let mut expected = map(&known);
        expected.extend(map(&[("service.name", "shop"), ("k8s.pod.name", "p"), ("team", "")]));
        assert_eq!(told, expected);
    }

    #[test]
    fn who_knows_nothing_still_has_a_name() {
        let expected = map(&[("service.name", "unknown_service:envoy")]);
        assert_eq!(attributes(&mut TestHost::default(), None, &[]), expected);
        let mut nameless = TestHost::default();
        nameless.properties.insert("xds.node.cluster".to_owned(), Vec::new());
        assert_eq!(attributes(&mut nameless, None, &[]), expected);
    }

    #[test]
    fn only_known_kinds_of_workloads_are_told() {
        for (owner, key) in [
            ("kubernetes://apis/apps/v1/namespaces/shop/statefulsets/web", Some("k8s.statefulset.name")),
            ("kubernetes://apis/batch/v1/namespaces/shop/jobs/web", Some("k8s.job.name")),
            ("kubernetes://apis/x/v1/namespaces/shop/things/web", None),
            ("kubernetes://apis/apps/v1/namespaces/shop/deployments/", None),
            ("web", None),
            ("", None),
        ] {
            let told = attributes(&mut in_istio(owner), None, &[]);
            let found = told.iter().find(|(_, value)| *value == "web").map(|(key, _)| key.as_str());
            assert_eq!(found, key, "{owner}");
            assert_eq!(told.len(), 5 + usize::from(key.is_some()), "{owner}");
        }
    }

    #[test]
    fn a_name_is_written_once() {
        for (name, attributes, expected) in [
            (Some(""), map(&[]), "service_name: empty; write a name or leave it out"),
            (
                None,
                map(&[("service.name", "x")]),
                "attributes: \"service.name\"; write a name such as deployment.environment.name, or service_name",
            ),
            (
                None,
                map(&[("", "x")]),
                "attributes: \"\"; write a name such as deployment.environment.name, or service_name",
            ),
        ] {
            let error = Resource::new(name.map(str::to_owned), attributes).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
