//! Which members and values of its schema a configuration has.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that is wrong fails")]

use std::collections::BTreeSet;

use serde_json::Value;

/// All members, as `Part.member`, and all values of those that are one of several, as `Part=value`; `whole` is the part that the configuration
/// itself is.
///
/// # Panics
/// Where the schema has no parts.
#[must_use]
pub fn all(schema: &Value, whole: &str) -> BTreeSet<String> {
    let root = (whole, schema);
    let parts = schema["$defs"].as_object().unwrap().iter().map(|(name, part)| (name.as_str(), part));
    parts.chain([root]).flat_map(|(name, part)| names(name, part)).collect()
}

/// Those that a configuration has.
#[must_use]
pub fn found(config: &Value, schema: &Value, whole: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(config, (whole, schema), schema, &mut found);
    found
}

fn names(name: &str, part: &Value) -> Vec<String> {
    let choices = part["oneOf"].as_array().into_iter().flatten();
    let values = choices.clone().filter_map(|choice| choice["const"].as_str());
    let values = values.map(|value| format!("{name}={value}"));
    let members = choices.chain([part]).filter_map(|it| it["properties"].as_object()).flatten();
    members.map(|(member, _)| format!("{name}.{member}")).chain(values).collect()
}

/// Walks a value and its schema side by side, and notes what it has of it.
fn walk(value: &Value, (name, part): (&str, &Value), schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = part["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        return walk(value, (name, &schema["$defs"][name]), schema, found);
    }
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|of| part[of].as_array()).flatten();
    choices.for_each(|choice| walk(value, (name, choice), schema, found));
    if let Some(text) = value.as_str().filter(|text| part["const"].as_str() == Some(text)) {
        found.insert(format!("{name}={text}"));
    }
    for item in value.as_array().into_iter().flatten() {
        walk(item, (name, &part["items"]), schema, found);
    }
    for (member, value) in value.as_object().into_iter().flatten() {
        let inner = &part["properties"][member];
        if !inner.is_null() {
            found.insert(format!("{name}.{member}"));
            walk(value, (name, inner), schema, found);
        }
    }
}
