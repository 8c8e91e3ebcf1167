use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::blob::Blob;
use crate::{Digest, layout, media};

/// How a module is in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the file `plugin.wasm` in the only layer of an image of containers: what `FROM scratch` and `COPY` make, and every registry takes.
    Image,
    /// As a layer of its own type, and a second one beside it.
    Artifact,
}

/// A module as an image.
#[derive(Debug)]
pub struct Image {
    manifest: Blob,
    parts: Vec<Blob>,
}

impl Image {
    /// The image of a module. Title and version are for those who look at it in a registry.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn new(form: Form, module: &[u8], (title, version): (&str, &str)) -> std::io::Result<Self> {
        let (config, layers) = match form {
            Form::Image => {
                let archive = archive(module)?;
                let config = config(&archive);
                let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
                gzip.write_all(&archive)?;
                (config, vec![Blob::new(media::LAYER, gzip.finish()?)])
            }
            Form::Artifact => {
                let about = json!({ "type": "envoy_proxy", "abiVersions": ["v0-2-1"], "config": {} });
                let about = Blob::json(media::WASM_CONFIG, &about);
                (about.clone(), vec![about, Blob::new(media::WASM, module.to_vec())])
            }
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
            "annotations": {
                "org.opencontainers.image.title": title,
                "org.opencontainers.image.version": version,
            },
        });
        let manifest = Blob::json(media::MANIFEST, &manifest);
        Ok(Self { manifest, parts: [vec![config], layers].concat() })
    }

    /// What a registry knows it by, and what Istio's `sha256` of an `oci://` URL is.
    pub fn digest(&self) -> Digest {
        self.manifest.digest()
    }

    /// Writes it as an image layout into a folder, under this tag. What was in the folder goes.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path, tag: &str) -> std::io::Result<()> {
        layout::write(folder, tag, &self.manifest, &self.parts)
    }
}

/// An archive with the module in it, of nobody and at no time.
fn archive(module: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "plugin.wasm", module)?;
    archive.into_inner()
}

fn config(archive: &[u8]) -> Blob {
    let config: Value = json!({
        "architecture": "wasm",
        "os": "wasip1",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", Digest::of(archive))] },
    });
    Blob::json(media::CONFIG, &config)
}
