//! Envoy Gateway's EnvoyExtensionPolicy.

use serde_json::Value;

use crate::Path;
use crate::cursor::Cursor;
use crate::plugin::{Code, Configuration, Failure, Kind, Plugin, Vm};

pub(crate) fn policy(resource: &Value) -> Vec<Plugin> {
    let resource = Cursor::at(resource, Path::default());
    let name = resource.get("metadata").map(|metadata| metadata.text("name")).unwrap_or_default();
    let plugins = resource.find(&["spec", "wasm"]);
    plugins.iter().flat_map(Cursor::items).map(|wasm| plugin(&wasm, name)).collect()
}

fn plugin(wasm: &Cursor<'_>, policy: &str) -> Plugin {
    let own = wasm.text("name");
    let (configured_at, configuration) = Configuration::member(wasm, "config");
    let failure = wasm.get("failOpen").map(|open| (Failure::of_open(open.value), open.place));
    Plugin {
        kind: Kind::EnvoyExtensionPolicy,
        place: wasm.place.clone(),
        name: if own.is_empty() { policy } else { own }.to_owned(),
        root_id: wasm.text("rootID").to_owned(),
        code: wasm.get("code").and_then(|code| self::code(&code)),
        vm: Vm::default(),
        configured_at,
        configuration,
        failure,
    }
}

fn code(code: &Cursor<'_>) -> Option<Code> {
    let from = code.get("http").or_else(|| code.get("image"))?;
    let scheme = if code.text("type") == "Image" { "oci://" } else { "" };
    let source = format!("{scheme}{}", from.text("url"));
    Some(Code { source, sha256: from.shown("sha256"), place: from.place, cluster: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_has_several_plugins() {
        let document = json!({"metadata": {"name": "edge"}, "spec": {"wasm": [
            {"name": "first", "rootID": "jwt-auth", "code": {"type": "Image", "image": {"url": "registry.example/portcullis:1"}}, "config": {"a": 1}, "failOpen": true},
            {"code": {"type": "HTTP", "http": {"url": "https://h.example/token-bucket.wasm", "sha256": "00"}}}
        ]}});
        let found = policy(&document);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.name.as_str(), second.name.as_str()), ("first", "edge"));
        assert_eq!(first.code.as_ref().unwrap().source, "oci://registry.example/portcullis:1");
        assert_eq!(second.code.as_ref().unwrap().sha256, "00");
        assert_eq!(first.failure.as_ref().unwrap().0, Failure::Open);
        assert_eq!((second.failure.clone(), second.bytes()), (None, Some(Vec::new())));
        assert_eq!(second.configured_at.to_string(), "spec.wasm[1]");
    }
}
