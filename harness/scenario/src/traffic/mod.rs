//! Recorded traffic, to be sent again.

mod har;
mod tap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_sim::http::{Exchange, HeaderList, Protocol, Request, Response, Sending};
use portcullis_sim::{Answer, AnswerKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::expectation::Mismatch;
use crate::secrets::concealed;
use crate::yaml::LoadError;

/// Requests that were recorded, with the answers to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What can be sent again, in order.
    pub entries: Vec<Recorded>,
    /// What cannot, and why.
    pub skipped: Vec<String>,
}

/// One recorded exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The request, and the recorded answer as that of the upstream.
    pub sending: Sending,
}

/// Headers of a connection and not of a message (RFC 9110 section 7.6.1); the next connection has its own.
const OF_CONNECTION: [&[u8]; 6] =
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"];
/// Headers whose values differ from run to run.
pub(crate) const VOLATILE: [&[u8]; 3] = [b"date", b"x-request-id", b"x-envoy-upstream-service-time"];

impl Traffic {
    /// Reads a HAR 1.2 file, or what Envoy's HTTP tap has written: buffered traces or streamed ones, one or many in a file, with
    /// bodies as bytes or as text.
    ///
    /// # Errors
    /// It is neither, or an entry of it cannot be read; the message has the entry's number.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        let fail = |problem: String| LoadError { file: file.to_owned(), position: None, problem };
        // Windows programs begin files with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut documents = Vec::new();
        for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            documents.push(document.map_err(|error| LoadError {
                file: file.to_owned(),
                position: Some((error.line() as u64, error.column() as u64)),
                problem: format!(
                    "not JSON: {error}; write a HAR 1.2 file or the JSON output of Envoy's HTTP tap"
                ),
            })?);
        }
        match documents.as_slice() {
            [] => Err(fail("empty; write a HAR file or the output of Envoy's HTTP tap".to_owned())),
            [Value::Object(har)] if har.contains_key("log") => {
                har::read(har).map_err(|problem| fail(format!("{problem} (read as a HAR 1.2 file)")))
            }
            _ => tap::read(documents).map_err(|problem| {
                fail(format!("{problem}; write a HAR 1.2 file or the output of Envoy's HTTP tap"))
            }),
        }
    }
}

/// What the new exchange has otherwise than the old: status, details, and what the upstream gets. Credentials and queries
/// are concealed unless `show_secrets`.
pub fn differences(old: &Exchange, new: &Exchange, show_secrets: bool) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut compare = |what: String, old: Option<String>, new: Option<String>| {
        if old != new {
            let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            found.push(Mismatch::new(what, text(old), text(new)));
        }
    };
    let status = |exchange: &Exchange| exchange.client.as_ref().map(|response| response.status.to_string());
    compare("status".to_owned(), status(old), status(new));
    compare("details".to_owned(), old.details.clone(), new.details.clone());
    match (&old.upstream, &new.upstream) {
        (Some(old), Some(new)) => {
            let all = old.headers.iter().chain(&new.headers).map(|(name, _)| name);
            let mut names: Vec<_> = all.filter(|name| !VOLATILE.contains(&name.as_slice())).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let what = format!("upstream header {}", name.escape_ascii());
                if raw(&old.headers, name) != raw(&new.headers, name) {
                    let told = |headers| values(headers, name, show_secrets);
                    compare(what, told(&old.headers), told(&new.headers));
                }
            }
            let body = |request: &Request| Some(request.body.concat().escape_ascii().to_string());
            compare("upstream body".to_owned(), body(old), body(new));
        }
        (old, new) => {
            let called = |request: &Option<Request>| {
                Some(if request.is_some() { "called" } else { "not called" }.to_owned())
            };
            compare("upstream".to_owned(), called(old), called(new));
        }
    }
    found
}

fn raw<'a>(headers: &'a HeaderList, name: &[u8]) -> Vec<&'a [u8]> {
    headers.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_slice()).collect()
}

fn values(headers: &HeaderList, name: &[u8], show_secrets: bool) -> Option<String> {
    let told = |value: &[u8]| match show_secrets {
        true => value.escape_ascii().to_string(),
        false => concealed(name, value),
    };
    let values: Vec<_> = raw(headers, name).into_iter().map(told).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A value with the keys that lead to what is wrong with it.
fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    // Some writers break the lines.
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|error| format!("not base64: {error}"))
}

/// A recorded message on its way to be sent again, with the headers in lower case and without those of the old connection.
#[derive(Debug, Default)]
struct Message {
    headers: HeaderList,
    body: Vec<Vec<u8>>,
    trailers: Option<HeaderList>,
}

impl Message {
    fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(field, _)| field == name.as_bytes())?;
        Some(value)
    }

    /// Takes out what the next connection writes itself, and a length that is not that of the body.
    fn cleaned(mut self) -> Self {
        let length = self.body.iter().map(Vec::len).sum::<usize>().to_string();
        self.headers.retain(|(name, value)| {
            !OF_CONNECTION.contains(&name.as_slice())
                && (name != b"content-length" || value == length.as_bytes())
        });
        self.body.retain(|piece| !piece.is_empty());
        self
    }

    /// With pseudo-headers among the headers, which come first.
    fn into_request(self) -> Request {
        let Self { headers, body, trailers } = self.cleaned();
        let (mut all, rest): (HeaderList, HeaderList) =
            headers.into_iter().partition(|(name, _)| name.starts_with(b":"));
        all.extend(rest);
        Request { headers: all, body, trailers }
    }

    /// What the upstream does: it answers, unless nobody did when it was recorded.
    fn into_answer(self, status: u16) -> Answer {
        let Self { mut headers, body, trailers } = self.cleaned();
        if status == 0 {
            return Answer { kind: AnswerKind::Reset, ..Answer::default() };
        }
        headers.retain(|(name, _)| !name.starts_with(b":"));
        Response { status, headers, body, trailers }.into()
    }
}

/// What the request and its answer go by: trailers and gRPC are of HTTP/2.
fn protocol(request: &Message, response: &Message, is_http2: bool) -> Protocol {
    let grpc = request.header("content-type").is_some_and(|value| value.starts_with(b"application/grpc"));
    match is_http2 || grpc || request.trailers.is_some() || response.trailers.is_some() {
        true => Protocol::Http2,
        false => Protocol::Http1,
    }
}

/// Why an exchange cannot be sent again.
fn not_again(method: &[u8], status: u16) -> Option<String> {
    match (method, status) {
        (b"CONNECT", _) => Some("CONNECT opens a tunnel".to_owned()),
        (_, 101) => Some("status 101 begins another protocol".to_owned()),
        (_, 1..=199 | 600..) => Some(format!("status {status} is not the final answer to a request")),
        _ => None,
    }
}
