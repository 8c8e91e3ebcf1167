//! What Istio and Envoy Gateway read out of an image.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Digest, layout, media};

/// Istio's own limit, `ISTIO_WASM_MAX_BINARY_SIZE_BYTES`.
const MOST: u64 = 256 << 20;
/// The name of the module in a layer.
const PLUGIN: &str = "plugin.wasm";

/// Why an image has no module for Istio and Envoy Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
}

/// The module in an image layout, and the digest of its manifest.
///
/// # Errors
/// There is none, or it is not where it is looked for; how the image has to be built.
pub fn module_of(folder: &Path) -> Result<(Vec<u8>, Digest), ReadError> {
    let index: Index = json(&read(&folder.join(layout::INDEX))?, layout::INDEX)?;
    let [descriptor] = index.manifests.as_slice() else {
        return Err(ReadError(format!("{} images in one layout; write one", index.manifests.len())));
    };
    if descriptor.media_type != media::MANIFEST {
        return Err(ReadError(format!(
            "a manifest of type {}; write {}",
            descriptor.media_type,
            media::MANIFEST
        )));
    }
    let manifest = blob(folder, descriptor)?;
    let digest = Digest::of(&manifest);
    let layers = json::<Manifest>(&manifest, "the manifest")?.layers;
    let module = match layers.iter().find(|layer| layer.media_type == media::WASM) {
        Some(layer) if layers.len() == 2 => blob(folder, layer)?,
        Some(_) => {
            return Err(ReadError(format!(
                "{} layers with a module as one of them: Istio and Envoy Gateway want exactly two; portcullis oci --form artifact makes them",
                layers.len()
            )));
        }
        None => in_archive(folder, layers.last())?,
    };
    match module.starts_with(b"\0asm\x01\0\0\0") {
        true => Ok((module, digest)),
        false => Err(ReadError("what is in the place of the module is no WebAssembly module".to_owned())),
    }
}

/// The module in the last layer of an image of containers.
fn in_archive(folder: &Path, layer: Option<&Descriptor>) -> Result<Vec<u8>, ReadError> {
    let layer = layer.ok_or_else(|| ReadError("no layers".to_owned()))?;
    if layer.media_type != media::LAYER {
        return Err(ReadError(format!(
            "the last layer is of type {}, and Istio and Envoy Gateway want {}; build it with gzip, and not zstd",
            layer.media_type,
            media::LAYER
        )));
    }
    let bytes = blob(folder, layer)?;
    let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()).take(MOST));
    let broken = |error: std::io::Error| ReadError(format!("the last layer is no archive: {error}"));
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?;
        if path.file_name().is_some_and(|name| name == PLUGIN) {
            let mut module = Vec::new();
            entry.read_to_end(&mut module).map_err(broken)?;
            let is_whole = entry.size() == module.len() as u64;
            return is_whole.then_some(module).ok_or_else(|| ReadError(format!("{PLUGIN} is cut off")));
        }
    }
    Err(ReadError(format!("there is no {PLUGIN} in the last layer; copy the module under that name")))
}

fn blob(folder: &Path, descriptor: &Descriptor) -> Result<Vec<u8>, ReadError> {
    let is_digest = |digits: &&str| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = descriptor.digest.strip_prefix("sha256:").filter(is_digest);
    let digits = digits.ok_or_else(|| ReadError(format!("{:?} is no digest", descriptor.digest)))?;
    let bytes = read(&folder.join(layout::BLOBS).join(digits))?;
    match Digest::of(&bytes).to_string() == digits {
        true => Ok(bytes),
        false => Err(ReadError(format!("{} is not what it is called", descriptor.digest))),
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, ReadError> {
    let told = |error: std::io::Error| ReadError(format!("{}: {error}", path.display()));
    // A pipe would wait for its other end.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err(ReadError(format!("{}: not a regular file", path.display())));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(told)?.take(MOST + 1).read_to_end(&mut bytes).map_err(told)?;
    match bytes.len() as u64 > MOST {
        true => Err(ReadError(format!("{}: more than {} MiB", path.display(), MOST >> 20))),
        false => Ok(bytes),
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|error| ReadError(format!("{what}: {error}")))
}
