//! Which records the page asks for.

use portcullis_audit::{Anywhere, Decision, Field, Pattern, Selection, Source, parse_time};
use portcullis_kit::Statuses;
use portcullis_scenario::report::short;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Refusal;

/// How much of a text is repeated that cannot be read.
const LONGEST: usize = 60;

/// Which records are meant. What is left out or empty does not matter.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Query {
    /// Anywhere in the record.
    text: Option<String>,
    /// RFC 3339, or less of it: `2026-09-21 13:00`.
    since: Option<String>,
    /// RFC 3339, or less of it: `2026-09-21 13:00`.
    until: Option<String>,
    #[schemars(with = "Option<Decision>")]
    decision: Option<String>,
    /// `403`, `4xx`, `500-599`.
    status: Option<String>,
    /// A pattern with `*`.
    subject: Option<String>,
    /// A pattern with `*`.
    tenant: Option<String>,
    /// A pattern with `*`.
    path: Option<String>,
    /// A pattern with `*`.
    trace_id: Option<String>,
    /// An address, or a network.
    source: Option<String>,
    /// A pattern with `*`.
    method: Option<String>,
}

impl Query {
    /// The conditions.
    ///
    /// # Errors
    /// Which member cannot be read, and what would be right.
    pub(super) fn selection(&self) -> Result<Selection, Refusal> {
        let patterns = [
            (Field::Subject, member("subject", &self.subject, pattern(Pattern::text))?),
            (Field::Tenant, member("tenant", &self.tenant, pattern(Pattern::text))?),
            (Field::Path, member("path", &self.path, pattern(Pattern::path))?),
            (Field::TraceId, member("traceId", &self.trace_id, pattern(Pattern::any_case))?),
            (Field::Method, member("method", &self.method, pattern(Pattern::any_case))?),
        ];
        Ok(Selection {
            since: member("since", &self.since, time)?,
            until: member("until", &self.until, time)?,
            kinds: Vec::new(),
            decision: member("decision", &self.decision, decision)?,
            statuses: member("status", &self.status, statuses)?,
            source: member("source", &self.source, source)?,
            texts: patterns.into_iter().filter_map(|(field, pattern)| Some((field, pattern?))).collect(),
            anywhere: member("text", &self.text, |text| Ok(Anywhere::new(text)))?,
        })
    }
}

fn member<T>(
    name: &'static str,
    text: &Option<String>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Refusal> {
    let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    read(text).map(Some).map_err(|problem| Refusal { member: name, problem })
}

fn pattern<E: ToString>(
    read: impl FnOnce(&str) -> Result<Pattern, E>,
) -> impl FnOnce(&str) -> Result<Pattern, String> {
    |text| read(text).map_err(|error| error.to_string())
}

fn time(text: &str) -> Result<i64, String> {
    parse_time(text).ok_or_else(|| no(text, "time", "write 2026-09-21 or 2026-09-21 13:00"))
}

fn decision(text: &str) -> Result<Decision, String> {
    let all = [Decision::Allowed, Decision::Denied, Decision::Other];
    let named = all.into_iter().find(|decision| decision.name() == text);
    named.ok_or_else(|| no(text, "decision", "write allowed, denied or other"))
}

fn statuses(text: &str) -> Result<Statuses, String> {
    let texts: Vec<_> = text.split(',').map(|text| text.trim().to_owned()).collect();
    Statuses::new(&texts).map_err(|error| error.problem)
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text)
        .ok_or_else(|| no(text, "address", "write one as 192.0.2.1, or a network as 10.0.0.0/8"))
}

fn no(text: &str, what: &str, remedy: &str) -> String {
    format!("{:?} is no {what}; {remedy}", short(text, LONGEST))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::said;
    use super::*;

    fn selection(json: &str) -> Result<Selection, String> {
        let selection = said::<Query>("query", json).and_then(|query| query.selection());
        selection.map_err(|Refusal { member, problem }| format!("{member}: {problem}"))
    }

    #[test]
    fn what_is_left_out_or_empty_does_not_matter() {
        for json in ["{}", r#"{"text":"","since":" ","status":"","source":null}"#] {
            let it = selection(json).unwrap();
            assert!(it.since.is_none() && it.statuses.is_none() && it.texts.is_empty());
            assert!(it.anywhere.is_none() && it.source.is_none());
        }
    }

    #[test]
    fn every_member_is_a_condition() {
        let it = selection(
            r#"{"text":"x","since":"2026-09-21","until":"2026-09-21 13:00","decision":"denied","status":"403, 5xx",
                "subject":"svc-*","tenant":"acme","path":"/orders","traceId":"AB","source":"10.0.0.0/8","method":"get"}"#,
        )
        .unwrap();
        assert_eq!((it.since, it.until), (Some(1_789_948_800_000), Some(1_789_995_600_000)));
        assert_eq!((it.decision, it.source), (Some(Decision::Denied), Source::parse("10.0.0.0/8")));
        let statuses = it.statuses.unwrap();
        assert!(statuses.contains(403) && statuses.contains(502) && !statuses.contains(401));
        let fields: Vec<_> = it.texts.iter().map(|(field, _)| field.name()).collect();
        assert_eq!(fields, ["subject", "tenant", "path", "trace_id", "method"]);
        for ((_, pattern), text) in it.texts.iter().zip(["svc-a", "acme", "/orders/7", "ab", "GET"]) {
            assert!(pattern.matches(text), "{text}");
        }
        assert!(it.anywhere.is_some());
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_would_be_right() {
        for (json, expected) in [
            (r#"{"since":"noon"}"#, r#"since: "noon" is no time; write 2026-09-21 or 2026-09-21 13:00"#),
            (r#"{"until":"2026"}"#, r#"until: "2026" is no time; write 2026-09-21 or 2026-09-21 13:00"#),
            (
                r#"{"decision":"maybe"}"#,
                r#"decision: "maybe" is no decision; write allowed, denied or other"#,
            ),
            (r#"{"status":"403,ok"}"#, r#"status: "ok" is no status; write one as 404, 5xx or 500-599"#),
            (
                r#"{"source":"here"}"#,
                r#"source: "here" is no address; write one as 192.0.2.1, or a network as 10.0.0.0/8"#,
            ),
        ] {
            assert_eq!(selection(json).unwrap_err(), expected);
        }
        for name in ["subject", "tenant", "path", "traceId", "method"] {
            let error = selection(&json!({ name: "a*".repeat(9000) }).to_string()).unwrap_err();
            let why = "too long for a pattern; write a shorter one, with * for the rest";
            assert_eq!(error, format!("{name}: {why}"));
        }
        let error = selection(&format!(r#"{{"since":"{}"}}"#, "x".repeat(9000))).unwrap_err();
        assert!(error.len() < 200, "{error}");
        let error = selection(r#"{"user":"alice"}"#).unwrap_err();
        assert!(error.starts_with("file: query: unknown field `user`, expected one of `text`"), "{error}");
    }
}
