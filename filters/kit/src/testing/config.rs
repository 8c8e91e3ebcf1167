//! Configurations with one thing changed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that is wrong fails"
)]

use serde_json::Value;

/// The configuration with the value at a JSON pointer replaced, or a member added there.
///
/// # Panics
/// Where the pointer leads nowhere.
#[must_use]
pub fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    match config.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(member.to_owned(), value)),
        Value::Array(items) => items[member.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    config
}

/// The configuration without one member.
///
/// # Panics
/// Where there is no such member.
#[must_use]
pub fn without(mut config: Value, pointer: &str) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member).unwrap();
    config
}

/// Pointers to all objects of a configuration.
#[must_use]
pub fn objects(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    add_objects(config, "", &mut found);
    found
}

fn add_objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(pointer.to_owned());
            for (name, member) in members {
                add_objects(member, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(at, item)| add_objects(item, &format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}
