//! What is asked and answered, to and from the messages of `envoy.service.ratelimit.v3`.

use portcullis_kit::bucket::Level as Fill;
use portcullis_kit::rules::is_token;
use portcullis_proto::ratelimit::rate_limit_descriptor::Entry;
use portcullis_proto::ratelimit::rate_limit_response::{Code, DescriptorStatus};
use portcullis_proto::ratelimit::{HeaderValue, RateLimitDescriptor, RateLimitResponse};
use prost::Message;

/// What an empty part is called: servers refuse an empty value.
const EMPTY: &str = "-";

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All limits have room.
    Ok(Said),
    /// One has not.
    OverLimit(Said),
    /// Nothing, or nothing that can be understood.
    Failed,
}

/// The parts of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// One for each descriptor, where there are as many.
    pub(crate) statuses: Vec<Status>,
    /// For the response to the client, denied or not.
    pub(crate) response_headers: Vec<(String, Vec<u8>)>,
    /// For the request to the upstream.
    pub(crate) request_headers: Vec<(String, Vec<u8>)>,
    /// The body of a denial; empty for ours.
    pub(crate) body: Vec<u8>,
}

/// What it says of one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) is_over: bool,
    /// How many per window, and the window in nanoseconds, where it says so.
    pub(crate) limit: Option<(u64, u64)>,
    /// Whether anything limits the descriptor.
    pub(crate) is_limited: bool,
    pub(crate) fill: Fill,
}

/// A descriptor with these parts, for so many tokens.
pub(crate) fn descriptor<'a>(
    names: impl Iterator<Item = &'a str>,
    parts: &[Vec<u8>],
    tokens: u64,
) -> RateLimitDescriptor {
    let entries = names.zip(parts).map(|(name, part)| {
        let value = if part.is_empty() { EMPTY.into() } else { String::from_utf8_lossy(part) };
        Entry { key: name.to_owned(), value: value.into_owned() }
    });
    RateLimitDescriptor { entries: entries.collect(), hits_addend: Some(tokens), ..Default::default() }
}

/// Servers that do not know the number of a descriptor read that of the request; those that know it prefer it.
pub(super) fn same_for_all(descriptors: &[RateLimitDescriptor]) -> u32 {
    let most = descriptors.iter().filter_map(|descriptor| descriptor.hits_addend).max();
    u32::try_from(most.unwrap_or(1)).unwrap_or(u32::MAX)
}

/// What an answer says.
pub(super) fn verdict(message: &[u8]) -> Verdict {
    let Ok(response) = RateLimitResponse::decode(message) else { return Verdict::Failed };
    let said = Said {
        statuses: response.statuses.iter().map(status).collect(),
        response_headers: headers(&response.response_headers_to_add),
        request_headers: headers(&response.request_headers_to_add),
        body: response.raw_body,
    };
    match Code::try_from(response.overall_code) {
        Ok(Code::Ok) => Verdict::Ok(said),
        Ok(Code::OverLimit) => Verdict::OverLimit(said),
        Ok(Code::Unknown) | Err(_) => Verdict::Failed,
    }
}

fn status(status: &DescriptorStatus) -> Status {
    let current = status.current_limit.as_ref();
    let next = status.duration_until_reset.as_ref().and_then(|span| {
        let (seconds, nanos) = (u64::try_from(span.seconds).ok()?, u64::try_from(span.nanos).ok()?);
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    });
    Status {
        is_over: status.code == Code::OverLimit as i32,
        limit: current.and_then(|limit| Some((limit.requests_per_unit.into(), window(limit.unit)?))),
        is_limited: current.is_some(),
        fill: Fill { remaining: status.limit_remaining.into(), next },
    }
}

/// In nanoseconds, as Envoy counts them: a month has 30 days, a year 365.
fn window(unit: i32) -> Option<u64> {
    use portcullis_proto::ratelimit::rate_limit_response::rate_limit::Unit;
    let seconds = match Unit::try_from(unit).ok()? {
        Unit::Unknown => return None,
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
        Unit::Day => 24 * 3600,
        Unit::Week => 7 * 24 * 3600,
        Unit::Month => 30 * 24 * 3600,
        Unit::Year => 365 * 24 * 3600,
    };
    Some(seconds * 1_000_000_000)
}

/// Those that are headers; nothing by which a proxy frames or routes.
fn headers(headers: &[HeaderValue]) -> Vec<(String, Vec<u8>)> {
    const RESERVED: [&str; 11] = [
        "connection",
        "content-length",
        "expect",
        "grpc-status",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let valid = headers.iter().filter_map(|header| {
        let name = std::str::from_utf8(&header.key).ok()?.to_ascii_lowercase();
        let value = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
        let is_value = value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
        (is_token(&name) && is_value && !RESERVED.contains(&name.as_str())).then(|| (name, value.clone()))
    });
    valid.take(64).collect()
}

#[cfg(test)]
mod tests {
    use portcullis_proto::ratelimit::rate_limit_response::{RateLimit, rate_limit::Unit};

    use super::*;

    #[test]
    fn an_answer_is_read_and_what_is_none_is_a_failure() {
        let limit = RateLimit { requests_per_unit: 10, unit: Unit::Minute as i32, name: vec![0xff] };
        let status = DescriptorStatus {
            code: Code::OverLimit as i32,
            current_limit: Some(limit),
            limit_remaining: 4,
            duration_until_reset: Some(portcullis_proto::ratelimit::Duration { seconds: 2, nanos: 5 }),
        };
        let header = |key: &str, value: &[u8]| HeaderValue {
            key: key.into(),
            value: value.to_vec(),
            raw_value: Vec::new(),
        };
        let response = RateLimitResponse {
            overall_code: Code::OverLimit as i32,
            statuses: vec![status],
            response_headers_to_add: vec![
                header("X-A", b"1"),
                header("x-b", b"1\r\nx-c: 2"),
                header(":status", b"200"),
                header("Content-Length", b"0"),
            ],
            ..RateLimitResponse::default()
        };
        let Verdict::OverLimit(said) = verdict(&response.encode_to_vec()) else { panic!() };
        let fill = Fill { remaining: 4, next: Some(2_000_000_005) };
        assert_eq!(
            said.statuses,
            [Status { is_over: true, limit: Some((10, 60_000_000_000)), is_limited: true, fill }]
        );
        assert_eq!(said.response_headers, [("x-a".to_owned(), b"1".to_vec())]);
        for bytes in [&b"\xff"[..], b"", b"\x08\x00", b"\x08\x09"] {
            assert_eq!(verdict(bytes), Verdict::Failed, "{bytes:?}");
        }
    }
}
