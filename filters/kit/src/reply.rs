use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ConfigError;
use crate::rules::is_token;

/// An answer that the proxy gives in the upstream's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// Stable machine-readable code, Envoy's `response_code_details`: `portcullis_jwt_expired`.
    pub code: &'static str,
    /// Headers beside those that the proxy sets itself.
    pub headers: Vec<(Cow<'static, str>, Vec<u8>)>,
    /// The body; for a gRPC request Envoy makes it the `grpc-message`.
    pub body: Vec<u8>,
    /// The status of a gRPC answer; `None` lets the proxy map the HTTP status.
    pub grpc_status: Option<GrpcStatus>,
}

/// The gRPC statuses of what has not gone well (<https://grpc.io/docs/guides/status-codes/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrpcStatus {
    /// The operation was cancelled, typically by the caller.
    Cancelled = 1,
    /// An unknown error.
    Unknown = 2,
    /// The client has specified an invalid argument.
    InvalidArgument = 3,
    /// The deadline expired before the operation could complete.
    DeadlineExceeded = 4,
    /// A requested entity was not found.
    NotFound = 5,
    /// The entity that a client attempted to create already exists.
    AlreadyExists = 6,
    /// The caller does not have permission.
    PermissionDenied = 7,
    /// A resource has been exhausted, such as a quota.
    ResourceExhausted = 8,
    /// The system is not in a state required for the operation.
    FailedPrecondition = 9,
    /// The operation was aborted, typically due to a concurrency issue.
    Aborted = 10,
    /// The operation was attempted past the valid range.
    OutOfRange = 11,
    /// The operation is not implemented.
    Unimplemented = 12,
    /// An internal error.
    Internal = 13,
    /// The service is currently unavailable.
    Unavailable = 14,
    /// Unrecoverable data loss.
    DataLoss = 15,
    /// The request does not have valid authentication credentials.
    Unauthenticated = 16,
}

/// How the body of a denial is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplyFormat {
    /// RFC 9457, `application/problem+json`.
    #[default]
    ProblemJson,
    /// One sentence, `text/plain`.
    Text,
}

impl LocalReply {
    /// A denial with a stable code and one sentence that says why.
    pub fn new(status: u16, code: &'static str, detail: &str, format: ReplyFormat) -> Self {
        let mut reply =
            Self { status, code, headers: Vec::new(), body: detail.into(), grpc_status: grpc_status(status) };
        if format == ReplyFormat::ProblemJson {
            reply.headers.push(("content-type".into(), b"application/problem+json".to_vec()));
            reply.body = problem(status, code, detail);
        }
        reply
    }

    /// The same denial for a gRPC client: Envoy turns status and body into `grpc-status` and `grpc-message`.
    pub fn for_grpc(status: u16, code: &'static str, detail: &str) -> Self {
        Self::new(status, code, detail, ReplyFormat::Text)
    }
}

/// Further headers that a configuration gives to local replies, their names in lower case; `ours` are those that the filter itself sets.
///
/// # Errors
/// What is no header, is one of ours, belongs to the connection or frames the body; the same header twice.
pub fn reply_headers(
    headers: impl IntoIterator<Item = (String, String)>,
    ours: &[&str],
) -> Result<Vec<(String, Vec<u8>)>, ConfigError> {
    let mut checked: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in headers {
        let fail = |problem: &str| Err(ConfigError::at(format!("headers.{}", name.escape_debug()), problem));
        let lower = name.to_ascii_lowercase();
        if !is_further_header(&lower, ours) {
            return fail("not a header for this; write one such as x-denied-by");
        }
        if checked.iter().any(|(other, _)| *other == lower) {
            return fail("is there in another case as well; write it once");
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            return fail("not printable ASCII; write a plain value");
        }
        checked.push((lower, value.into_bytes()));
    }
    Ok(checked)
}

/// Whether a configuration may name this header, in lower case, beside those that a filter itself sets: it is one, and neither belongs to the
/// connection nor frames the body nor says how a gRPC call has ended.
pub fn is_further_header(name: &str, ours: &[&str]) -> bool {
    const FIXED: [&str; 10] = [
        "connection",
        "content-length",
        "content-type",
        "grpc-message",
        "grpc-status",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    is_token(name) && !FIXED.contains(&name) && !ours.contains(&name)
}

fn problem(status: u16, code: &str, detail: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Problem<'a> {
        title: &'a str,
        status: u16,
        detail: &'a str,
        code: &'a str,
    }
    let problem = Problem { title: title(status), status, detail, code };
    serde_json::to_vec(&problem).unwrap_or_default()
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        status if status < 500 => "Request Denied",
        _ => "Request Failed",
    }
}

fn grpc_status(status: u16) -> Option<GrpcStatus> {
    match status {
        400 => Some(GrpcStatus::InvalidArgument),
        401 => Some(GrpcStatus::Unauthenticated),
        403 => Some(GrpcStatus::PermissionDenied),
        429 => Some(GrpcStatus::ResourceExhausted),
        503 => Some(GrpcStatus::Unavailable),
        _ => None,
    }
}
