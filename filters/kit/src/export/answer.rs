//! What a server says (OTLP 1.x, "OTLP/gRPC Response" and "OTLP/HTTP Response").

use std::time::Duration;

use super::payload::{Partial, Payload, RETRYABLE, RETRYABLE_GRPC};
use crate::{GrpcAnswer, HttpAnswer, UnixTime, retry_after};

/// What becomes of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is taken, or most of it.
    Taken(Partial),
    /// None of it is wanted, now or later.
    Refused { why: String },
    /// It may be sent again; after so long, where the server says so.
    Later {
        after: Option<Duration>,
        why: String,
        /// Whether the server says something else than that it is away or busy.
        objects: bool,
    },
}

impl Answer {
    pub(super) fn of_http(answer: &HttpAnswer, payload: &impl Payload, now: UnixTime) -> Self {
        let Some(status) = answer.status() else {
            let why = "the connection broke off".to_owned();
            return Self::Later { after: None, why, objects: false };
        };
        let why = format!("status {status}");
        match status {
            200..=299 => Self::Taken(payload.partial(&answer.body)),
            _ if payload.is_retryable(status) => {
                let after = answer.headers.only("retry-after").and_then(|text| retry_after(text, now));
                Self::Later { after, why, objects: !RETRYABLE.contains(&status) }
            }
            _ => Self::Refused { why },
        }
    }

    pub(super) fn of_grpc(answer: &GrpcAnswer, payload: &impl Payload) -> Self {
        match answer {
            GrpcAnswer::Message(message) => Self::Taken(payload.partial(message)),
            GrpcAnswer::Status(status) => {
                let why = format!("gRPC status {status}");
                match payload.is_retryable_grpc(*status) {
                    true => Self::Later { after: None, why, objects: !RETRYABLE_GRPC.contains(status) },
                    false => Self::Refused { why },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::Lines;

    /// As OTLP has it.
    #[derive(Debug)]
    struct Plain;

    impl Payload for Plain {
        type Item = ();
        type Mark = ();

        const WHO: &'static str = "test: the server";
        const ITEMS: &'static str = "things";

        fn size(&self, (): &()) -> usize {
            0
        }

        fn encode(&mut self, _: Vec<()>) -> Vec<u8> {
            Vec::new()
        }
    }

    fn http(status: &str, more: &[(&str, &str)], body: &[u8], payload: &impl Payload) -> Answer {
        let headers = [&[(":status", status)], more].concat().into_iter().collect();
        let answer = HttpAnswer { headers, body: body.to_vec(), truncated: false };
        Answer::of_http(&answer, payload, UnixTime::from_secs(1_000))
    }

    #[test]
    fn success_is_never_sent_again() {
        for status in ["200", "202", "204", "299"] {
            for body in [&b""[..], b"3 for a reason", b"nonsense \xff"] {
                let said = Lines.partial(body);
                assert_eq!(http(status, &[("retry-after", "7")], body, &Lines), Answer::Taken(said.clone()));
                assert_eq!(Answer::of_grpc(&GrpcAnswer::Message(body.to_vec()), &Lines), Answer::Taken(said));
                assert_eq!(http(status, &[], body, &Plain), Answer::Taken(Partial::default()));
            }
        }
        assert_eq!(Lines.partial(b"3 for a reason"), Partial::new(3, b"for a reason"));
    }

    #[test]
    fn only_what_may_be_sent_again_is() {
        let later = |after: Option<u64>, why: &str| Answer::Later {
            after: after.map(Duration::from_secs),
            why: why.to_owned(),
            objects: false,
        };
        for status in ["429", "502", "503", "504"] {
            let why = format!("status {status}");
            assert_eq!(http(status, &[("retry-after", "7")], b"", &Plain), later(Some(7), &why));
            assert_eq!(http(status, &[("retry-after", "soon")], b"", &Plain), later(None, &why));
        }
        for status in ["301", "400", "401", "404", "413", "415", "500", "501", "999"] {
            let why = format!("status {status}");
            assert_eq!(http(status, &[("retry-after", "7")], b"", &Plain), Answer::Refused { why });
        }
        assert_eq!(http("x", &[], b"", &Plain), later(None, "the connection broke off"));
        for status in 0..20 {
            let answer = Answer::of_grpc(&GrpcAnswer::Status(status), &Plain);
            let is_later = matches!(answer, Answer::Later { .. });
            assert_eq!(is_later, [1, 4, 10, 11, 14, 15].contains(&status), "{status}");
        }
    }
}
