//! What JavaScript calls. Texts are JSON; what is thrown is a text too.

mod audit;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{module, policy};

pub use audit::{audit_export, audit_search, audit_verify};

/// The filters and what their configurations begin with: `Filter[]`.
#[wasm_bindgen]
pub fn filters() -> String {
    policy::filters()
}

/// The JSON Schema of a filter's configuration.
///
/// # Errors
/// There is no such filter.
#[wasm_bindgen]
pub fn schema(filter: &str) -> Result<String, String> {
    policy::schema(filter)
}

/// What a filter says against a configuration in YAML: `Problem`, or null. `vars` are an object.
///
/// # Errors
/// There is no such filter, or `vars` are none.
#[wasm_bindgen]
pub fn check(filter: &str, config: &str, vars: &str) -> Result<String, String> {
    policy::check(filter, config, vars)
}

/// Plays a scenario: `Played`. `files` are an object of texts by path, `now` is the real time in milliseconds since the epoch.
///
/// # Errors
/// It is no scenario that can be played here: `Problem`.
#[wasm_bindgen]
pub fn play(path: &str, text: &str, files: &str, now: f64) -> Result<String, String> {
    policy::play(path, text, files, now as u64)
}

/// Takes a token apart: `TokenRead`.
#[wasm_bindgen]
pub fn token(text: &str) -> String {
    policy::token(text)
}

/// Looks into a module: `ModuleRead`.
///
/// # Errors
/// Envoy would not take it; the text says why.
#[wasm_bindgen]
pub fn inspect(bytes: &[u8]) -> Result<String, String> {
    module::read(bytes)
}
