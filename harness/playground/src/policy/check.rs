use std::collections::BTreeMap;

use portcullis_filters::Filter;
use portcullis_manifest::{Document, Path, documents};
use portcullis_scenario::{fill, parse_scenario};
use serde_json::Value;

use super::Problem;

/// The JSON Schema of a filter's configuration.
///
/// # Errors
/// There is no such filter.
pub fn schema(filter: &str) -> Result<String, String> {
    Ok((Filter::named(filter)?.schema)().as_value().to_string())
}

/// What a filter says against a configuration in YAML, as a JSON object with the line and the problem; `null` where it says nothing. `vars` are a JSON object: what `${name}` stands for.
///
/// # Errors
/// There is no such filter, or `vars` are none.
pub fn check(filter: &str, config: &str, vars: &str) -> Result<String, String> {
    let filter = Filter::named(filter)?;
    let vars = serde_json::from_str(vars).map_err(|error| format!("vars: {error}"))?;
    Ok(serde_json::json!(problem(filter, config, vars)).to_string())
}

fn problem(filter: &Filter, config: &str, vars: BTreeMap<String, Value>) -> Option<Problem> {
    let documents = match documents(config) {
        Ok(documents) => documents,
        Err(error) => return Some(Problem { line: error.line.unwrap_or(0), problem: error.problem }),
    };
    let Some(document) = documents.first() else {
        let error = (filter.check)(&[]).err()?;
        return Some(Problem { line: 0, problem: error.to_string() });
    };
    if documents.len() > 1 {
        let problem = "several documents; a configuration is one: take out the ---".to_owned();
        return Some(Problem { line: 0, problem });
    }
    if let Some(problem) = ambiguous(config, document) {
        return Some(problem);
    }
    match fill(&document.value, vars) {
        Err(problem) => Some(Problem { line: 0, problem }),
        Ok(value) => {
            let error = (filter.check)(value.to_string().as_bytes()).err()?;
            let line = document.line(&Path::default().written(&error.path)).unwrap_or(0);
            Some(Problem { line, problem: error.to_string() })
        }
    }
}

/// What Envoy and kubectl take for a boolean and a scenario for a text: `yes`, `no`, `on`, `off`.
fn ambiguous(config: &str, document: &Document) -> Option<Problem> {
    let strict: Value = parse_scenario("", config).ok()?;
    let place = difference(&document.value, &strict, &Path::default())?;
    let text = place.of(&strict).map(ToString::to_string).unwrap_or_default();
    let problem = format!(
        "{place}: {text} without quotes is {} to Envoy, and a text elsewhere; write that, or quote it",
        place.of(&document.value)?
    );
    Some(Problem { line: document.line(&place).unwrap_or(0), problem })
}

fn difference(one: &Value, other: &Value, place: &Path) -> Option<Path> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.iter().find_map(|(name, value)| {
            difference(value, other.get(name).unwrap_or(&Value::Null), &place.key(name))
        }),
        (Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(index, (one, other))| difference(one, other, &place.index(index)))
        }
        (Value::Bool(_), Value::String(_)) => Some(place.clone()),
        _ => None,
    }
}
