//! What the README and the schema say of the configuration is true of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_kit::Module;
use portcullis_kit::testing::markdown::{blocks, quoted, table};
use portcullis_suite::{MEMBERS, Suite, SuiteConfig};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("filters/suite/README.md")).unwrap()
}

fn schema() -> Value {
    schemars::schema_for!(SuiteConfig).to_value()
}

#[test]
fn the_readme_names_every_member_and_every_filter() {
    let readme = readme();
    let rows = table(&readme, "## Configuration");
    let written: Vec<_> = rows.iter().flat_map(|row| quoted(row[1])).collect();
    assert_eq!(written, MEMBERS.map(|(member, _)| member));
    let properties = schema()["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(properties, written.into_iter().map(str::to_owned).collect());
    let alone = readme.split_once("## One filter of it").unwrap().1;
    for (_, filter) in MEMBERS {
        assert!(alone.contains(&format!("`{filter}`")), "{filter}");
    }
}

#[test]
fn the_configuration_of_the_readme_is_accepted() {
    let blocks = blocks(&readme());
    let text = blocks.iter().find(|block| block.starts_with("trace_injection:\n")).unwrap();
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let links = Suite::links(value.to_string().as_bytes(), "").unwrap();
    assert_eq!(links.iter().map(|link| link.name()).collect::<Vec<_>>(), MEMBERS.map(|(_, filter)| filter));
}
