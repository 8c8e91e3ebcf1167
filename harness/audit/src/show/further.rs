//! What a record has beside the fields of a row.

use serde_json::Value as Json;

use crate::field::Kind;
use crate::places::{PLACES, Place, Slot};
use crate::row::{Row, Value};

/// Members that no field shows, by their paths.
pub(super) fn further(record: &Json, row: &Row<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(record, Some(&PLACES), String::new(), row, &mut found);
    found
}

fn walk(value: &Json, place: Option<&Place>, path: String, row: &Row<'_>, found: &mut Vec<(String, String)>) {
    if is_shown(value, place, row) {
        return;
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let place = place.and_then(|place| place.member(name)).map(|(_, place)| place);
                walk(value, place, below(name), row, found);
            }
        }
        Json::Array(elements) if !elements.is_empty() => {
            for (index, value) in elements.iter().enumerate() {
                match pair(value) {
                    Some(pair) => found.push((path.clone(), pair)),
                    None => {
                        walk(value, place.and_then(Place::element), below(&index.to_string()), row, found);
                    }
                }
            }
        }
        Json::String(text) => found.push((path, text.clone())),
        other => found.push((path, other.to_string())),
    }
}

/// Whether a field of the row shows just this.
fn is_shown(value: &Json, place: Option<&Place>, row: &Row<'_>) -> bool {
    match place.and_then(|place| place.slot) {
        Some(Slot::Decisions) => true,
        Some(Slot::Field(field)) => match (row.value(field), field.kind()) {
            (None, _) => false,
            (Some(Value::Text(text)), Kind::Text) => value.as_str() == Some(text),
            (Some(Value::List(texts)), _) => {
                value.as_str().is_some() || value.as_array().is_some_and(|list| list.len() == texts.len())
            }
            (Some(_), _) => value.is_number() || value.is_string(),
        },
        _ => false,
    }
}

/// A header or a cookie.
fn pair(value: &Json) -> Option<String> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some(format!("{}: {}", object.get("name")?.as_str()?, object.get("value")?.as_str()?))
}

/// What filters have decided, one by one.
pub(super) fn decisions(record: &Json) -> Vec<String> {
    let audit =
        ["unmapped", "portcullis"].iter().find_map(|name| record.get(name)?.get("audit")?.get("decisions"));
    let text = |decision: &Json, name: &str| decision.get(name).and_then(Json::as_str).map(str::to_owned);
    let told = |decision: &Json| match (text(decision, "filter"), text(decision, "action")) {
        (Some(filter), Some(action)) => {
            let reason = text(decision, "reason").map(|reason| format!(", {reason}")).unwrap_or_default();
            format!("{filter}: {action}{reason}")
        }
        _ => decision.to_string(),
    };
    match audit {
        Some(Json::Array(decisions)) => decisions.iter().map(told).collect(),
        Some(other) => vec![other.to_string()],
        None => Vec::new(),
    }
}
