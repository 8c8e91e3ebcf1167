use std::collections::BTreeMap;

use portcullis_filters::Filter;
use portcullis_manifest::{Path, documents};
use portcullis_scenario::fill;
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
    match fill(&document.value, vars) {
        Err(problem) => Some(Problem { line: 0, problem }),
        Ok(value) => {
            let error = (filter.check)(value.to_string().as_bytes()).err()?;
            let line = document.line(&Path::default().written(&error.path)).unwrap_or(0);
            Some(Problem { line, problem: error.to_string() })
        }
    }
}
