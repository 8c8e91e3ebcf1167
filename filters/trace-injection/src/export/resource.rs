//! Who the spans are from.

use std::collections::BTreeMap;

use portcullis_kit::Host;
use portcullis_proto::trace::Resource;

use super::Settings;
use crate::attribute::string;
use crate::node::node;

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

/// What is configured, and what Envoy knows of itself.
pub(super) fn resource(settings: &Settings, host: &mut dyn Host) -> Resource {
    let mut all = BTreeMap::from([
        ("telemetry.sdk.name", "portcullis".to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
    ]);
    all.insert("telemetry.sdk.version", env!("CARGO_PKG_VERSION").to_owned());
    let mut known = |key: &'static str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.insert(key, value);
        }
    };
    known("service.instance.id", node(&["id"], host));
    for (member, key) in METADATA {
        known(key, node(&["metadata", member], host));
    }
    // kubernetes://apis/apps/v1/namespaces/shop/deployments/web
    if let Some(owner) = node(&["metadata", "OWNER"], host) {
        let mut segments = owner.rsplit('/');
        if let (Some(name), Some(kind)) = (segments.next(), segments.next())
            && let Some((_, key)) = OWNERS.iter().find(|(it, _)| *it == kind)
        {
            known(key, Some(name.to_owned()));
        }
    }
    let name =
        settings.service_name.clone().or_else(|| node(&["cluster"], host).filter(|name| !name.is_empty()));
    known("service.name", Some(name.unwrap_or_else(|| "unknown_service:envoy".to_owned())));
    all.extend(settings.attributes.iter().map(|(key, value)| (key.as_str(), value.clone())));
    Resource { attributes: all.iter().map(|(key, value)| string(key, value)).collect() }
}
