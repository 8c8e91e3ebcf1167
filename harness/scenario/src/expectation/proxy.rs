use std::collections::BTreeMap;

use portcullis_kit::ConfigError;
use portcullis_sim::http::{CallOut, LogLine};

use super::exchange::Message;
use super::{Matcher, Mismatch};
use crate::schema::{CallOutExpectation, Expectation, LogExpectation};
use crate::vars::Vars;

/// What is expected of the proxy after a step: its metrics, its log, what it has sent to clusters.
#[derive(Clone, Debug, Default)]
pub struct ProxyExpected {
    metrics: BTreeMap<String, u64>,
    logs: Vec<Line>,
    log: Option<Vec<Line>>,
    call_outs: Option<Vec<Call>>,
}

#[derive(Clone, Debug)]
struct Line {
    level: Option<log::Level>,
    message: Matcher,
}

#[derive(Clone, Debug)]
struct Call {
    cluster: Option<String>,
    message: Message,
}

impl ProxyExpected {
    pub(crate) fn new(file: &Expectation, vars: &Vars) -> Result<Self, ConfigError> {
        let call_outs = file.call_outs.as_ref().map(|calls| {
            let calls = calls.iter().enumerate().map(|(index, call)| {
                Call::new(call, vars).map_err(|error| error.under(&format!("call_outs[{index}]")))
            });
            calls.collect::<Result<_, _>>()
        });
        Ok(Self {
            metrics: file.metrics.clone(),
            logs: lines("logs", &file.logs, vars)?,
            log: file.log.as_ref().map(|log| lines("log", log, vars)).transpose()?,
            call_outs: call_outs.transpose()?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.of_metrics() && !self.of_logs() && !self.of_call_outs()
    }

    /// Whether a look at the metrics is needed.
    pub(crate) fn of_metrics(&self) -> bool {
        !self.metrics.is_empty()
    }

    /// Whether a look at the log is needed.
    pub(crate) fn of_logs(&self) -> bool {
        !self.logs.is_empty() || self.of_log()
    }

    /// Whether it matters what was logged since the previous step.
    pub(crate) fn of_log(&self) -> bool {
        self.log.is_some()
    }

    /// Whether a look at the call-outs is needed.
    pub(crate) fn of_call_outs(&self) -> bool {
        self.call_outs.is_some()
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

    /// Compares the log: all of it, and what is `new` since the previous step.
    pub(crate) fn check_logs(&self, all: &[LogLine], new: &[LogLine], found: &mut Vec<Mismatch>) {
        for expected in self.logs.iter().filter(|expected| !all.iter().any(|line| expected.matches(line))) {
            found.push(Mismatch::new("log", expected, listed(all)));
        }
        let Some(expected) = &self.log else { return };
        let same = expected.len() == new.len()
            && expected.iter().zip(new).all(|(expected, line)| expected.matches(line));
        if !same {
            let expected: Vec<_> = expected.iter().map(Line::to_string).collect();
            found.push(Mismatch::new("log since the previous step", or_none(&expected), listed(new)));
        }
    }

    /// Compares the call-outs since the previous step.
    pub(crate) fn check_call_outs(&self, new: &[CallOut], found: &mut Vec<Mismatch>) {
        let Some(expected) = &self.call_outs else { return };
        if expected.len() != new.len() {
            let clusters: Vec<_> = new.iter().map(|call| call.cluster.as_str()).collect();
            let is = format!("{} (to {})", new.len(), or_none(&clusters));
            found.push(Mismatch::new("number of call-outs", expected.len(), is));
        }
        for (index, (expected, call)) in expected.iter().zip(new).enumerate() {
            expected.check(&format!("call-out {} ", index + 1), call, found);
        }
    }
}

impl Line {
    fn new(file: &LogExpectation, vars: &Vars) -> Result<Self, ConfigError> {
        let line = match file {
            LogExpectation::Message(message) => {
                return Ok(Self { level: None, message: Matcher::new(message, vars)? });
            }
            LogExpectation::Line(line) => line,
        };
        let level = line.level.as_deref().map(|level| {
            let problem = || format!("{level:?} is no level; write error, warn, info, debug or trace");
            level.parse().map_err(|_| ConfigError::at("level", problem()))
        });
        let message = Matcher::new(&line.message, vars).map_err(|error| error.under("message"))?;
        Ok(Self { level: level.transpose()?, message })
    }

    fn matches(&self, line: &LogLine) -> bool {
        self.level.is_none_or(|level| level == line.level)
            && self.message.matches(Some(line.message.as_bytes()))
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}: {}", self.message),
            None => self.message.fmt(f),
        }
    }
}

impl Call {
    fn new(file: &CallOutExpectation, vars: &Vars) -> Result<Self, ConfigError> {
        let message = Message::new(&file.headers, file.body.as_ref(), &file.trailers, vars)?;
        Ok(Self { cluster: file.cluster.clone(), message })
    }

    fn check(&self, whose: &str, call: &CallOut, found: &mut Vec<Mismatch>) {
        if let Some(cluster) = self.cluster.as_ref().filter(|cluster| **cluster != call.cluster) {
            found.push(Mismatch::new(format!("{whose}cluster"), cluster, &call.cluster));
        }
        let request = &call.request;
        self.message.check(whose, &request.headers, &request.body, request.trailers.as_ref(), found);
    }
}

fn lines(key: &str, files: &[LogExpectation], vars: &Vars) -> Result<Vec<Line>, ConfigError> {
    let lines = files
        .iter()
        .enumerate()
        .map(|(index, line)| Line::new(line, vars).map_err(|error| error.under(&format!("{key}[{index}]"))));
    lines.collect()
}

fn listed(lines: &[LogLine]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("{}: {}", line.level, line.message)).collect();
    or_none(&lines)
}

/// The lines of a list, or `none`.
fn or_none<T: AsRef<str>>(lines: &[T]) -> String {
    let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
    if lines.is_empty() { "none".to_owned() } else { lines.join("\n") }
}
