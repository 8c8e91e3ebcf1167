//! One record in full, in the order of the questions that are asked of it.

use std::fmt::Write;

use anstyle::Style;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::column::shown_value;
use super::explained::explained;
use super::further::{decisions, further};
use super::text::{padded, told, width};
use crate::field::Field;
use crate::row::Row;

const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
/// The columns of the names.
const NAMES: usize = 16;

/// The questions, with the fields that answer them.
const QUESTIONS: [(&str, &[Field]); 7] = [
    (
        "who",
        &[
            Field::Subject,
            Field::Issuer,
            Field::Tenant,
            Field::ClientId,
            Field::Session,
            Field::Peer,
            Field::SourceIp,
            Field::SourcePort,
            Field::ForwardedFor,
            Field::UserAgent,
        ],
    ),
    (
        "what",
        &[
            Field::Kind,
            Field::ClassUid,
            Field::Activity,
            Field::Operation,
            Field::Method,
            Field::Scheme,
            Field::Host,
            Field::Path,
            Field::Query,
            Field::Protocol,
            Field::RequestBytes,
            Field::RequestId,
            Field::Stage,
        ],
    ),
    ("when", &[Field::Time, Field::Start, Field::End, Field::Duration]),
    (
        "where",
        &[
            Field::Service,
            Field::Route,
            Field::Cluster,
            Field::UpstreamIp,
            Field::UpstreamPort,
            Field::TraceId,
            Field::SpanId,
        ],
    ),
    ("outcome", &[Field::Decision, Field::Status, Field::GrpcStatus, Field::ResponseBytes, Field::Count]),
    ("why", &[Field::Filter, Field::Reason, Field::Details, Field::Flags, Field::Rule, Field::Level]),
    ("integrity", &[Field::Id, Field::Chain, Field::Sequence, Field::Hash, Field::Previous]),
];

/// What a record says to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// The name of the field: `subject`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What that means, where it is not plain.
    pub meaning: Option<String>,
}

/// A record in full. It is coloured: strip the colours before you print it to anything but a terminal.
pub fn one(row: &Row<'_>, record: &[u8]) -> String {
    // It has been read once already.
    let json: Json = serde_json::from_slice(record).unwrap_or_default();
    let mut out = String::new();
    for (question, answers) in answered(row, &json) {
        section(&mut out, question, &answers);
    }
    let _ =
        writeln!(out, "  {FAINT}nothing of that is checked here, but by portcullis audit verify{FAINT:#}");
    let further = further(&json, row).into_iter().map(|(name, value)| Answer { name, value, meaning: None });
    section(&mut out, "further members", &further.collect::<Vec<_>>());
    out
}

/// What a record says to each question: who, what, when, where, the outcome, why, its integrity. `json` is the record.
pub fn answered(row: &Row<'_>, json: &Json) -> Vec<(&'static str, Vec<Answer>)> {
    let of = |(question, fields): (&'static str, &[Field])| {
        let mut answers: Vec<_> = fields.iter().filter_map(|field| answer(*field, row)).collect();
        if question == "why" {
            let decision = |value| Answer { name: "decision".to_owned(), value, meaning: None };
            answers.extend(decisions(json).into_iter().map(decision));
        }
        (question, answers)
    };
    QUESTIONS.into_iter().map(of).collect()
}

fn answer(field: Field, row: &Row<'_>) -> Option<Answer> {
    let value = shown_value(field, row.value(field)?);
    let meaning = explained(field, &value);
    Some(Answer { name: field.name().to_owned(), value, meaning })
}

fn section(out: &mut String, title: &str, answers: &[Answer]) {
    if answers.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}{HEAD}{title}{HEAD:#}", if out.is_empty() { "" } else { "\n" });
    for Answer { name, value, meaning } in answers {
        let name = told(name);
        let name = if width(&name) > NAMES { name } else { padded(&name, NAMES) };
        // Each line behind a bar: none of them can pass for one of ours.
        let value: Vec<_> = value.split('\n').map(told).collect();
        let value = value.join(&format!("\n  {:NAMES$}| ", ""));
        let meaning =
            meaning.as_deref().map(|text| format!("  {FAINT}({text}){FAINT:#}")).unwrap_or_default();
        let _ = writeln!(out, "  {name}  {value}{meaning}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(record: &str) -> String {
        let text = one(&Row::read(record.as_bytes()).unwrap(), record.as_bytes());
        let mut plain = String::new();
        for (index, part) in text.split('\u{1b}').enumerate() {
            plain += if index == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
        }
        plain
    }

    #[test]
    fn every_member_of_a_record_is_shown() {
        let record = include_str!("../../tests/records/request.ocsf.json");
        let text = plain(record);
        for expected in [
            "who\n  subject           alice\n",
            "  forwarded_for     198.51.100.7, 203.0.113.9\n",
            "\nwhat\n  kind              request\n  class_uid         4002  (HTTP Activity)\n",
            "\nwhen\n  time              2026-09-21T14:13:20.000Z\n",
            "\n  flags             UAEX  (denied by an external authorizer)\n",
            "\n  decision          jwt-auth: denied, jwt_expired\n",
            "\n  decision          token-bucket: allowed\n",
            "\n  previous          0000000000000000000000000000000000000000000000000000000000000000  (none: the first of its chain)\n",
            "\nfurther members\n  action_id         2\n",
            "\n  metadata.product.version  0.1.0\n",
            "\n  tls.version       TLSv1.3\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        // Whatever is in the record is somewhere in the text.
        let json: Json = serde_json::from_str(record).unwrap();
        let mut open = vec![&json];
        while let Some(value) = open.pop() {
            match value {
                Json::Object(members) => open.extend(members.values()),
                Json::Array(elements) => open.extend(elements),
                Json::String(value) => assert!(text.contains(value.as_str()), "{value}"),
                Json::Number(number) if number.as_i64().is_some_and(|number| number > 1_000_000_000) => {}
                Json::Number(number) => assert!(text.contains(&number.to_string()), "{number}"),
                Json::Bool(_) | Json::Null => {}
            }
        }
    }

    #[test]
    fn what_a_row_cannot_read_is_shown_as_it_is() {
        let text = plain(
            r#"{"actor":{"idp":{"uid":"b"},"session":{"issuer":"a"}},"class_uid":4002,"http_request":{"http_headers":[{"name":"accept","value":"*/*"},{"name":1}]},"time":"soon","unmapped":{"audit":{"request_body":{"text":"{\n\u001b[2J"}}}}"#,
        );
        for expected in [
            "\n  issuer            b\n",
            "\n  actor.session.issuer  a\n",
            "\n  http_request.http_headers  accept: */*\n  http_request.http_headers.1.name  1\n",
            "\n  time              soon\n",
            "\n  unmapped.audit.request_body.text  {\n                  | \\u{1b}[2J\n",
        ] {
            assert!(format!("\n{text}").contains(expected), "{expected}\n{text}");
        }
    }
}
