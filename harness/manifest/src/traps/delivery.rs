//! How a configuration gets to its filter.

use serde_json::Value;

use super::Ours;
use crate::cursor::Cursor;
use crate::{Configuration, Finding, Kind, Path};

/// The largest whole number that a double has all numbers below of.
const EXACT: u64 = 1 << 53;

/// Istio takes a configuration apart and puts it together again; Envoy Gateway passes it on as it is written.
pub(super) fn of(ours: &Ours<'_>) -> Option<Finding> {
    let plugin = ours.plugin;
    if !matches!(plugin.kind, Kind::WasmPlugin | Kind::TrafficExtension) {
        return None;
    }
    let Configuration::Members(members) = &plugin.configuration else { return None };
    let place = inexact(&Cursor::at(members, plugin.configured_at.clone()))?;
    let problem = format!(
        "the number does not arrive as it is written: Istio has numbers as doubles; write one up to {EXACT}, or a text in quotes"
    );
    Some(Finding::error("inexact-number", &place, problem))
}

fn inexact(cursor: &Cursor<'_>) -> Option<Path> {
    if let Value::Number(number) = cursor.value {
        let is_large = number.as_u64().is_some_and(|number| number > EXACT)
            || number.as_i64().is_some_and(|number| number.unsigned_abs() > EXACT);
        return is_large.then(|| cursor.place.clone());
    }
    let members = cursor.members().map(|(_, member)| member);
    members.chain(cursor.items()).find_map(|inside| inexact(&inside))
}
