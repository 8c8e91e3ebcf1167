//! What is known to go wrong, though each filter is content with its configuration.

mod clusters;
mod code;
mod delivery;
mod digests;
mod envoy;
mod failure;
mod gateway;
mod istio;
mod security;
mod sharing;
mod surroundings;

use serde_json::Value;

pub use surroundings::Surroundings;

use crate::cursor::Cursor;
use crate::{Document, Finding, Kind, Path, Plugin, SUITE};

/// A plugin that is one of ours.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// The plugin.
    pub plugin: &'a Plugin,
    /// Which filter it is: `jwt-auth`; `portcullis` for the suite.
    pub filter: &'a str,
    /// Its configuration.
    pub configuration: &'a Value,
}

impl Ours<'_> {
    /// Whether it does what this filter does: it is that filter, or a suite with it.
    pub fn has(&self, filter: &str) -> bool {
        self.filter == filter
            || (self.filter == SUITE && self.configuration.get(filter.replace('-', "_")).is_some())
    }
}

/// What a resource of Istio is bound to, by its kind.
fn targets(document: &Document) -> Vec<&str> {
    let document = Cursor::at(&document.value, Path::default());
    let [one, several] = ["targetRef", "targetRefs"].map(|name| document.find(&["spec", name]));
    let all = one.into_iter().chain(several.iter().flat_map(Cursor::items));
    all.map(|target| target.text("kind")).collect()
}

/// The API server drops fields that it does not know, or lets them stand; nobody reads them.
fn unknown(value: &Cursor<'_>, is_known: impl Fn(&str) -> bool) -> Vec<Finding> {
    let unknown = value.members().filter(|(name, _)| !is_known(name));
    let told = |name: &str| format!("there is no field {name:?}; nobody reads it");
    unknown.map(|(name, member)| Finding::error("unknown-field", &member.place, told(name))).collect()
}

/// A rehearsal, which somebody may have forgotten.
fn not_enforced(ours: &Ours<'_>) -> Option<Finding> {
    let configuration = Cursor::at(ours.configuration, ours.plugin.configured_at.clone());
    let jwt_auth = if ours.filter == SUITE { configuration.get("jwt_auth")? } else { configuration };
    let mode = jwt_auth.get("mode").filter(|mode| ours.has("jwt-auth") && mode.value == "shadow")?;
    let problem = "nobody is denied: jwt-auth counts and logs what it would deny; write mode: enforce once that is what you want";
    Some(Finding::warning("not-enforced", &mode.place, problem))
}

/// What is wrong with those of the plugins of a document that are ours, which the filters read.
pub fn of(
    document: &Document,
    all: &[Plugin],
    ours: &[Ours<'_>],
    surroundings: &Surroundings,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in ours {
        findings.extend(failure::of(one));
        findings.extend(not_enforced(one));
        findings.extend(code::of(one, surroundings));
        findings.extend(delivery::of(one));
        findings.extend(clusters::of(one, document, surroundings));
        match one.plugin.kind {
            Kind::WasmPlugin | Kind::TrafficExtension => findings.extend(istio::of(one, document)),
            Kind::Envoy => findings.extend(envoy::of(one, document)),
            Kind::EnvoyExtensionPolicy => findings.extend(gateway::of(one, document)),
        }
    }
    findings.extend(sharing::of(all, ours));
    findings
}
