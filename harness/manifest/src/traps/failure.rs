//! What becomes of requests when a plugin cannot run.

use super::Ours;
use crate::{Failure, Finding, Kind};

/// Filters that refuse requests, and what passes when they do not run.
const GUARDS: [(&str, &str); 3] = [
    ("jwt-auth", "requests without a token pass"),
    ("token-bucket", "nothing is limited"),
    ("circuit-breaker", "nothing is spared"),
];

pub(super) fn of(ours: &Ours<'_>) -> Option<Finding> {
    let plugin = ours.plugin;
    let (failure, place) = match &plugin.failure {
        Some((failure, place)) => (*failure, place),
        None => (Failure::Closed, &plugin.place),
    };
    let (field, reload, since) = match plugin.kind {
        Kind::Envoy => ("failure_policy", "FAIL_RELOAD", "Envoy 1.33"),
        Kind::WasmPlugin | Kind::TrafficExtension => ("failStrategy", "FAIL_RELOAD", "Istio 1.27"),
        Kind::EnvoyExtensionPolicy => ("failOpen", "false", ""),
    };
    match failure {
        Failure::Reload => None,
        Failure::Open => {
            let (guard, passes) = GUARDS.into_iter().find(|(guard, _)| ours.has(guard))?;
            let problem = format!(
                "when the module cannot be had or its VM has crashed, {passes}; write {field}: {reload}"
            );
            Some(match guard {
                "jwt-auth" => Finding::error("fail-open", place, problem),
                _ => Finding::warning("fail-open", place, problem),
            })
        }
        Failure::Closed if plugin.kind == Kind::EnvoyExtensionPolicy => None,
        Failure::Closed => Some(Finding::warning(
            "fails-for-good",
            place,
            format!(
                "once its VM has crashed, every request of that worker is answered with 503 until something in the configuration changes; \
                 write {field}: {reload} (since {since})"
            ),
        )),
    }
}
