use serde_json::Value;

use crate::Path;
use crate::cursor::Cursor;

/// What a plugin is written down in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Envoy's own configuration: `envoy.extensions.wasm.v3.PluginConfig`.
    Envoy,
    /// Istio's `WasmPlugin`.
    WasmPlugin,
    /// Istio's `TrafficExtension`.
    TrafficExtension,
    /// Envoy Gateway's `EnvoyExtensionPolicy`.
    EnvoyExtensionPolicy,
}

/// What becomes of requests when a plugin cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// They are refused, until somebody changes something.
    Closed,
    /// They pass without it.
    Open,
    /// They are refused, until Envoy has built it anew.
    Reload,
}

impl Failure {
    /// By the name that Envoy and Istio have for it.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "FAIL_OPEN" => Self::Open,
            "FAIL_RELOAD" => Self::Reload,
            _ => Self::Closed,
        }
    }

    /// By a member that says whether requests pass.
    pub(crate) fn of_open(is_open: &Value) -> Self {
        match is_open {
            Value::Bool(true) => Self::Open,
            Value::String(text) if text.eq_ignore_ascii_case("true") => Self::Open,
            _ => Self::Closed,
        }
    }
}

/// Where the module of a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Where that is written.
    pub place: Path,
    /// A file, a URL or an image.
    pub source: String,
    /// The digest that it is to have; empty where none is written.
    pub sha256: String,
    /// The cluster that Envoy fetches it from, and where that is written.
    pub cluster: Option<(String, Path)>,
}

impl Code {
    /// Whether it is an image in a registry, whose digest is that of its manifest. Istio takes a source without a scheme for one.
    pub(crate) fn is_image(&self, kind: Kind) -> bool {
        match self.scheme() {
            Some(scheme) => scheme == "oci",
            None => matches!(kind, Kind::WasmPlugin | Kind::TrafficExtension),
        }
    }

    /// `https` of a URL, also where it is written in capitals.
    pub(crate) fn scheme(&self) -> Option<String> {
        self.source.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase())
    }

    /// The digest that is written for it, by itself or at the end of an image's name, `registry.example/jwt-auth@sha256:...`; empty where there is none.
    pub(crate) fn digest(&self, kind: Kind) -> &str {
        let is_digest =
            |digits: &&str| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let in_name = self.source.rsplit_once("@sha256:").map(|(_, digits)| digits);
        match self.sha256.as_str() {
            "" if self.is_image(kind) => in_name.filter(is_digest).unwrap_or_default(),
            written => written,
        }
    }

    /// The name of its module.
    pub(crate) fn name(&self) -> String {
        module_name(&self.source)
    }
}

/// What says, beside the module, which VM a plugin is in: plugins that have all of it in common are in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vm {
    /// `vm_id`, which is also whose shared data it has.
    pub id: String,
    /// `vm_config.configuration`.
    pub configuration: Value,
}

/// The configuration of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// There is none.
    Missing,
    /// Members of the manifest, which the plugin gets as JSON.
    Members(Value),
    /// A text, which it gets as it is.
    Text(String),
    /// Something that it gets in another form than it is written in.
    Binary,
}

impl Configuration {
    /// That of a plugin which has it as a member of this name, and where it is or would be.
    pub(crate) fn member(plugin: &Cursor<'_>, name: &str) -> (Path, Self) {
        match plugin.get(name) {
            Some(member) => (member.place, Self::Members(member.value.clone())),
            None => (plugin.place.clone(), Self::Missing),
        }
    }
}

/// A plugin in a manifest.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// What it is written down in.
    pub kind: Kind,
    /// Where.
    pub place: Path,
    /// Its name: in Istio that of the resource.
    pub name: String,
    /// Which of the plugins in the module it is; in Istio `pluginName`.
    pub root_id: String,
    /// Its module.
    pub code: Option<Code>,
    /// The VM that it is in, where that can be written.
    pub vm: Vm,
    /// Where its configuration is, or would be.
    pub configured_at: Path,
    /// Its configuration.
    pub configuration: Configuration,
    /// What becomes of requests when it cannot run, where that is written, and the place.
    pub failure: Option<(Failure, Path)>,
}

impl Plugin {
    /// Which of these filters it is; `None` where it is somebody else's. The `root_id` says so, or the name of the module, or, where that says nothing,
    /// the plugin's own.
    pub fn filter<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let module = self.code.as_ref().map(Code::name).unwrap_or_default();
        let own = self.name.rsplit('.').next().unwrap_or_default();
        let candidates = [self.root_id.as_str(), &module, own];
        candidates.into_iter().find_map(|candidate| names.iter().copied().find(|name| *name == candidate))
    }

    /// The bytes that its filter gets; `None` where they cannot be told.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match &self.configuration {
            Configuration::Missing => Some(Vec::new()),
            Configuration::Members(members) => Some(members.to_string().into_bytes()),
            Configuration::Text(text) => Some(text.clone().into_bytes()),
            Configuration::Binary => None,
        }
    }
}

/// `jwt-auth` of `oci://registry.example/portcullis/jwt-auth:0.1.0`, of `https://host.example/jwt_auth.wasm?v=2` and of `dist/jwt-auth.debug.wasm`.
fn module_name(source: &str) -> String {
    let source = source.split(['?', '#', '@']).next().unwrap_or_default();
    let name = source.rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let name = name.trim_end_matches(".gz").trim_end_matches(".tar").trim_end_matches(".wasm");
    name.trim_end_matches(".debug").replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_a_name() {
        for source in [
            "jwt-auth",
            "dist/jwt-auth.wasm",
            "dist/jwt-auth.debug.wasm",
            "oci://registry.example:5000/portcullis/jwt-auth:0.1.0",
            "registry.example/jwt-auth@sha256:00",
            "https://host.example/v1/jwt_auth.wasm?v=2",
            "file:///opt/filters/jwt-auth.wasm",
        ] {
            assert_eq!(module_name(source), "jwt-auth", "{source}");
        }
    }

    #[test]
    fn a_plugin_is_what_its_root_id_says_or_its_module_or_its_name() {
        let plugin = |name: &str, root_id: &str, source: &str| Plugin {
            kind: Kind::Envoy,
            place: Path::default(),
            name: name.to_owned(),
            root_id: root_id.to_owned(),
            code: Some(Code {
                place: Path::default(),
                source: source.to_owned(),
                sha256: String::new(),
                cluster: None,
            }),
            vm: Vm::default(),
            configured_at: Path::default(),
            configuration: Configuration::Missing,
            failure: None,
        };
        let names = ["jwt-auth", "portcullis"];
        for (name, root_id, source, expected) in [
            ("edge", "jwt-auth", "dist/portcullis.wasm", Some("jwt-auth")),
            ("jwt-auth", "edge", "dist/portcullis.wasm", Some("portcullis")),
            ("shop.jwt-auth", "", "oci://registry.example/edge:1", Some("jwt-auth")),
            ("edge", "", "dist/other.wasm", None),
        ] {
            assert_eq!(plugin(name, root_id, source).filter(&names), expected, "{name} {root_id} {source}");
        }
    }
}
