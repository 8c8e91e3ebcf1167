pub(crate) mod check;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod test;

use std::path::Path;

use serde_json::Value;

/// The bytes of a file, or a line that says why not.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A plugin's configuration as JSON, from a file in JSON or YAML. An empty file stays empty: the plugin says what it makes
/// of that.
fn read_config(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path)?;
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if !is_yaml || bytes.trim_ascii().is_empty() {
        return Ok(bytes);
    }
    let value: Value =
        serde_saphyr::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(value.to_string().into_bytes())
}
