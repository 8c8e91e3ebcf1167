//! Plugins in the manifests of Envoy, Istio and Envoy Gateway, and what is known to go wrong with them.
//!
//! A manifest is read as a tree of values with the line of each ([`Document`]); the plugins in it are [found](plugins), whichever way they are written
//! down, and [traps] says what Envoy, Istio or Envoy Gateway will make of them that nobody wants.

mod cursor;
mod document;
mod envoy;
mod finding;
mod gateway;
mod istio;
mod mistake;
mod path;
mod plugin;
pub mod starter;
pub mod traps;

pub use document::{Document, ReadError, documents};
pub use finding::{Finding, Level};
pub use mistake::Mistake;
pub use path::Path;
pub use plugin::{Code, Configuration, Failure, Kind, Plugin, Vm};

use serde_json::Value;

/// The filter that is all of ours as one.
const SUITE: &str = "portcullis";

/// What findings are called, and what those are called that a command adds.
pub const CODES: [&str; 21] = [
    "configuration",
    "unread",
    "fail-open",
    "fails-for-good",
    "no-cluster",
    "both-directions",
    "client-address",
    "never-applies",
    "never-fetched",
    "unknown-field",
    "not-pinned",
    "placeholder",
    "digest",
    "image",
    "not-encrypted",
    "not-enforced",
    "inexact-number",
    "native-tracing",
    "matcher",
    "same-name",
    "shared-vm",
];

/// The plugins of a document, in their order; none where it is a manifest of something else.
pub fn plugins(document: &Document) -> Vec<Plugin> {
    let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "WasmPlugin" => istio::wasm_plugin(&document.value),
        "TrafficExtension" => istio::traffic_extension(&document.value),
        "EnvoyExtensionPolicy" => gateway::policy(&document.value),
        // Configurations of Envoy itself, and resources that have parts of one in them, such as Istio's EnvoyFilter.
        _ => envoy::plugins(&document.value),
    }
}
