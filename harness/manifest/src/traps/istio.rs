//! What Istio makes of a plugin.

use super::Ours;
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
    let document = Cursor::at(&document.value, Path::default());
    let Some(spec) = document.get("spec") else { return Vec::new() };
    let mut findings: Vec<_> = unknown(ours.plugin.kind, &spec).collect();
    findings.extend(both_directions(&spec));
    findings
}

/// The API server drops fields that it does not know, or lets them stand; nobody reads them.
fn unknown(kind: Kind, spec: &Cursor<'_>) -> impl Iterator<Item = Finding> {
    let known = |name: &str| match kind {
        Kind::TrafficExtension => OF_BOTH.contains(&name) || ["wasm", "lua"].contains(&name),
        _ => OF_BOTH.contains(&name) || OF_THE_MODULE.contains(&name) || OLD.contains(&name),
    };
    let outside: Vec<_> = spec.members().filter(|(name, _)| !known(name)).collect();
    let module = spec.get("wasm").filter(|_| kind == Kind::TrafficExtension);
    let inside = module.iter().flat_map(Cursor::members).filter(|(name, _)| !OF_THE_MODULE.contains(name));
    let all: Vec<_> = outside.into_iter().chain(inside).collect();
    all.into_iter().map(|(name, member)| {
        Finding::error("unknown-field", &member.place, format!("there is no field {name:?}; nobody reads it"))
    })
}

/// Without a mode a plugin also stands in the way of what the workload itself calls.
fn both_directions(spec: &Cursor<'_>) -> Option<Finding> {
    const REMEDY: &str = "it also applies to what the workload itself calls; write match: [{mode: SERVER}], or [{mode: CLIENT}] at a gateway";
    if spec.get("targetRefs").is_some() {
        // What is bound to a gateway or a waypoint has one direction.
        return None;
    }
    let Some(matches) = spec.get("match").filter(|matches| matches.items().next().is_some()) else {
        return Some(Finding::warning("both-directions", &spec.place, REMEDY));
    };
    let wide = matches.items().find(|one| !["SERVER", "CLIENT"].contains(&one.text("mode")))?;
    Some(Finding::warning("both-directions", &wide.place, REMEDY))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(value: &Value) -> Cursor<'_> {
        Cursor::at(value, Path::default().key("spec"))
    }

    #[test]
    fn a_direction_is_said() {
        for (value, is_wide) in [
            (json!({}), true),
            (json!({"match": []}), true),
            (json!({"match": [{"ports": [{"number": 80}]}]}), true),
            (json!({"match": [{"mode": "SERVER"}, {"mode": "CLIENT_AND_SERVER"}]}), true),
            (json!({"match": [{"mode": "SERVER"}]}), false),
            (json!({"match": [{"mode": "CLIENT"}]}), false),
            (json!({"targetRefs": [{"kind": "Gateway", "name": "edge"}]}), false),
        ] {
            assert_eq!(both_directions(&spec(&value)).is_some(), is_wide, "{value}");
        }
    }

    #[test]
    fn fields_that_nobody_reads_are_told() {
        let names = |kind, value: &Value| {
            unknown(kind, &spec(value)).map(|it| it.place.to_string()).collect::<Vec<_>>()
        };
        let old = json!({"url": "a", "failstrategy": "FAIL_OPEN", "phase": "AUTHN"});
        assert_eq!(names(Kind::WasmPlugin, &old), ["spec.failstrategy"]);
        let new = json!({"url": "a", "phase": "AUTHN", "wasm": {"url": "a", "phase": "AUTHN"}});
        assert_eq!(names(Kind::TrafficExtension, &new), ["spec.url", "spec.wasm.phase"]);
    }
}
