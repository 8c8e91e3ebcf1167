//! From the text of a scenario file to a [`Scenario`].

use std::collections::BTreeMap;
use std::fmt;

use portcullis_kit::UnixTime;
use portcullis_sim::http::{HeaderList, Protocol, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::expectation::{Expected, Matcher};
use crate::scenario::{PluginRef, Scenario, Step, StepAction};
use crate::schema::{Bytes, OneOrMany, ProtocolName, RequestFile, ResponseFile, ScenarioFile, StepFile};
use crate::target::PluginSetup;
use crate::vars::Vars;

/// A mistake in a scenario file: which file, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// Line and column, where they are known.
    pub position: Option<(u64, u64)>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for LoadError {}

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
        let read: ScenarioFile = parse(file, text)?;
        let fail = |problem| LoadError { file: file.to_owned(), position: None, problem };
        let vars = variables(&read, include).map_err(|error| match error {
            Included::Unreadable(problem) => fail(problem),
            Included::Broken(error) => error,
        })?;
        let plugin = plugin(&read).map_err(|problem| fail(problem.to_owned()))?;
        let setup = setup(&read, &vars).map_err(fail)?;
        let config_error =
            read.config_error.as_ref().map(|text| Matcher::new(text, &vars)).transpose().map_err(fail)?;
        if config_error.is_some() != read.steps.is_empty() {
            let problem = "write either steps, or config_error for a configuration that must be refused";
            return Err(fail(problem.into()));
        }
        let steps = read.steps.iter().enumerate().map(|(index, step)| {
            let position = Some((step.defined.line(), step.defined.column()));
            Step::new(index, step, &vars).map_err(|problem| LoadError {
                file: file.to_owned(),
                position,
                problem: format!("steps[{index}]: {problem}"),
            })
        });
        let steps = steps.collect::<Result<_, _>>()?;
        Ok(Self { name: read.name, plugin, setup, config_error, steps })
    }
}

impl Step {
    fn new(index: usize, file: &Spanned<StepFile>, vars: &Vars) -> Result<Self, String> {
        let file = &file.value;
        let expected = Expected::new(&file.expect, vars)?;
        let name = file.name.clone().unwrap_or_else(|| format!("step {}", index + 1));
        if file.request.is_none() && (file.upstream.is_some() || expected.of_exchange()) {
            return Err(
                "upstream, status, details, headers, body and trailers need a request in the same step"
                    .into(),
            );
        }
        let action = match (&file.request, file.advance) {
            (Some(_), Some(_)) => return Err("request and advance; make it two steps".into()),
            (Some(request), None) => Some(StepAction::Send {
                protocol: request.protocol.into(),
                request: build_request(request, vars)?,
                upstream: build_response(file.upstream.as_ref(), vars)?,
            }),
            (None, Some(span)) => Some(StepAction::Advance(span.0)),
            (None, None) if expected.of_metrics() || expected.of_logs() => None,
            (None, None) => {
                return Err("nothing happens; write request, advance, or expect with metrics or logs".into());
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

enum Included {
    Unreadable(String),
    Broken(LoadError),
}

fn variables(
    file: &ScenarioFile,
    include: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Vars, Included> {
    let mut vars = BTreeMap::new();
    for path in &file.include {
        let text =
            include(path).map_err(|error| Included::Unreadable(format!("include {path:?}: {error}")))?;
        let included: BTreeMap<String, Value> = parse(path, &text).map_err(Included::Broken)?;
        vars.extend(included);
    }
    vars.extend(file.vars.clone());
    Ok(Vars(vars))
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let position = error.location().map(|location| (location.line(), location.column()));
        let plain = error.without_snippet().to_string();
        let problem = plain.rfind(" at line ").map_or(plain.as_str(), |end| &plain[..end]).to_owned();
        let line =
            position.and_then(|(line, _)| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?));
        let shown = line.map(|line| format!("{problem}\n    {}", line.trim())).unwrap_or(problem);
        LoadError { file: file.to_owned(), position, problem: shown }
    })
}

fn plugin(file: &ScenarioFile) -> Result<PluginRef, &'static str> {
    match (&file.filter, &file.module) {
        (Some(name), None) => Ok(PluginRef::Filter(name.clone())),
        (None, Some(path)) => Ok(PluginRef::Module(path.clone())),
        _ => Err("write either filter, for one of ours, or module, for the path of a .wasm file"),
    }
}

fn setup(file: &ScenarioFile, vars: &Vars) -> Result<PluginSetup, String> {
    let configuration = match (&file.config, &file.config_text) {
        (Some(_), Some(_)) => return Err("config and config_text; write one of them".into()),
        (Some(config), None) => vars.json(config).map_err(|error| format!("config: {error}"))?.to_string(),
        (None, text) => text.clone().unwrap_or_default(),
    };
    let clock = file.clock.as_deref().map(clock).transpose()?;
    Ok(PluginSetup { configuration: configuration.into_bytes(), clock })
}

fn clock(text: &str) -> Result<UnixTime, String> {
    let since_epoch = humantime::parse_rfc3339(text)
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .ok_or_else(|| format!("clock: {text:?} is not a time; write 2026-01-01T00:00:00Z"))?;
    Ok(UnixTime::from_nanos(0).saturating_add(since_epoch))
}

fn build_request(file: &RequestFile, vars: &Vars) -> Result<Request, String> {
    let pseudo = [
        (":method", file.method.as_deref().unwrap_or("GET")),
        (":path", file.path.as_deref().unwrap_or("/")),
        (":authority", file.host.as_deref().unwrap_or("example.com")),
        (":scheme", "http"),
    ];
    let mut headers = HeaderList::new();
    for (name, value) in pseudo {
        headers.push((name.into(), vars.text(value)?.into_bytes()));
    }
    headers.extend(fields(&file.headers, vars)?);
    let trailers = file.trailers.as_ref().map(|trailers| fields(trailers, vars)).transpose()?;
    Ok(Request { headers, body: pieces(file.body.as_ref(), vars)?, trailers })
}

fn build_response(file: Option<&ResponseFile>, vars: &Vars) -> Result<Response, String> {
    let Some(file) = file else { return Ok(Response { status: 200, ..Response::default() }) };
    let trailers = file.trailers.as_ref().map(|trailers| fields(trailers, vars)).transpose()?;
    Ok(Response {
        status: file.status.unwrap_or(200),
        headers: fields(&file.headers, vars)?,
        body: pieces(file.body.as_ref(), vars)?,
        trailers,
    })
}

fn fields(map: &BTreeMap<String, OneOrMany>, vars: &Vars) -> Result<HeaderList, String> {
    let mut list = HeaderList::new();
    for (name, values) in map {
        if name.starts_with(':') {
            return Err(format!("header {name:?}; write method, path and host beside headers"));
        }
        for value in pieces(Some(values), vars)? {
            list.push((name.to_ascii_lowercase().into_bytes(), value));
        }
    }
    Ok(list)
}

fn pieces(value: Option<&OneOrMany>, vars: &Vars) -> Result<Vec<Vec<u8>>, String> {
    match value {
        None => Ok(Vec::new()),
        Some(OneOrMany::One(one)) => Ok(vec![bytes(one, vars)?]),
        Some(OneOrMany::Many(many)) => many.iter().map(|one| bytes(one, vars)).collect(),
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
