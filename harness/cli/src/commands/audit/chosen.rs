//! Which records of which files are meant.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use portcullis_audit::show::told;
use portcullis_audit::{
    Broken, Decision, Field, Lines, Nothing, Pattern, Selection, Sink, Source, Tally, TooLong, parse_time,
    scan,
};
use portcullis_kit::Statuses;

use super::failure::{Failure, nothing_in};
use super::progress::progress;

/// Lines that cannot be read, of which each is told.
const MOST_TOLD: u64 = 20;

/// Which records of which files are meant: those to which all of it applies.
///
/// A text may leave something open by *, as in --subject 'svc-*'.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Files with a record on each line, in their order; also Envoy's log, with records among its lines, and what export --protobuf has written. - is the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// From this time on: 2026-01-01T13:00:00Z, 2026-01-01 in UTC, or 30m for half an hour ago.
    #[arg(long, value_name = "TIME", value_parser = parse_when, help_heading = "Which records")]
    since: Option<When>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_when, help_heading = "Which records")]
    until: Option<When>,
    /// Of this user.
    #[arg(long, value_name = "NAME", value_parser = text, help_heading = "Which records")]
    subject: Option<Pattern>,
    /// Of this tenant.
    #[arg(long, value_name = "NAME", value_parser = text, help_heading = "Which records")]
    tenant: Option<Pattern>,
    /// From this address or network: 192.0.2.1, 10.0.0.0/8.
    #[arg(long, value_name = "ADDRESS", value_parser = source, help_heading = "Which records")]
    source: Option<Source>,
    /// Of requests with this decision.
    #[arg(long, value_enum, help_heading = "Which records")]
    decision: Option<DecisionName>,
    /// Of requests that were denied by this filter.
    #[arg(long, value_name = "NAME", value_parser = text, help_heading = "Which records")]
    filter: Option<Pattern>,
    /// Of requests that were denied for this reason.
    #[arg(long, value_name = "REASON", value_parser = text, help_heading = "Which records")]
    reason: Option<Pattern>,
    /// Of requests with this method.
    #[arg(long, value_name = "METHOD", value_parser = any_case, help_heading = "Which records")]
    method: Option<Pattern>,
    /// Of requests for this host.
    #[arg(long, value_name = "HOST", value_parser = any_case, help_heading = "Which records")]
    host: Option<Pattern>,
    /// Of requests whose path begins so. With * in it, it is the whole path, and * is what is between two slashes, ** anything.
    #[arg(long, value_name = "PATH", value_parser = path, help_heading = "Which records")]
    path: Option<Pattern>,
    /// Of requests that got this status: 403, 4xx, 400-499; several with commas.
    #[arg(long, value_name = "STATUS", value_delimiter = ',', help_heading = "Which records")]
    status: Vec<String>,
    /// Of this trace.
    #[arg(long, value_name = "ID", value_parser = any_case, help_heading = "Which records")]
    trace_id: Option<Pattern>,
    /// Of this kind; several with commas.
    #[arg(long, value_enum, value_delimiter = ',', help_heading = "Which records")]
    kind: Vec<KindName>,
}

#[derive(Clone, Copy, Debug)]
enum When {
    /// In milliseconds since the epoch.
    At(i64),
    Ago(Duration),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DecisionName {
    Allowed,
    Denied,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindName {
    /// Requests.
    Request,
    /// The first record of a chain.
    Genesis,
    /// How many records there are, signed where a key is configured.
    Checkpoint,
    /// Records that are missing.
    Loss,
    /// The last record of a chain.
    Stop,
    /// A chain that has no last record.
    Abandoned,
    /// All of them.
    All,
}

impl KindName {
    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Request => "request",
            Self::Genesis => "genesis",
            Self::Checkpoint => "checkpoint",
            Self::Loss => "loss",
            Self::Stop => "stop",
            Self::Abandoned => "abandoned",
            Self::All => return None,
        })
    }
}

impl Chosen {
    /// The conditions, with these kinds if none is named.
    pub(super) fn selection(&self, otherwise: &[KindName]) -> Result<Selection, String> {
        let now = SystemTime::now();
        let kinds = if self.kind.is_empty() { otherwise } else { &self.kind };
        let texts = [
            (Field::Subject, &self.subject),
            (Field::Tenant, &self.tenant),
            (Field::Filter, &self.filter),
            (Field::Reason, &self.reason),
            (Field::Method, &self.method),
            (Field::Host, &self.host),
            (Field::Path, &self.path),
            (Field::TraceId, &self.trace_id),
        ];
        Ok(Selection {
            since: self.since.map(|when| when.resolved(now)),
            until: self.until.map(|when| when.resolved(now)),
            kinds: match kinds.contains(&KindName::All) {
                true => Vec::new(),
                false => kinds.iter().filter_map(|kind| kind.name()).collect(),
            },
            decision: self.decision.map(|name| match name {
                DecisionName::Allowed => Decision::Allowed,
                DecisionName::Denied => Decision::Denied,
                DecisionName::Other => Decision::Other,
            }),
            statuses: self.statuses()?,
            source: self.source.clone(),
            texts: texts.into_iter().filter_map(|(field, pattern)| Some((field, pattern.clone()?))).collect(),
            anywhere: None,
        })
    }

    fn statuses(&self) -> Result<Option<Statuses>, String> {
        match self.status.is_empty() {
            true => Ok(None),
            false => Statuses::new(&self.status).map(Some).map_err(|error| format!("--status: {error}")),
        }
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn open(&self) -> Result<(Lines, ProgressBar), String> {
        Lines::open(&self.files).map(progress).map_err(|error| error.to_string())
    }

    /// Reads everything. Lines that cannot be read are told, as long as there are not too many of them. Of a file that begins as one of another kind they
    /// are told when there was a record in it, or something of one; otherwise what it is.
    pub(super) fn pass(
        &self,
        lines: Lines,
        bar: &ProgressBar,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<Tally, Failure> {
        let say = |problem: &str| bar.suspend(|| anstream::eprintln!("portcullis: {problem}"));
        let (mut count, mut waiting) = (0, Vec::new());
        let may_be_foreign = lines.kind().is_some();
        let mut tell = |broken: Broken| {
            count += 1;
            match told(&broken.to_string()) {
                _ if count > MOST_TOLD => {}
                problem if may_be_foreign => waiting.push(problem),
                problem => say(&problem),
            }
        };
        let tally = scan(lines, selection, sink, &mut tell);
        bar.finish_and_clear();
        let nothing = tally.as_ref().ok().filter(|_| may_be_foreign).and_then(|tally| tally.nothing(None));
        if let Some(nothing) = nothing.filter(Nothing::is_foreign) {
            return Err(nothing_in(&self.files, &nothing).into());
        }
        waiting.iter().for_each(|problem| say(problem));
        if let Some(more) = count.checked_sub(MOST_TOLD).filter(|more| *more > 0) {
            say(&format!("and {more} more lines that cannot be read"));
        }
        Ok(tally?)
    }
}

impl When {
    fn resolved(self, now: SystemTime) -> i64 {
        let ago = match self {
            Self::At(time) => return time,
            Self::Ago(ago) => ago,
        };
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.saturating_sub(ago).as_millis()).unwrap_or(i64::MAX)
    }
}

fn parse_when(value: &str) -> Result<When, String> {
    if let Some(time) = parse_time(value) {
        return Ok(When::At(time));
    }
    let span = value.trim().trim_end_matches("ago");
    humantime::parse_duration(span)
        .map(When::Ago)
        .map_err(|_| "no time; write one as 2026-01-01T13:00:00Z, 2026-01-01 or 30m".to_owned())
}

fn text(value: &str) -> Result<Pattern, TooLong> {
    Pattern::text(value)
}

fn any_case(value: &str) -> Result<Pattern, TooLong> {
    Pattern::any_case(value)
}

fn path(value: &str) -> Result<Pattern, TooLong> {
    Pattern::path(value)
}

fn source(value: &str) -> Result<Source, String> {
    Source::parse(value)
        .ok_or_else(|| "no address; write one as 192.0.2.1 or a network as 10.0.0.0/8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_ago() {
        let now = UNIX_EPOCH + Duration::from_secs(100_000);
        let at = |value: &str| parse_when(value).map(|when| when.resolved(now));
        assert_eq!(at("1970-01-02"), Ok(86_400_000));
        assert_eq!(at("1970-01-01T00:00:01.5Z"), Ok(1500));
        assert_eq!(at("1h"), Ok(96_400_000));
        assert_eq!(at("1h 30m ago"), Ok(94_600_000));
        assert_eq!(at("100days"), Ok(0));
        assert!(at("noon").unwrap_err().contains("write one as 2026-01-01T13:00:00Z"));
    }
}
