pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod fuel;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod oci;
pub(crate) mod playground;
pub(crate) mod replay;
mod request;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod test;
pub(crate) mod token;

use std::io::Read;
use std::path::Path;

use portcullis_scenario::parse_yaml;
use serde_json::Value;

/// The most that is read of a file.
const MOST: u64 = 256 << 20;

/// The bytes of a file, or a line that says why not.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    contents(path).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// The bytes of a file: a regular one, because a pipe or a device may never end.
pub(crate) fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    // Before it is opened: that alone would wait for the other end of a pipe.
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(told)?.take(MOST + 1).read_to_end(&mut bytes).map_err(told)?;
    match bytes.len() as u64 > MOST {
        true => Err(format!("more than {} MiB", MOST >> 20)),
        false => Ok(bytes),
    }
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|_| format!("{}: not UTF-8", path.display()))
}

/// Whether a file is YAML, by its name.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// A plugin's configuration: YAML becomes JSON, anything else stays as it is. An empty file stays empty too: the plugin says
/// what it makes of that.
pub(crate) fn read_config(path: &Path) -> Result<Vec<u8>, String> {
    if !is_yaml(path) {
        return read(path);
    }
    let text = read_text(path)?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let value: Value = parse_yaml(&path.display().to_string(), &text).map_err(|error| error.to_string())?;
    Ok(value.to_string().into_bytes())
}

/// 32 bytes that nobody can guess.
pub(crate) fn seed() -> Result<[u8; 32], String> {
    const SOURCE: &str = "/dev/urandom";
    let mut seed = [0; 32];
    let read = std::fs::File::open(SOURCE).and_then(|mut source| source.read_exact(&mut seed));
    read.map(|()| seed).map_err(|error| format!("{SOURCE}: {error}"))
}
