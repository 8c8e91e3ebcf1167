//! A member that nobody knows, anywhere in the configuration of a plugin in a manifest that we ship, is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_manifest::{Configuration, Document, Plugin, documents, plugins};
use serde_json::{Value, json};

const NONSENSE: &str = "nonsense";

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = BTreeSet::new();
    for path in manifests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy")) {
        let all = documents(&fs::read_to_string(&path).unwrap()).unwrap();
        let found = all
            .iter()
            .flat_map(|document| plugins(document).into_iter().map(move |plugin| (document, plugin)));
        for (document, plugin) in found {
            for manifest in mutated(document, &plugin) {
                let name = format!("{}.json", written.len());
                fs::write(folder.path().join(&name), manifest.to_string()).unwrap();
                written.insert(name);
            }
        }
    }
    assert!(written.len() > 500, "{}", written.len());
    let check =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("check").arg(folder.path()).output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    let told = String::from_utf8(check.stdout).unwrap();
    // An object with one member of several has another word for it.
    let is_refused = |line: &&str| line.contains(": error: ") && line.ends_with(" [configuration]");
    let name = |line: &str| Some(format!("{}.json", line.split_once(".json:")?.0.rsplit('/').next()?));
    let refused = told.lines().filter(is_refused).filter_map(name);
    let refused: BTreeSet<_> = refused.collect();
    let taken: Vec<_> = written.difference(&refused).collect();
    assert!(
        taken.is_empty(),
        "{} are taken: {}",
        taken.len(),
        fs::read_to_string(folder.path().join(taken[0])).unwrap()
    );
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(manifests(&path)),
            false if path.extension().is_some_and(|kind| kind == "yaml") => found.push(path),
            false => {}
        }
    }
    found
}

/// The manifest with another member in each of the objects of the plugin's configuration, one at a time.
fn mutated(document: &Document, plugin: &Plugin) -> Vec<Value> {
    let mut configuration = match &plugin.configuration {
        Configuration::Members(members) => members.clone(),
        Configuration::Text(text) => serde_json::from_str(text).unwrap(),
        _ => return Vec::new(),
    };
    let mut manifests = Vec::new();
    let mut whole = document.value.clone();
    for pointer in objects(&configuration, String::new()) {
        configuration.pointer_mut(&pointer).unwrap()[NONSENSE] = json!(1);
        let place = whole.pointer_mut(&as_pointer(&plugin.configured_at.to_string())).unwrap();
        *place = match place {
            Value::String(_) => configuration.to_string().into(),
            _ => configuration.clone(),
        };
        manifests.push(whole.clone());
        configuration.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(NONSENSE);
    }
    manifests
}

/// Every object but keys and their set, which may have members of their own (RFC 7517, sections 4 and 5).
fn objects(value: &Value, pointer: String) -> Vec<String> {
    match value {
        _ if pointer.contains("/jwks/inline") => Vec::new(),
        Value::Object(members) => {
            let within =
                members.iter().flat_map(|(name, member)| objects(member, format!("{pointer}/{name}")));
            within.chain([pointer.clone()]).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| objects(item, format!("{pointer}/{index}")))
            .collect(),
        _ => Vec::new(),
    }
}

/// `/resources/0/typed_config` of `resources[0].typed_config`.
fn as_pointer(place: &str) -> String {
    format!("/{}", place.replace(['.', '['], "/").replace(']', ""))
}
