//! What is written is what Istio and Envoy Gateway read, and what they do not read is told.

use std::fs;
use std::path::Path;

use portcullis_oci::{Digest, Form, Image, module_of};
use serde_json::{Value, json};

const MODULE: &[u8] = b"\0asm\x01\0\0\0a module";

fn image(form: Form) -> (tempfile::TempDir, Image) {
    let folder = tempfile::tempdir().unwrap();
    let image = Image::new(form, MODULE, ("jwt-auth", "0.1.0")).unwrap();
    image.write(folder.path(), "0.1.0").unwrap();
    (folder, image)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_module_comes_back() {
    for form in [Form::Image, Form::Artifact] {
        let (folder, image) = image(form);
        assert_eq!(module_of(folder.path()), Ok((MODULE.to_vec(), image.digest())));
    }
}

#[test]
fn the_same_module_is_the_same_image() {
    let [(first, _), (second, _)] = [image(Form::Image), image(Form::Image)];
    assert_eq!(files(first.path()), files(second.path()));
    let (folder, _) = image(Form::Image);
    Image::new(Form::Image, b"another", ("a", "1")).unwrap().write(folder.path(), "1").unwrap();
    assert_eq!(files(folder.path()).len(), 5, "nothing of the one before is left");
    fs::write(folder.path().join("note"), "").unwrap();
    Image::new(Form::Image, b"another", ("a", "1")).unwrap().write(folder.path(), "1").unwrap();
    assert_eq!(files(folder.path()).len(), 6, "what is no part of an image stays");
}

#[test]
fn an_image_is_what_the_specification_says() {
    let (folder, image) = image(Form::Image);
    let read =
        |name: &str| serde_json::from_slice::<Value>(&fs::read(folder.path().join(name)).unwrap()).unwrap();
    assert_eq!(read("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}));
    let descriptor = &read("index.json")["manifests"][0];
    assert_eq!(descriptor["digest"], format!("sha256:{}", image.digest()));
    assert_eq!(descriptor["annotations"]["org.opencontainers.image.ref.name"], "0.1.0");
    let manifest = read(&format!("blobs/sha256/{}", image.digest()));
    for part in [&manifest["config"], &manifest["layers"][0]] {
        let bytes = fs::read(
            folder.path().join(part["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/")),
        )
        .unwrap();
        assert_eq!(part["size"], bytes.len());
    }
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
}

/// The layout with another manifest, made of this one.
fn changed(form: Form, change: impl FnOnce(&mut Value)) -> String {
    let (folder, image) = image(form);
    let blobs = folder.path().join("blobs/sha256");
    let mut manifest: Value =
        serde_json::from_slice(&fs::read(blobs.join(image.digest().to_string())).unwrap()).unwrap();
    change(&mut manifest);
    let bytes = manifest.to_string();
    let digest = Digest::of(bytes.as_bytes()).to_string();
    fs::write(blobs.join(&digest), bytes).unwrap();
    let path = folder.path().join("index.json");
    let index = fs::read_to_string(&path).unwrap();
    fs::write(path, index.replace(&image.digest().to_string(), &digest)).unwrap();
    module_of(folder.path()).unwrap_err().to_string()
}

#[test]
fn what_istio_does_not_read_is_told() {
    let single = changed(Form::Artifact, |manifest| {
        manifest["layers"].as_array_mut().unwrap().remove(0);
    });
    assert!(single.starts_with("1 layers with a module"), "{single}");
    let zstd = changed(Form::Image, |manifest| {
        manifest["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd");
    });
    assert!(zstd.contains("tar+zstd") && zstd.contains("build it with gzip"), "{zstd}");
    assert_eq!(changed(Form::Image, |manifest| manifest["layers"] = json!([])), "no layers");
}

#[test]
fn what_is_no_image_is_told() {
    let (folder, image) = image(Form::Image);
    let manifest = folder.path().join(format!("blobs/sha256/{}", image.digest()));
    fs::write(manifest, "{}").unwrap();
    let error = module_of(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("is not what it is called"), "{error}");
    let error = module_of(&folder.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
}
