//! What Istio makes of a plugin.

use super::{Ours, targets, unknown};
use crate::cursor::Cursor;
use crate::{Document, Finding, Kind, Path};

/// The fields of `WasmPlugin`, and those that `TrafficExtension` has beside and in `wasm`.
const OF_BOTH: [&str; 5] = ["selector", "targetRefs", "phase", "priority", "match"];
const OF_THE_MODULE: [&str; 9] = [
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "type",
];
const OLD: [&str; 2] = ["targetRef", "verificationKey"];

pub(super) fn of(ours: &Ours<'_>, document: &Document) -> Vec<Finding> {
    let Some(spec) = Cursor::at(&document.value, Path::default()).get("spec") else { return Vec::new() };
    let mut findings = unknown_fields(ours.plugin.kind, &spec);
    findings.extend(direction(&spec, &targets(document)));
    findings
}

fn unknown_fields(kind: Kind, spec: &Cursor<'_>) -> Vec<Finding> {
    let outside = unknown(spec, |name| match kind {
        Kind::TrafficExtension => OF_BOTH.contains(&name) || ["wasm", "lua"].contains(&name),
        _ => OF_BOTH.contains(&name) || OF_THE_MODULE.contains(&name) || OLD.contains(&name),
    });
    let module = spec.get("wasm").filter(|_| kind == Kind::TrafficExtension);
    let inside = module.iter().flat_map(|module| unknown(module, |name| OF_THE_MODULE.contains(&name)));
    outside.into_iter().chain(inside).collect()
}

/// Without a mode a plugin also stands in the way of what the workload itself calls. What is bound to a waypoint is on the side of the server, what is bound
/// to a gateway on that of the client (`workloadModeForListenerClass` and `listener_waypoint.go` of Istio).
fn direction(spec: &Cursor<'_>, targets: &[&str]) -> Option<Finding> {
    let modes = spec.get("match");
    let modes: Vec<_> = modes.iter().flat_map(Cursor::items).collect();
    let all_are = |mode: &str| !modes.is_empty() && modes.iter().all(|one| one.text("mode") == mode);
    let is_bound_to = |kinds: [&str; 2]| targets.iter().any(|kind| kinds.contains(kind));
    let place = modes.first().map_or(&spec.place, |one| &one.place);
    if is_bound_to(["Service", "ServiceEntry"]) && all_are("CLIENT") {
        let problem = "a waypoint is on the side of the server, where this never applies; leave out match";
        return Some(Finding::error("never-applies", place, problem));
    }
    if is_bound_to(["Gateway", "GatewayClass"]) && all_are("SERVER") {
        let problem = "a gateway is on the side of the client, where this never applies; leave out match, unless it is a waypoint's";
        return Some(Finding::warning("never-applies", place, problem));
    }
    let is_wide = |one: &&Cursor<'_>| !["SERVER", "CLIENT"].contains(&one.text("mode"));
    let wide = modes.iter().find(is_wide);
    if !targets.is_empty() || (wide.is_none() && !modes.is_empty()) {
        return None;
    }
    Some(Finding::warning(
        "both-directions",
        wide.map_or(&spec.place, |one| &one.place),
        "at sidecars it also applies to what the workload itself calls: write match: [{mode: SERVER}]; at a gateway write CLIENT, where SERVER would never apply",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::documents;

    fn spec(value: &Value) -> Cursor<'_> {
        Cursor::at(value, Path::default().key("spec"))
    }

    #[test]
    fn a_direction_is_said() {
        for (value, expected) in [
            (json!({}), "both-directions"),
            (json!({"match": []}), "both-directions"),
            (json!({"match": [{"ports": [{"number": 80}]}]}), "both-directions"),
            (json!({"match": [{"mode": "SERVER"}, {"mode": "CLIENT_AND_SERVER"}]}), "both-directions"),
            (json!({"match": [{"mode": "SERVER"}]}), ""),
            (json!({"match": [{"mode": "CLIENT"}]}), ""),
            (json!({"targetRefs": [{"kind": "Gateway", "name": "edge"}]}), ""),
            (json!({"targetRef": {"kind": "Gateway"}, "match": [{"mode": "SERVER"}]}), "never-applies"),
            (json!({"targetRefs": [{"kind": "Service"}], "match": [{"mode": "CLIENT"}]}), "never-applies"),
            (json!({"targetRefs": [{"kind": "Service"}], "match": [{"mode": "SERVER"}]}), ""),
        ] {
            let document = documents(&json!({"spec": value}).to_string()).unwrap().remove(0);
            let found = direction(&spec(&value), &targets(&document));
            let found = found.map(|finding| finding.code).unwrap_or_default();
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn fields_that_nobody_reads_are_told() {
        let names = |kind, value: &Value| {
            unknown_fields(kind, &spec(value)).into_iter().map(|it| it.place.to_string()).collect::<Vec<_>>()
        };
        let old = json!({"url": "a", "failstrategy": "FAIL_OPEN", "phase": "AUTHN"});
        assert_eq!(names(Kind::WasmPlugin, &old), ["spec.failstrategy"]);
        let new = json!({"url": "a", "phase": "AUTHN", "wasm": {"url": "a", "phase": "AUTHN"}});
        assert_eq!(names(Kind::TrafficExtension, &new), ["spec.url", "spec.wasm.phase"]);
    }
}
