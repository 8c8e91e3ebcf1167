//! What a collector says (OTLP 1.x, "OTLP/gRPC Response" and "OTLP/HTTP Response").

use std::time::Duration;

use portcullis_kit::{GrpcAnswer, HttpAnswer, UnixTime};
use portcullis_proto::trace::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::Value;

/// Statuses after which a batch may be sent again.
const RETRYABLE: [u16; 4] = [429, 502, 503, 504];
/// Likewise of gRPC: CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. RESOURCE_EXHAUSTED is one only with
/// details, which a plugin does not get to see.
const RETRYABLE_GRPC: [u32; 6] = [1, 4, 10, 11, 14, 15];
/// What of a message goes into the log.
const LONGEST_REASON: usize = 200;

/// What becomes of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is taken, but for so many spans.
    Taken { refused: u64, why: String },
    /// None of it is wanted, now or later.
    Refused { why: String },
    /// It may be sent again; after so long, where the collector says so.
    Later { after: Option<Duration>, why: String },
}

impl Answer {
    pub(super) fn of_http(answer: &HttpAnswer, is_json: bool, now: UnixTime) -> Self {
        let Some(status) = answer.status() else {
            return Self::Later { after: None, why: "the connection broke off".to_owned() };
        };
        let why = format!("status {status}");
        match status {
            200..=299 if is_json => of_json(&answer.body),
            200..=299 => of_message(&answer.body),
            _ if RETRYABLE.contains(&status) => {
                let after = answer
                    .headers
                    .only("retry-after")
                    .and_then(|text| portcullis_kit::retry_after(text, now));
                Self::Later { after, why }
            }
            _ => Self::Refused { why },
        }
    }

    pub(super) fn of_grpc(answer: &GrpcAnswer) -> Self {
        match answer {
            GrpcAnswer::Message(message) => of_message(message),
            GrpcAnswer::Status(status) => {
                let why = format!("gRPC status {status}");
                match RETRYABLE_GRPC.contains(status) {
                    true => Self::Later { after: None, why },
                    false => Self::Refused { why },
                }
            }
        }
    }
}

/// A collector that says it has taken a batch has taken it, whatever else it says.
fn of_message(message: &[u8]) -> Answer {
    taken(ExportTraceServiceResponse::decode(message).ok().and_then(|response| response.partial_success))
}

fn of_json(body: &[u8]) -> Answer {
    let partial = serde_json::from_slice::<Value>(body).ok().and_then(|answer| {
        let partial = answer.get("partialSuccess")?;
        // 64-bit numbers are text in protobuf's JSON, and some write numbers.
        let rejected = partial.get("rejectedSpans")?;
        let rejected_spans = rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok())?;
        let error_message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default().into();
        Some(ExportTracePartialSuccess { rejected_spans, error_message })
    });
    taken(partial)
}

fn taken(partial: Option<ExportTracePartialSuccess>) -> Answer {
    let ExportTracePartialSuccess { rejected_spans, error_message } = partial.unwrap_or_default();
    let why = String::from_utf8_lossy(error_message.get(..LONGEST_REASON).unwrap_or(&error_message))
        .replace(char::is_control, " ");
    Answer::Taken { refused: u64::try_from(rejected_spans).unwrap_or_default(), why }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::Headers;

    use super::*;

    fn http(status: &str, more: &[(&str, &str)], body: &[u8], is_json: bool) -> Answer {
        let headers: Headers = [&[(":status", status)], more].concat().into_iter().collect();
        Answer::of_http(
            &HttpAnswer { headers, body: body.to_vec(), truncated: false },
            is_json,
            UnixTime::from_secs(1_000),
        )
    }

    fn taken_but(refused: u64, why: &str) -> Answer {
        Answer::Taken { refused, why: why.to_owned() }
    }

    #[test]
    fn success_is_never_sent_again() {
        for (body, refused, why) in [
            (&b""[..], 0, ""),
            (b"\x0a\x00", 0, ""),
            (b"\x0a\x06\x08\x03\x12\x02\x0an", 3, " n"),
            (b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, ""),
            (b"nonsense \xff", 0, ""),
        ] {
            assert_eq!(http("200", &[], body, false), taken_but(refused, why), "{body:?}");
            assert_eq!(Answer::of_grpc(&GrpcAnswer::Message(body.to_vec())), taken_but(refused, why));
        }
        for (body, refused) in [
            ("", 0),
            ("{}", 0),
            (r#"{"partialSuccess":null}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"3"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":3}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":-3}}"#, 0),
            (r#"{"partialSuccess":[{}]}"#, 0),
        ] {
            assert_eq!(http("202", &[], body.as_bytes(), true), taken_but(refused, ""), "{body}");
        }
    }

    #[test]
    fn only_what_may_be_sent_again_is() {
        let later = |after: Option<u64>, why: &str| Answer::Later {
            after: after.map(Duration::from_secs),
            why: why.to_owned(),
        };
        for status in ["429", "502", "503", "504"] {
            assert_eq!(
                http(status, &[("retry-after", "7")], b"", false),
                later(Some(7), &format!("status {status}"))
            );
            assert_eq!(
                http(status, &[("retry-after", "soon")], b"", false),
                later(None, &format!("status {status}"))
            );
        }
        for status in ["301", "400", "401", "404", "413", "415", "500", "501", "999"] {
            assert!(
                matches!(http(status, &[("retry-after", "7")], b"", false), Answer::Refused { .. }),
                "{status}"
            );
        }
        assert_eq!(http("x", &[], b"", false), later(None, "the connection broke off"));
        for status in 0..20 {
            let answer = Answer::of_grpc(&GrpcAnswer::Status(status));
            assert_eq!(
                matches!(answer, Answer::Later { .. }),
                [1, 4, 10, 11, 14, 15].contains(&status),
                "{status}"
            );
        }
    }
}
