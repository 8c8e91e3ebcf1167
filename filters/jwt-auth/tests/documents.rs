//! What the documents say of the configuration and of the tests is true of the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_jwt_auth::{JwtAuth, JwtAuthConfig};
use portcullis_kit::HttpFilter;
use portcullis_kit::testing::documents::assert_tables;
use portcullis_kit::testing::markdown::{quoted, rows};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The members of each part of the configuration; of a part that is one of several things, what they are called.
fn members() -> BTreeMap<String, BTreeSet<String>> {
    let schema = schemars::schema_for!(JwtAuthConfig).to_value();
    let parts = schema["$defs"].as_object().unwrap().iter().map(|(name, part)| (name.as_str(), part));
    let parts = parts.chain([("JwtAuthConfig", &schema)]);
    let names = |part: &Value| {
        let properties = part["properties"].as_object();
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let members = parts.filter_map(|(part, schema)| {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let mut all: BTreeSet<_> = choices.clone().flat_map(names).chain(names(schema)).collect();
        let constants = choices.filter_map(|choice| Some(choice["const"].as_str()?.to_owned()));
        // Values alone are no members.
        let is_part = !all.is_empty();
        all.extend(constants);
        is_part.then(|| (part.to_owned(), all))
    });
    members.collect()
}

#[test]
fn the_readme_names_every_member_of_the_configuration_and_no_other() {
    assert_tables(&read("filters/jwt-auth/README.md"), members());
}

#[test]
fn the_configurations_of_the_readme_and_of_the_examples_are_accepted() {
    let readme = read("filters/jwt-auth/README.md");
    let block =
        readme.lines().skip_while(|line| *line != "    providers:").take_while(|line| !line.is_empty());
    let mut configurations = vec![block.collect::<Vec<_>>().join("\n")];
    let examples = fs::read_dir(root().join("envoy/standalone")).unwrap().map(|example| example.unwrap());
    for example in examples.filter(|it| it.file_name().to_str().unwrap().starts_with("jwt-auth")) {
        let text = fs::read_to_string(example.path()).unwrap();
        let embedded =
            text.split("value: |\n").nth(1).map(|rest| rest.split("\n                  - ").next().unwrap());
        configurations.push(embedded.unwrap_or(&text).to_owned());
    }
    for text in configurations {
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let configured = JwtAuth::configure(value.to_string().as_bytes());
        assert!(configured.is_ok(), "{text}: {}", configured.unwrap_err());
    }
}

/// All of this folder's files with one of these extensions, and of those in it.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs" | "py") => found.push_str(&fs::read_to_string(&path).unwrap()),
            None if path.is_dir() => sources(&path, found),
            _ => {}
        }
    }
}

#[test]
fn every_test_that_the_security_page_names_is_there() {
    let page = read("docs/jwt-security.md");
    let mut code = String::new();
    for folder in ["filters/jwt-auth/src", "filters/jwt-auth/tests", "filters/kit/src", "tests/e2e"] {
        sources(&root().join(folder), &mut code);
    }
    let code = code.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for table in
        page.split("\n\n").filter(|block| block.lines().next().is_some_and(|line| line.ends_with("| test |")))
    {
        for row in rows(table) {
            let tests: Vec<_> = quoted(row[row.len() - 2]).collect();
            assert!(!tests.is_empty(), "no test: {}", row[1]);
            for test in tests {
                let is_scenario = root().join("tests/scenarios/jwt-auth").join(test).is_file();
                let is_function =
                    code.contains(&format!("#[test] fn {test}(")) || code.contains(&format!(" def {test}("));
                assert!(is_scenario || is_function, "{test} is not there");
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} tests found: has the form of the tables changed?");
}
