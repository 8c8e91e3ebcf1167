use std::collections::BTreeMap;

use portcullis_filters::Filter;
use portcullis_kit::ConfigError;
use portcullis_kit::json::parse_strict;
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
    let strict = is_json(config).then(|| parse_strict(config.as_bytes())).transpose();
    if let Err(error) = &strict
        && !error.is_data()
    {
        return Some(no_json(error));
    }
    let documents = match documents(config) {
        Ok(documents) => documents,
        Err(error) => return Some(Problem { line: error.line.unwrap_or(0), problem: error.problem }),
    };
    let Some(document) = documents.first() else { return Some(nothing(filter)) };
    if documents.len() > 1 {
        let problem = "several documents; a configuration is one: take out the ---".to_owned();
        return Some(Problem { line: 0, problem });
    }
    if let Some(problem) = ambiguous(config, document) {
        return Some(problem);
    }
    let value = match &strict {
        Ok(value) => value.as_ref().unwrap_or(&document.value),
        Err(error) => return Some(no_json(error)),
    };
    match fill(value, vars) {
        Err(problem) => Some(Problem { line: 0, problem }),
        Ok(value) => {
            let error = (filter.check)(value.to_string().as_bytes()).err()?;
            let line = document.line(&Path::default().written(&error.path)).unwrap_or(0);
            Some(Problem { line, problem: with_meaning(&error, filter) })
        }
    }
}

/// Whether a text is meant to be JSON, as Envoy will read it: a `{` and a quote. In YAML, what follows a `{` is rarely quoted.
fn is_json(config: &str) -> bool {
    let members = config.trim_start().strip_prefix('{').map(str::trim_start);
    members.is_some_and(|members| !members.starts_with(|c: char| c.is_alphanumeric() || "_'".contains(c)))
}

fn no_json(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    let what = message.get(..end).unwrap_or_default();
    let problem = format!(
        "not JSON: {what} in column {}; what begins with {{ is read as Envoy does: names in quotes, no comment, no comma at the end",
        error.column()
    );
    Problem { line: error.line() as u64, problem }
}

/// What is to be written where nothing is.
fn nothing(filter: &Filter) -> Problem {
    let schema = (filter.schema)();
    let required = schema.get("required").and_then(Value::as_array);
    let remedy = match (required.and_then(|names| names.first()?.as_str()), (filter.check)(b"{}")) {
        (Some(name), _) => format!("; begin with `{name}:`"),
        (None, Ok(())) => "; write {} for one in which everything is left as it is".to_owned(),
        (None, Err(error)) => format!(": {error}"),
    };
    Problem { line: 1, problem: format!("there is no configuration{remedy}") }
}

/// What a filter says, and of a member that is missing at the top what it is.
fn with_meaning(error: &ConfigError, filter: &Filter) -> String {
    let name = error.problem.strip_prefix("missing field `").and_then(|name| name.strip_suffix('`'));
    let meaning = name.filter(|_| error.path.is_empty()).and_then(|name| {
        let schema = (filter.schema)();
        let meaning = schema.get("properties")?.get(name)?.get("description")?.as_str()?;
        Some(meaning.split(['.', '\n']).next()?.to_owned())
    });
    match (name, meaning) {
        (Some(name), Some(meaning)) => format!("{error}; write `{name}:` ({meaning})"),
        _ => error.to_string(),
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
