//! How a configuration gets to its filter.

use serde_json::Value;

use super::Ours;
use crate::{Configuration, Finding};

/// The largest whole number that a double has all numbers below of.
const EXACT: u64 = 1 << 53;

pub(super) fn of(ours: &Ours<'_>) -> Option<Finding> {
    let plugin = ours.plugin;
    let Configuration::Members(members) = &plugin.configuration else { return None };
    let number = inexact(members)?;
    Some(Finding::error(
        "inexact-number",
        &plugin.configured_at,
        format!(
            "{number} does not arrive as it is written: the numbers of a manifest become doubles on their way; write one up to {EXACT}"
        ),
    ))
}

fn inexact(value: &Value) -> Option<&Value> {
    match value {
        Value::Number(number) => {
            let is_large = number.as_u64().is_some_and(|number| number > EXACT)
                || number.as_i64().is_some_and(|number| number.unsigned_abs() > EXACT);
            is_large.then_some(value)
        }
        Value::Array(items) => items.iter().find_map(inexact),
        Value::Object(members) => members.values().find_map(inexact),
        _ => None,
    }
}
