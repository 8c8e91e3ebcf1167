//! What docs/scenarios.md says is so.

use std::collections::BTreeSet;

use portcullis_scenario::Scenario;
use portcullis_scenario::schema::ScenarioFile;
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/scenarios.md");

fn examples() -> Vec<&'static str> {
    PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_is_a_scenario() {
    let included = |path: &str| match path {
        "_tokens.yaml" => Ok("good: token\n".to_owned()),
        "_shop.yaml" => Ok("defaults: {config: {providers: []}}\n".to_owned()),
        _ => Err("not there".to_owned()),
    };
    assert!(examples().len() > 8);
    for example in examples() {
        if let Err(error) = Scenario::load("docs/scenarios.md", example, &included) {
            panic!("{error}\n{example}");
        }
    }
}

#[test]
fn every_key_stands_in_an_example_or_in_the_text() {
    let schema = schemars::schema_for!(ScenarioFile);
    let mut keys = BTreeSet::new();
    collect(schema.as_value(), &mut keys);
    assert!(keys.len() > 60, "{keys:?}");
    for key in keys {
        let written = [format!("{key}:"), format!("`{key}`")];
        assert!(written.iter().any(|it| PAGE.contains(it)), "{key} is not in docs/scenarios.md");
    }
}

/// The names of all properties.
fn collect(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| collect(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}
