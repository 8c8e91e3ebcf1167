//! Whoever keeps the records.

use std::collections::BTreeMap;

use portcullis_kit::testing::TestCall;
use portcullis_kit::{GrpcAnswer, Headers, HttpAnswer};
use portcullis_proto::common::any_value;
use portcullis_proto::logs::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse};
use prost::Message;
use serde_json::{Value, json};

/// What it does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It keeps it, and says so.
    Take,
    /// It does not keep it, with this status.
    Status(u16),
    /// Likewise over gRPC.
    Grpc(u32),
    /// Likewise, and it wants to be left alone for so many seconds.
    After(u16, u64),
    /// The connection breaks off, before or behind what it has kept.
    Reset { is_kept: bool },
    /// It takes too long, so that Envoy answers in its place.
    Timeout { is_kept: bool },
    /// No answer ever comes.
    Silence { is_kept: bool },
    /// It keeps all but so many at the beginning, and says so; only a collector of OpenTelemetry can.
    But(usize),
}

/// What it has got.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) calls: Vec<Call>,
    /// What it has kept, line by line.
    pub(crate) lines: Vec<String>,
    /// What it was sent, whether it has kept it or not.
    pub(crate) sent: Vec<String>,
    /// What it has decided about a body, which it does once.
    decided: BTreeMap<Vec<u8>, Answer>,
}

/// Something that it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Which instance of the filter has sent it.
    pub(crate) maker: usize,
    pub(crate) call: TestCall,
    pub(crate) is_answered: bool,
}

impl Sink {
    /// It gets something.
    pub(crate) fn receive(&mut self, maker: usize, call: TestCall) {
        self.sent.extend(lines(&call));
        self.calls.push(Call { maker, call, is_answered: false });
    }

    /// Which calls it has not answered.
    pub(crate) fn unanswered(&self) -> Vec<usize> {
        let calls = self.calls.iter().enumerate();
        calls.filter(|(_, call)| !call.is_answered).map(|(index, _)| index).collect()
    }

    /// Whether it has ever refused a batch, or a part of it.
    pub(crate) fn has_refused(&self) -> bool {
        self.decided.values().any(|answer| answer.is_refusal())
    }

    /// Whether it has ever taken a part of a batch.
    pub(crate) fn has_taken_a_part(&self) -> bool {
        self.decided.values().any(|answer| matches!(answer, Answer::But(1..)))
    }

    /// Answers a call: what the instance that made it hears, if it hears anything.
    pub(crate) fn answer(&mut self, index: usize, answer: Answer) -> Option<Heard> {
        let call = &mut self.calls[index];
        call.is_answered = true;
        let (lines, call) = (lines(&call.call), call.call.clone());
        let decided = self.decided.get(&call.body).copied();
        let answer = match (decided, answer) {
            // What it has kept it does not refuse.
            (Some(Answer::Take), it) if it.is_refusal() => Answer::Take,
            (Some(it), _) if it.is_refusal() => it,
            _ => answer,
        };
        if answer.is_kept() {
            self.lines.extend(lines);
            self.decided.insert(call.body.clone(), Answer::Take);
        } else if answer.is_refusal() {
            if let (None, Answer::But(refused)) = (decided, answer) {
                self.lines.extend(lines.into_iter().skip(refused));
            }
            self.decided.insert(call.body.clone(), answer);
        }
        heard(answer, &call)
    }
}

impl Answer {
    fn is_kept(self) -> bool {
        match self {
            Self::Take => true,
            Self::Reset { is_kept } | Self::Timeout { is_kept } | Self::Silence { is_kept } => is_kept,
            Self::Status(_) | Self::Grpc(_) | Self::After(..) | Self::But(_) => false,
        }
    }

    /// Whether a batch is lost by it, or a part of it.
    fn is_refusal(self) -> bool {
        matches!(self, Self::Status(400 | 413 | 415 | 422) | Self::Grpc(3) | Self::But(_))
    }
}

/// What the filter hears.
#[derive(Debug)]
pub(crate) enum Heard {
    Http(HttpAnswer),
    Grpc(GrpcAnswer),
}

fn heard(answer: Answer, call: &TestCall) -> Option<Heard> {
    let is_grpc = call.headers.len() == 1;
    let (status, more, body) = match answer {
        Answer::Silence { .. } => return None,
        Answer::Grpc(status) => return Some(Heard::Grpc(GrpcAnswer::Status(status))),
        Answer::Reset { .. } if is_grpc => return Some(Heard::Grpc(GrpcAnswer::Status(14))),
        Answer::Reset { .. } => return Some(Heard::Http(HttpAnswer::default())),
        Answer::Take => (200, None, Vec::new()),
        Answer::But(refused) => (200, None, taken(i64::try_from(refused).unwrap(), call)),
        Answer::Timeout { .. } => (504, None, Vec::new()),
        Answer::Status(status) => (status, None, Vec::new()),
        Answer::After(status, seconds) => (status, Some(seconds.to_string()), Vec::new()),
    };
    if is_grpc {
        let answer = match status {
            200 => GrpcAnswer::Message(body),
            // INVALID_ARGUMENT, and UNAVAILABLE.
            400 | 413 | 415 | 422 => GrpcAnswer::Status(3),
            _ => GrpcAnswer::Status(14),
        };
        return Some(Heard::Grpc(answer));
    }
    let mut headers = vec![(":status", status.to_string())];
    headers.extend(more.map(|seconds| ("retry-after", seconds)));
    Some(Heard::Http(HttpAnswer { headers: Headers::from_iter(headers), body, truncated: false }))
}

fn taken(refused: i64, call: &TestCall) -> Vec<u8> {
    if is(call, "application/json") {
        let said =
            json!({"partialSuccess": {"rejectedLogRecords": refused.to_string(), "errorMessage": "no"}});
        return said.to_string().into();
    }
    let said = ExportLogsPartialSuccess { rejected_log_records: refused, error_message: "no".into() };
    ExportLogsServiceResponse { partial_success: Some(said) }.encode_to_vec()
}

/// The records in a body, line by line.
pub(crate) fn lines(call: &TestCall) -> Vec<String> {
    if is(call, "application/x-ndjson") {
        return String::from_utf8(call.body.clone()).unwrap().lines().map(str::to_owned).collect();
    }
    if !is(call, "application/json") {
        return of_protobuf(&call.body);
    }
    let value: Value = serde_json::from_slice(&call.body).unwrap();
    match value {
        Value::Array(records) => {
            let lines: Vec<_> =
                records.iter().map(|it| serde_json_canonicalizer::to_string(it).unwrap()).collect();
            assert_eq!(format!("[{}]", lines.join(",")).as_bytes(), call.body, "they are sent as they are");
            lines
        }
        export => {
            let records = export["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
            records.iter().map(|it| it["body"]["stringValue"].as_str().unwrap().to_owned()).collect()
        }
    }
}

fn of_protobuf(body: &[u8]) -> Vec<String> {
    let export = ExportLogsServiceRequest::decode(body).unwrap();
    let records = &export.resource_logs[0].scope_logs[0].log_records;
    let bodies = records.iter().map(|it| it.body.as_ref().unwrap().value.as_ref().unwrap());
    bodies
        .map(|body| match body {
            any_value::Value::StringValue(line) => line.clone(),
            other => panic!("{other:?} is no text"),
        })
        .collect()
}

fn is(call: &TestCall, content_type: &str) -> bool {
    call.headers.iter().any(|(name, value)| name == "content-type" && value == content_type)
}
