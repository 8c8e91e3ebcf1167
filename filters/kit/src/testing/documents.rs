//! Whether a README says what the schema of a configuration has.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that is wrong fails")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::markdown::{quoted, rows};

/// Checks that tables name every member of the configuration and no other: those below a comment `<!-- Part Part -->` the members of these
/// parts. `whole` is the part that the configuration itself is.
///
/// # Panics
/// Where a table and its parts differ, and where a part has no table.
pub fn assert_members(readme: &str, schema: &Value, whole: &str) {
    assert_tables(readme, members(schema, whole));
}

/// Likewise, of members that are told.
///
/// # Panics
/// Likewise.
pub fn assert_tables(readme: &str, mut members: BTreeMap<String, BTreeSet<String>>) {
    let is_part = |marked: &&str| marked.starts_with(|c: char| c.is_ascii_uppercase());
    for marked in readme.split("<!-- ").skip(1).filter(is_part) {
        let (parts, text) = marked.split_once(" -->").unwrap();
        let of = |part: &str| members.remove(part).unwrap_or_else(|| panic!("{part} is no part, or twice"));
        let expected: BTreeSet<_> = parts.split(' ').flat_map(of).collect();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let cells = rows(text).filter_map(|row| row.get(1).copied()).collect::<Vec<_>>();
        let words = cells.iter().flat_map(|cell| quoted(cell)).flat_map(|text| text.split(|c| !is_name(c)));
        let named: BTreeSet<_> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        assert_eq!(named, expected, "{parts}");
    }
    assert_eq!(members.keys().collect::<Vec<_>>(), [""; 0], "parts without a table");
}

/// Checks that every value of a part that is one of several stands in the text.
///
/// # Panics
/// Where one does not.
pub fn assert_values(text: &str, schema: &Value) {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let said: BTreeSet<_> = text.split(|c| !is_part(c)).map(|word| word.trim_matches('.')).collect();
    for value in values(schema) {
        assert!(said.contains(value.as_str()), "{value} is not explained");
    }
}

/// The members of each part of the configuration; of a part that is one of several things, what they are called.
fn members(schema: &Value, whole: &str) -> BTreeMap<String, BTreeSet<String>> {
    let parts = definitions(schema).chain([(whole, schema)]);
    let names = |part: &Value| {
        let properties = part.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let members = parts.filter_map(|(part, schema)| {
        let all: BTreeSet<_> = choices(schema).flat_map(names).chain(names(schema)).collect();
        // Values alone are no members, nor are those beside a member.
        (!all.is_empty()).then(|| (part.to_owned(), all))
    });
    members.collect()
}

/// The values of each part of the configuration that is one of several.
fn values(schema: &Value) -> BTreeSet<String> {
    let choices = definitions(schema).flat_map(|(_, part)| choices(part));
    choices.filter_map(|choice| Some(choice.get("const")?.as_str()?.to_owned())).collect()
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let parts = schema.get("$defs").and_then(Value::as_object);
    parts.into_iter().flatten().map(|(name, part)| (name.as_str(), part))
}

fn choices(part: &Value) -> impl Iterator<Item = &Value> {
    part.get("oneOf").and_then(Value::as_array).into_iter().flatten()
}
