//! Images in folders.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::blob::Blob;
use crate::media;

/// The file that makes a folder an image layout.
pub const MARK: &str = "oci-layout";
pub(crate) const INDEX: &str = "index.json";
pub(crate) const BLOBS: &str = "blobs/sha256";

pub(crate) fn write(folder: &Path, tag: &str, manifest: &Blob, parts: &[Blob]) -> std::io::Result<()> {
    let blobs = folder.join(BLOBS);
    if folder.join(MARK).exists() {
        // First what says that it is an image. What is no part of one stays.
        fs::remove_file(folder.join(MARK))?;
        if blobs.exists() {
            fs::remove_dir_all(&blobs)?;
        }
    }
    fs::create_dir_all(&blobs)?;
    for blob in parts.iter().chain([manifest]) {
        fs::write(blobs.join(blob.digest().to_string()), &blob.bytes)?;
    }
    let mut descriptor = manifest.descriptor();
    if let Value::Object(members) = &mut descriptor {
        members.insert("annotations".to_owned(), json!({ "org.opencontainers.image.ref.name": tag }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media::INDEX, "manifests": [descriptor] });
    fs::write(folder.join(INDEX), index.to_string())?;
    // Last: it says that this is an image, and a whole one.
    fs::write(folder.join(MARK), json!({ "imageLayoutVersion": "1.0.0" }).to_string())
}
