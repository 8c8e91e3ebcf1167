//! Istio's WasmPlugin, and the TrafficExtension that takes its place since 1.30.

use serde_json::Value;

use crate::Path;
use crate::cursor::Cursor;
use crate::plugin::{Code, Configuration, Failure, Kind, Plugin, Vm};

pub(crate) fn wasm_plugin(resource: &Value) -> Vec<Plugin> {
    let resource = Cursor::at(resource, Path::default());
    resource.get("spec").map(|spec| plugin(Kind::WasmPlugin, &resource, &spec)).into_iter().collect()
}

pub(crate) fn traffic_extension(resource: &Value) -> Vec<Plugin> {
    let resource = Cursor::at(resource, Path::default());
    let wasm = resource.find(&["spec", "wasm"]);
    wasm.map(|wasm| plugin(Kind::TrafficExtension, &resource, &wasm)).into_iter().collect()
}

fn plugin(kind: Kind, resource: &Cursor<'_>, wasm: &Cursor<'_>) -> Plugin {
    let (configured_at, configuration) = Configuration::member(wasm, "pluginConfig");
    let code = wasm.get("url").map(|url| Code {
        source: url.value.as_str().unwrap_or_default().to_owned(),
        sha256: wasm.shown("sha256"),
        place: url.place,
        cluster: None,
    });
    Plugin {
        kind,
        place: wasm.place.clone(),
        name: resource.get("metadata").map(|metadata| metadata.text("name")).unwrap_or_default().to_owned(),
        root_id: wasm.text("pluginName").to_owned(),
        code,
        vm: Vm::default(),
        configured_at,
        configuration,
        failure: failure(wasm),
    }
}

fn failure(wasm: &Cursor<'_>) -> Option<(Failure, Path)> {
    let strategy = wasm.get("failStrategy")?;
    Some((Failure::named(strategy.value.as_str()?), strategy.place))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_kinds_say_the_same() {
        let wasm = json!({
            "url": "oci://registry.example/portcullis:1", "sha256": "00", "pluginName": "jwt-auth",
            "failStrategy": "FAIL_OPEN", "pluginConfig": {"providers": []}
        });
        let metadata = json!({"name": "edge"});
        let old = json!({"kind": "WasmPlugin", "metadata": metadata, "spec": wasm});
        let new = json!({"kind": "TrafficExtension", "metadata": metadata, "spec": {"wasm": wasm}});
        for (found, place) in [(wasm_plugin(&old), "spec"), (traffic_extension(&new), "spec.wasm")] {
            let [plugin] = found.as_slice() else { panic!("{place}") };
            assert_eq!((plugin.name.as_str(), plugin.root_id.as_str()), ("edge", "jwt-auth"));
            assert_eq!(plugin.configured_at.to_string(), format!("{place}.pluginConfig"));
            assert_eq!(plugin.bytes().unwrap(), br#"{"providers":[]}"#);
            let (failure, at) = plugin.failure.clone().unwrap();
            assert_eq!((failure, at.to_string()), (Failure::Open, format!("{place}.failStrategy")));
        }
        assert!(traffic_extension(&json!({"spec": {"lua": {}}})).is_empty());
    }
}
