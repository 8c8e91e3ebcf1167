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
