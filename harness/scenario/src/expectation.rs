use std::collections::BTreeMap;

use portcullis_kit::ConfigError;
use portcullis_sim::http::{Exchange, HeaderList, LogLine};
use regex_lite::Regex;
use serde::Serialize;
use serde_json::Value;

use crate::schema::{Expectation, LogExpectation, Matching, TextExpectation};
use crate::vars::Vars;

/// A checked [`Expectation`].
#[derive(Clone, Debug, Default)]
pub struct Expected {
    status: Option<u16>,
    details: Option<Matcher>,
    client: Message,
    upstream: Option<Upstream>,
    metrics: BTreeMap<String, u64>,
    logs: Vec<(Option<log::Level>, Matcher)>,
}

#[derive(Clone, Debug)]
struct Upstream {
    called: bool,
    message: Message,
}

#[derive(Clone, Debug, Default)]
struct Message {
    headers: BTreeMap<String, Matcher>,
    body: Option<Matcher>,
    trailers: BTreeMap<String, Matcher>,
}

/// A checked [`TextExpectation`].
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Not there at all.
    Absent,
    /// There, whatever it is.
    Present,
    /// Equal.
    Exact(String),
    /// Holds this.
    Contains(String),
    /// JSON of this value.
    Json(Value),
    /// Matches somewhere.
    Regex(Regex),
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What: `status`, `header www-authenticate`, `upstream header x-jwt-sub`.
    pub what: String,
    /// How it should be.
    pub expected: String,
    /// How it is.
    pub found: String,
}

impl Expected {
    pub(crate) fn new(file: &Expectation, vars: &Vars) -> Result<Self, ConfigError> {
        let upstream = file.upstream.as_ref().map(|upstream| {
            let called = upstream.called.unwrap_or(true);
            let message = Message::new(&upstream.headers, upstream.body.as_ref(), &upstream.trailers, vars)?;
            match called || message.is_empty() {
                true => Ok(Upstream { called, message }),
                false => {
                    Err(ConfigError::at("called", "false, so nothing else can be expected of the upstream"))
                }
            }
        });
        let logs = file.logs.iter().enumerate().map(|(index, line)| {
            log_line(line, vars).map_err(|error| error.under(&format!("logs[{index}]")))
        });
        let details = file.details.as_ref().map(|text| Matcher::new(text, vars)).transpose();
        Ok(Self {
            status: file.status,
            details: details.map_err(|error| error.under("details"))?,
            client: Message::new(&file.headers, file.body.as_ref(), &file.trailers, vars)?,
            upstream: upstream.transpose().map_err(|error: ConfigError| error.under("upstream"))?,
            metrics: file.metrics.clone(),
            logs: logs.collect::<Result<_, _>>()?,
        })
    }

    /// Whether anything is expected of an exchange.
    pub(crate) fn of_exchange(&self) -> bool {
        self.status.is_some() || self.details.is_some() || !self.client.is_empty() || self.upstream.is_some()
    }

    /// Whether a look at the metrics is needed.
    pub(crate) fn of_metrics(&self) -> bool {
        !self.metrics.is_empty()
    }

    /// Whether a look at the logs is needed.
    pub(crate) fn of_logs(&self) -> bool {
        !self.logs.is_empty()
    }

    pub(crate) fn check_exchange(&self, exchange: &Exchange, found: &mut Vec<Mismatch>) {
        let client = exchange.client.as_ref();
        if let Some(status) = self.status {
            let is = client.map(|response| response.status);
            if is != Some(status) {
                let is = is.map_or_else(|| "no response".to_owned(), |is| is.to_string());
                found.push(Mismatch::new("status", status, is));
            }
        }
        if let Some(details) = &self.details {
            details.check("details", exchange.details.as_deref().map(str::as_bytes), found);
        }
        if let Some(response) = client {
            self.client.check("", &response.headers, &response.body, response.trailers.as_ref(), found);
        } else if !self.client.is_empty() {
            found.push(Mismatch::new("response", "one with headers or a body", "none"));
        }
        let Some(expected) = &self.upstream else { return };
        match (&exchange.upstream, expected.called) {
            (Some(request), true) => {
                let trailers = request.trailers.as_ref();
                expected.message.check("upstream ", &request.headers, &request.body, trailers, found);
            }
            (None, false) => {}
            (Some(_), false) => found.push(Mismatch::new("upstream", "not called", "called")),
            (None, true) => found.push(Mismatch::new("upstream", "called", "not called")),
        }
    }

    pub(crate) fn check_metrics(&self, metrics: &BTreeMap<String, u64>, found: &mut Vec<Mismatch>) {
        for (name, expected) in &self.metrics {
            let value = metrics.get(name);
            if value != Some(expected) {
                let is = value.map_or_else(|| "no metric of this name".to_owned(), u64::to_string);
                found.push(Mismatch::new(format!("metric {name}"), expected, is));
            }
        }
    }

    pub(crate) fn check_logs(&self, lines: &[LogLine], found: &mut Vec<Mismatch>) {
        for (level, matcher) in &self.logs {
            let matches = |line: &&LogLine| {
                level.is_none_or(|level| level == line.level)
                    && matcher.matches(Some(line.message.as_bytes()))
            };
            if !lines.iter().any(|line| matches(&line)) {
                let all: Vec<_> =
                    lines.iter().map(|line| format!("{}: {}", line.level, line.message)).collect();
                let all = if all.is_empty() { "no line".to_owned() } else { all.join(" | ") };
                found.push(Mismatch::new("log", matcher, all));
            }
        }
    }
}

impl Message {
    fn new(
        headers: &BTreeMap<String, TextExpectation>,
        body: Option<&TextExpectation>,
        trailers: &BTreeMap<String, TextExpectation>,
        vars: &Vars,
    ) -> Result<Self, ConfigError> {
        let fields = |key: &str, fields: &BTreeMap<String, TextExpectation>| {
            let checked = fields.iter().map(|(name, text)| {
                let matcher =
                    Matcher::new(text, vars).map_err(|error| error.under(&format!("{key}.{name}")))?;
                Ok((name.to_ascii_lowercase(), matcher))
            });
            checked.collect::<Result<_, ConfigError>>()
        };
        let body =
            body.map(|text| Matcher::new(text, vars)).transpose().map_err(|error| error.under("body"))?;
        Ok(Self { headers: fields("headers", headers)?, body, trailers: fields("trailers", trailers)? })
    }

    fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.body.is_none() && self.trailers.is_empty()
    }

    fn check(
        &self,
        whose: &str,
        headers: &HeaderList,
        body: &[Vec<u8>],
        trailers: Option<&HeaderList>,
        found: &mut Vec<Mismatch>,
    ) {
        for (name, matcher) in &self.headers {
            matcher.check(&format!("{whose}header {name}"), joined(headers, name).as_deref(), found);
        }
        if let Some(matcher) = &self.body {
            let body = (!body.is_empty()).then(|| body.concat());
            matcher.check(&format!("{whose}body"), body.as_deref(), found);
        }
        for (name, matcher) in &self.trailers {
            let value = trailers.and_then(|trailers| joined(trailers, name));
            matcher.check(&format!("{whose}trailer {name}"), value.as_deref(), found);
        }
    }
}

impl Matcher {
    pub(crate) fn new(text: &TextExpectation, vars: &Vars) -> Result<Self, ConfigError> {
        let fill = |text: &str| vars.text(text).map_err(|error| ConfigError::at("", error));
        Ok(match text {
            TextExpectation::Exact(text) => Self::Exact(fill(text)?),
            TextExpectation::Matching(Matching::Absent(true)) => Self::Absent,
            TextExpectation::Matching(Matching::Absent(false)) => Self::Present,
            TextExpectation::Matching(Matching::Contains(text)) => Self::Contains(fill(text)?),
            TextExpectation::Matching(Matching::Json(value)) => {
                Self::Json(vars.json(value).map_err(|error| ConfigError::at("json", error))?)
            }
            TextExpectation::Matching(Matching::Regex(text)) => {
                let regex = Regex::new(text).map_err(|error| {
                    ConfigError::at("regex", format!("{text:?} is not an expression: {error}"))
                });
                Self::Regex(regex?)
            }
        })
    }

    /// Whether this text, or its absence, is as expected.
    pub fn matches(&self, bytes: Option<&[u8]>) -> bool {
        let Some(bytes) = bytes else { return matches!(self, Self::Absent) };
        let text = String::from_utf8_lossy(bytes);
        match self {
            Self::Absent => false,
            Self::Present => true,
            Self::Exact(expected) => bytes == expected.as_bytes(),
            Self::Contains(part) => text.contains(part),
            Self::Json(expected) => {
                serde_json::from_slice::<Value>(bytes).is_ok_and(|json| json == *expected)
            }
            Self::Regex(regex) => regex.is_match(&text),
        }
    }

    fn check(&self, what: &str, bytes: Option<&[u8]>, found: &mut Vec<Mismatch>) {
        if !self.matches(bytes) {
            let is = bytes.map_or_else(|| "absent".into(), String::from_utf8_lossy);
            found.push(Mismatch::new(what, self, is));
        }
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Present => f.write_str("present"),
            Self::Exact(text) => f.write_str(text),
            Self::Contains(part) => write!(f, "something with {part:?}"),
            Self::Json(value) => write!(f, "JSON {value}"),
            Self::Regex(regex) => write!(f, "something like /{regex}/"),
        }
    }
}

impl Mismatch {
    pub(crate) fn new(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}

fn log_line(line: &LogExpectation, vars: &Vars) -> Result<(Option<log::Level>, Matcher), ConfigError> {
    let level = line.level.as_deref().map(|level| {
        let problem = || format!("{level:?} is no level; write error, warn, info, debug or trace");
        level.parse().map_err(|_| ConfigError::at("level", problem()))
    });
    Ok((level.transpose()?, Matcher::new(&line.message, vars).map_err(|error| error.under("message"))?))
}

/// All values of a header, as one.
fn joined(headers: &HeaderList, name: &str) -> Option<Vec<u8>> {
    let values: Vec<_> = headers
        .iter()
        .filter(|(field, _)| field == name.as_bytes())
        .map(|(_, value)| value.as_slice())
        .collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}
