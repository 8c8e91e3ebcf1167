//! Plugins in Envoy's own configuration, wherever they are in it: bootstrap, listeners, ECDS, and the patches of Istio's EnvoyFilter.

use serde_json::Value;

use crate::Path;
use crate::cursor::Cursor;
use crate::plugin::{Code, Configuration, Failure, Kind, Plugin, Vm};

/// The messages that have a plugin in a member `config`.
const WITH_A_PLUGIN: [&str; 4] = [
    "envoy.extensions.filters.http.wasm.v3.Wasm",
    "envoy.extensions.filters.network.wasm.v3.Wasm",
    "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
    "envoy.extensions.wasm.v3.WasmService",
];
/// Messages whose members stand beside their type.
const TYPED_STRUCTS: [&str; 2] = ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"];

pub(crate) fn plugins(document: &Value) -> Vec<Plugin> {
    let mut plugins = Vec::new();
    Cursor::at(document, Path::default()).each(&mut |value| {
        plugins.extend(message(value).and_then(|(name, message)| {
            WITH_A_PLUGIN.contains(&name).then(|| message.get("config").map(|config| plugin(&config)))?
        }));
    });
    plugins
}

/// The name of a message of protobuf, and its members.
pub(crate) fn message<'a>(value: &Cursor<'a>) -> Option<(&'a str, Cursor<'a>)> {
    let name = name(value.value.get("@type")?.as_str()?);
    match TYPED_STRUCTS.contains(&name) {
        false => Some((name, value.clone())),
        true => Some((self::name(value.get("type_url")?.value.as_str()?), value.get("value")?)),
    }
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

fn plugin(config: &Cursor<'_>) -> Plugin {
    let configured_at = config.get("configuration");
    Plugin {
        kind: Kind::Envoy,
        place: config.place.clone(),
        name: config.text("name").to_owned(),
        root_id: config.text("root_id").to_owned(),
        code: code(config),
        vm: vm(config),
        configuration: configured_at.as_ref().map_or(Configuration::Missing, configuration),
        configured_at: configured_at.map_or_else(|| config.place.clone(), |it| it.place.key("value")),
        failure: failure(config),
    }
}

fn code(config: &Cursor<'_>) -> Option<Code> {
    let code = config.find(&["vm_config", "code"])?;
    if let Some(local) = code.find(&["local", "filename"]) {
        let source = local.value.as_str().unwrap_or_default().to_owned();
        return Some(Code { place: local.place, source, sha256: String::new(), cluster: None });
    }
    let remote = code.get("remote")?;
    let uri = remote.find(&["http_uri", "uri"])?;
    let cluster = remote.find(&["http_uri", "cluster"]);
    Some(Code {
        cluster: cluster.and_then(|it| Some((it.value.as_str()?.to_owned(), it.place))),
        place: remote.place.clone(),
        source: uri.value.as_str().unwrap_or_default().to_owned(),
        sha256: remote.shown("sha256"),
    })
}

fn vm(config: &Cursor<'_>) -> Vm {
    let Some(vm) = config.get("vm_config") else { return Vm::default() };
    let configuration = vm.get("configuration").map(|it| it.value.clone()).unwrap_or_default();
    Vm { id: vm.text("vm_id").to_owned(), configuration }
}

fn configuration(any: &Cursor<'_>) -> Configuration {
    let text = any.text("value");
    match name(any.text("@type")) {
        "google.protobuf.StringValue" => Configuration::Text(text.to_owned()),
        _ => Configuration::Binary,
    }
}

/// `fail_open` counts where it is true, and `failure_policy` everywhere else, by its name or its number.
fn failure(config: &Cursor<'_>) -> Option<(Failure, Path)> {
    let open = config.get("fail_open").map(|open| (Failure::of_open(open.value), open.place));
    let policy = config.get("failure_policy");
    match (open, policy) {
        (Some((Failure::Open, place)), _) => Some((Failure::Open, place)),
        (_, Some(policy)) => {
            // A number may also be written as 3.0, and as a text.
            let text = config.shown("failure_policy");
            let number = text.parse::<f64>().ok().and_then(|number| {
                POLICIES.iter().zip([0.0, 1.0, 2.0, 3.0]).find(|(_, known)| *known == number)
            });
            let name = number.map_or(text.as_str(), |(name, _)| *name);
            Some((Failure::named(name), policy.place))
        }
        (open, None) => open,
    }
}

/// Envoy's `FailurePolicy`, by number.
const POLICIES: [&str; 4] = ["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plugin_is_found_wherever_it_is() {
        let config = json!({
            "name": "n", "root_id": "jwt-auth", "failure_policy": "FAIL_RELOAD",
            "vm_config": {"code": {"local": {"filename": "dist/jwt-auth.wasm"}}},
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{}"}
        });
        let typed = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config});
        let in_a_struct = json!({
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "value": {"config": config}
        });
        let document =
            json!({"resources": [{"typed_config": typed}], "spec": {"patch": {"value": in_a_struct}}});
        let found = plugins(&document);
        let places: Vec<_> = found.iter().map(|plugin| plugin.place.to_string()).collect();
        assert_eq!(places, ["resources[0].typed_config.config", "spec.patch.value.value.config"]);
        for plugin in found {
            assert_eq!((plugin.name.as_str(), plugin.root_id.as_str()), ("n", "jwt-auth"));
            assert_eq!(plugin.code.as_ref().unwrap().source, "dist/jwt-auth.wasm");
            assert_eq!(plugin.bytes(), Some(b"{}".to_vec()));
            assert_eq!(plugin.failure.as_ref().unwrap().0, Failure::Reload);
        }
    }

    #[test]
    fn a_struct_is_not_what_is_written() {
        let any = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1}});
        assert_eq!(configuration(&Cursor::at(&any, Path::default())), Configuration::Binary);
    }

    #[test]
    fn who_fails_open_is_known_however_it_is_written() {
        for (config, expected) in [
            (json!({"fail_open": true, "failure_policy": "FAIL_CLOSED"}), Some(Failure::Open)),
            (json!({"fail_open": false, "failure_policy": "FAIL_OPEN"}), Some(Failure::Open)),
            (json!({"failure_policy": 3}), Some(Failure::Open)),
            (json!({"fail_open": false, "failure_policy": "FAIL_RELOAD"}), Some(Failure::Reload)),
            (json!({"failurePolicy": 1}), Some(Failure::Reload)),
            (json!({"failure_policy": 3.0}), Some(Failure::Open)),
            (json!({"failure_policy": "3"}), Some(Failure::Open)),
            (json!({"fail_open": "true"}), Some(Failure::Open)),
            (json!({"failure_policy": 2}), Some(Failure::Closed)),
            (json!({"fail_open": false}), Some(Failure::Closed)),
            (json!({}), None),
        ] {
            let found = failure(&Cursor::at(&config, Path::default())).map(|(failure, _)| failure);
            assert_eq!(found, expected, "{config}");
        }
    }

    #[test]
    fn names_may_be_those_of_json() {
        let config = json!({"failOpen": true, "vmConfig": {"code": {"remote": {"httpUri": {"uri": "https://h/a.wasm"}, "sha256": "00"}}}});
        let plugin = plugin(&Cursor::at(&config, Path::default()));
        assert_eq!(plugin.failure, Some((Failure::Open, Path::default().key("failOpen"))));
        let code = plugin.code.unwrap();
        assert_eq!((code.source.as_str(), code.sha256.as_str()), ("https://h/a.wasm", "00"));
        assert_eq!((plugin.configuration, plugin.configured_at), (Configuration::Missing, Path::default()));
    }
}
