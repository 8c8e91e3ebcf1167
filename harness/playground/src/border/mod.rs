//! What JavaScript calls. Texts are JSON; what is thrown is a text too.

mod audit;
mod kept;

use std::path::Path;
use std::sync::Arc;

use js_sys::{Object, Reflect, Uint8Array};
use portcullis_sim::{Plugin, PluginSetup, Profile};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::audit::Refusal;
use crate::guest::Module;
use crate::policy::Vms;
use crate::{module, policy};

pub use audit::{audit_export, audit_record, audit_search, audit_verify};

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

/// Plays a scenario: `Played`. `files` are an object of texts by path, `modules` one of bytes; `now` is the real time in milliseconds since the
/// epoch.
///
/// # Errors
/// It is no scenario that can be played here: `Problem`.
#[wasm_bindgen]
pub fn play(path: &str, text: &str, files: &str, modules: &Object, now: f64) -> Result<String, String> {
    let found = |path: &str, profile| {
        Some(kept::kept(bytes(modules, path)?, profile, |bytes| loaded(bytes, profile)))
    };
    policy::play(path, text, files, &found, now as u64)
}

/// A module by its path, or by the last part of it: files come without their folders.
fn bytes(modules: &Object, path: &str) -> Option<Vec<u8>> {
    let name = Path::new(path).file_name()?.to_str()?;
    let mut found = [path, name].into_iter().filter_map(|name| Reflect::get(modules, &name.into()).ok());
    found.find_map(|bytes| bytes.dyn_into::<Uint8Array>().ok()).map(|bytes| bytes.to_vec())
}

fn loaded(bytes: &[u8], profile: Profile) -> Result<Vms, String> {
    let module = Module::load(bytes, profile)?;
    Ok(Arc::new(move |setup: &PluginSetup| {
        module.instantiate(setup).map(|vm| Box::new(vm) as Box<dyn Plugin>)
    }))
}

/// Takes a token apart: `TokenRead`.
#[wasm_bindgen]
pub fn token(text: &str) -> String {
    policy::token(text)
}

/// Looks into a module: `ModuleRead`.
///
/// # Errors
/// Envoy would not take it: a `Refusal`.
#[wasm_bindgen]
pub fn inspect(bytes: &[u8]) -> Result<String, String> {
    module::read(bytes).map_err(|problem| Refusal::of_file(problem).to_json())
}
