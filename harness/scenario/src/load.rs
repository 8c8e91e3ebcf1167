//! From the text of a scenario file to a [`Scenario`].

use std::collections::BTreeMap;

use portcullis_kit::{ConfigError, UnixTime};
use portcullis_sim::Setup;
use portcullis_sim::http::{HeaderList, Protocol, Request, Response};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::expectation::{Expected, Matcher};
use crate::scenario::{PluginRef, Scenario, Step, StepAction};
use crate::schema::{Bytes, OneOrMany, ProtocolName, RequestFile, ResponseFile, ScenarioFile, StepFile};
use crate::vars::Vars;
use crate::yaml::{LoadError, parse_yaml};

impl Scenario {
    /// Reads a scenario. `include` gives the text of a file that it names, by the path as it is written.
    ///
    /// # Errors
    /// The first mistake, with file, line and key.
    pub fn load(
        file: &str,
        text: &str,
        include: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, LoadError> {
        let read: ScenarioFile = parse_yaml(file, text)?;
        let vars = Vars(variables(file, &read, text, include)?);
        let at_top = |error: ConfigError| located(file, text, 1, error);
        let plugin = plugin(&read).map_err(at_top)?;
        let setup = setup(&read, &vars).map_err(at_top)?;
        let config_error =
            read.config_error.as_ref().map(|expected| Matcher::new(expected, &vars)).transpose();
        let config_error = config_error.map_err(|error| at_top(error.under("config_error")))?;
        if config_error.is_some() != read.steps.is_empty() {
            let problem = "write either steps, or config_error for a configuration that must be refused";
            return Err(at_top(ConfigError::at("", problem)));
        }
        let steps = read.steps.iter().enumerate().map(|(index, step)| {
            let fail = |error: ConfigError| {
                located(file, text, step.defined.line(), error.under(&format!("steps[{index}]")))
            };
            Step::new(index, step, &vars).map_err(fail)
        });
        let steps = steps.collect::<Result<_, _>>()?;
        Ok(Self { name: read.name, plugin, setup, config_error, steps })
    }
}

/// A mistake at the line of its key: the first line from `start` on that has the last part of its path as a key.
fn located(file: &str, text: &str, start: u64, error: ConfigError) -> LoadError {
    let key = error.path.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default();
    let lines = (1_u64..).zip(text.lines()).skip_while(|(number, _)| *number < start);
    let found = lines
        .filter(|_| !key.is_empty())
        .find_map(|(number, line)| Some((number, 1 + line.find(&format!("{key}:"))? as u64)));
    let position = found.or_else(|| (start > 1).then_some((start, 1)));
    LoadError { file: file.to_owned(), position, problem: error.to_string() }
}

impl Step {
    fn new(index: usize, file: &Spanned<StepFile>, vars: &Vars) -> Result<Self, ConfigError> {
        let file = &file.value;
        let expected = Expected::new(&file.expect, vars).map_err(|error| error.under("expect"))?;
        let name = file.name.clone().unwrap_or_else(|| format!("step {}", index + 1));
        if file.request.is_none() && (file.upstream.is_some() || expected.of_exchange()) {
            let problem =
                "upstream, status, details, headers, body and trailers need a request in the same step";
            return Err(ConfigError::at("", problem));
        }
        let action = match (&file.request, file.advance) {
            (Some(_), Some(_)) => return Err(ConfigError::at("", "request and advance; make it two steps")),
            (Some(request), None) => Some(StepAction::Send {
                protocol: request.protocol.into(),
                request: build_request(request, vars).map_err(|error| error.under("request"))?,
                upstream: build_response(file.upstream.as_ref(), vars)
                    .map_err(|error| error.under("upstream"))?,
            }),
            (None, Some(span)) => Some(StepAction::Advance(span.0)),
            (None, None) if expected.of_metrics() || expected.of_logs() => None,
            (None, None) => {
                let problem = "nothing happens; write request, advance, or expect with metrics or logs";
                return Err(ConfigError::at("", problem));
            }
        };
        Ok(Self { name, action, expected })
    }
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Http1 => Self::Http1,
            ProtocolName::Http2 => Self::Http2,
        }
    }
}

fn variables(
    file: &str,
    read: &ScenarioFile,
    text: &str,
    include: &dyn Fn(&str) -> Result<String, String>,
) -> Result<BTreeMap<String, Value>, LoadError> {
    let mut vars = BTreeMap::new();
    for path in &read.include {
        let included = include(path).map_err(|error| {
            located(file, text, 1, ConfigError::at("include", format!("{path:?}: {error}")))
        })?;
        let of_file: BTreeMap<String, Value> = parse_yaml(&format!("{path}, included by {file}"), &included)?;
        vars.extend(of_file);
    }
    vars.extend(read.vars.clone());
    Ok(vars)
}

fn plugin(file: &ScenarioFile) -> Result<PluginRef, ConfigError> {
    match (&file.filter, &file.module) {
        (Some(name), None) => Ok(PluginRef::Filter(name.clone())),
        (None, Some(path)) => Ok(PluginRef::Module(path.clone())),
        _ => {
            let problem = "write either filter, for one of ours, or module, for the path of a .wasm file";
            Err(ConfigError::at("", problem))
        }
    }
}

fn setup(file: &ScenarioFile, vars: &Vars) -> Result<Setup, ConfigError> {
    let configuration = match (&file.config, &file.config_text) {
        (Some(_), Some(_)) => {
            return Err(ConfigError::at("config_text", "config is there too; write one of them"));
        }
        (Some(config), None) => {
            vars.json(config).map_err(|error| ConfigError::at("config", error))?.to_string()
        }
        (None, text) => text.clone().unwrap_or_default(),
    };
    let clock = file.clock.as_deref().map(clock).transpose()?;
    Ok(Setup { clock, ..Setup::of(configuration) })
}

fn clock(text: &str) -> Result<UnixTime, ConfigError> {
    let since_epoch = humantime::parse_rfc3339(text)
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .ok_or_else(|| {
            ConfigError::at("clock", format!("{text:?} is not a time; write 2026-01-01T00:00:00Z"))
        })?;
    Ok(UnixTime::from_nanos(0).saturating_add(since_epoch))
}

fn build_request(file: &RequestFile, vars: &Vars) -> Result<Request, ConfigError> {
    let pseudo = [
        (":method", "method", file.method.as_deref().unwrap_or("GET")),
        (":path", "path", file.path.as_deref().unwrap_or("/")),
        (":authority", "host", file.host.as_deref().unwrap_or("example.com")),
        (":scheme", "", "http"),
    ];
    let mut headers = HeaderList::new();
    for (name, key, value) in pseudo {
        let value = vars.text(value).map_err(|error| ConfigError::at(key, error))?;
        headers.push((name.into(), value.into_bytes()));
    }
    headers.extend(fields("headers", &file.headers, vars)?);
    let trailers = file.trailers.as_ref().map(|trailers| fields("trailers", trailers, vars)).transpose()?;
    Ok(Request { headers, body: body(file.body.as_ref(), vars)?, trailers })
}

fn build_response(file: Option<&ResponseFile>, vars: &Vars) -> Result<Response, ConfigError> {
    let Some(file) = file else { return Ok(Response { status: 200, ..Response::default() }) };
    let trailers = file.trailers.as_ref().map(|trailers| fields("trailers", trailers, vars)).transpose()?;
    let status = file.status.unwrap_or(200);
    let body = body(file.body.as_ref(), vars)?;
    possible(status, &body).map_err(|problem| ConfigError::at("status", problem))?;
    Ok(Response { status, headers: fields("headers", &file.headers, vars)?, body, trailers })
}

/// An answer that no upstream can send would never come to the plugin (RFC 9110 section 6.4.1).
fn possible(status: u16, body: &[Vec<u8>]) -> Result<(), String> {
    match status {
        100..=199 => Err(format!("{status} is not the final answer to a request; write 200 or above")),
        204 | 304 if body.iter().any(|piece| !piece.is_empty()) => {
            Err(format!("an answer with status {status} has no body; drop it, or write another status"))
        }
        _ => Ok(()),
    }
}

fn fields(key: &str, map: &BTreeMap<String, OneOrMany>, vars: &Vars) -> Result<HeaderList, ConfigError> {
    let mut list = HeaderList::new();
    for (name, values) in map {
        let at = |problem: String| ConfigError::at(format!("{key}.{name}"), problem);
        if name.starts_with(':') {
            return Err(at("write method, path and host beside headers".into()));
        }
        for value in pieces(values, vars).map_err(at)? {
            list.push((name.to_ascii_lowercase().into_bytes(), value));
        }
    }
    Ok(list)
}

fn body(value: Option<&OneOrMany>, vars: &Vars) -> Result<Vec<Vec<u8>>, ConfigError> {
    let body = value.map(|value| pieces(value, vars)).transpose();
    body.map(Option::unwrap_or_default).map_err(|problem| ConfigError::at("body", problem))
}

fn pieces(value: &OneOrMany, vars: &Vars) -> Result<Vec<Vec<u8>>, String> {
    match value {
        OneOrMany::One(one) => Ok(vec![bytes(one, vars)?]),
        OneOrMany::Many(many) => many.iter().map(|one| bytes(one, vars)).collect(),
    }
}

fn bytes(value: &Bytes, vars: &Vars) -> Result<Vec<u8>, String> {
    const MOST: usize = 64 << 20;
    match value {
        Bytes::Text(text) => Ok(vars.text(text)?.into_bytes()),
        Bytes::Hex { hex } => {
            let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
            let digits = digits.ok_or_else(|| format!("hex {hex:?}; write two digits per byte"))?;
            Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
        }
        Bytes::Repeat { repeat, times } if repeat.len().saturating_mul(*times) <= MOST => {
            Ok(repeat.repeat(*times).into_bytes())
        }
        Bytes::Repeat { .. } => Err(format!("repeat gives more than {MOST} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_sends_only_what_it_can() {
        let loaded = |upstream: &str| {
            let text = format!(
                "name: n\nfilter: f\nsteps:\n  - request: {{}}\n    upstream: {upstream}\n    expect: {{status: 200}}\n"
            );
            Scenario::load("s.yaml", &text, &|_| Err(String::new())).map_err(|error| error.problem)
        };
        for upstream in ["{status: 103}", "{status: 204, body: x}", "{status: 304, body: x}"] {
            let problem = loaded(upstream).unwrap_err();
            assert!(problem.contains("upstream.status: "), "{problem}");
        }
        for upstream in ["{status: 204}", "{status: 304, body: \"\"}", "{status: 200, body: x}"] {
            assert!(loaded(upstream).is_ok(), "{upstream}");
        }
    }
}
