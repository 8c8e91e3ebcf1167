//! What has become of a request, and by whom.

use crate::attributes::{Attribute, Attributes};

/// What has become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome<'a> {
    pub(crate) decision: Decision,
    /// Who decided, where somebody did: `jwt-auth`, `rbac`.
    pub(crate) filter: &'a str,
    /// Why: `jwt_expired`.
    pub(crate) reason: &'a str,
    /// Envoy's words for where the response comes from, without what differs from time to time.
    pub(crate) details: &'a str,
    /// The status of a gRPC call.
    pub(crate) grpc_status: Option<u64>,
    /// Whether it succeeded: all of a response has come that is not one of failure.
    pub(crate) is_success: bool,
}

/// Whether a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The upstream got it.
    Allowed,
    /// A filter has answered it in the upstream's place, with something else than a denial.
    Answered,
    /// Somebody did not let it through.
    Denied,
    /// It was to go through, and could not: no route, nobody there.
    Failed,
    /// Nothing is decided yet.
    Pending,
}

/// What the details of our filters begin with, and what remains of them as a reason.
const OURS: [(&str, &str); 6] = [
    ("portcullis_jwt_", "jwt-auth"),
    ("portcullis_host_", "jwt-auth"),
    ("portcullis_path_", "jwt-auth"),
    ("portcullis_rate_limit_", "token-bucket"),
    ("portcullis_circuit_", "circuit-breaker"),
    ("portcullis_audit_log_", "audit-log"),
];

/// What the details of Envoy's filters begin with that deny requests.
const NATIVE: [(&str, &str); 8] = [
    ("rbac_access_denied", "rbac"),
    ("ext_authz_", "ext_authz"),
    ("jwt_authn_access_denied", "jwt_authn"),
    ("local_rate_limited", "local_ratelimit"),
    ("request_rate_limited", "ratelimit"),
    ("rate_limiter_error", "ratelimit"),
    ("csrf_", "csrf"),
    ("admission_control_", "admission_control"),
];

/// Details of responses that are not Envoy's own, and of those of which only a part has come.
const FROM_UPSTREAM: [&str; 2] = ["via_upstream", BROKEN_OFF];
const BROKEN_OFF: &str = "upstream_reset_after_response_started";
/// Envoy's response flag DPE: what the client has sent is not HTTP. Over HTTP/2 there is no response then.
const PROTOCOL_ERROR: u64 = 1 << 18;

/// What the details begin with where it is the client that has ended a request.
const OF_CLIENT: [&str; 3] = ["downstream_", "http2.", "http3."];

impl<'a> Outcome<'a> {
    /// What the attributes of a request that is over say, and the status if it is a gRPC call.
    pub(crate) fn of(attributes: &'a Attributes, grpc_status: Option<u64>) -> Self {
        let details = std::str::from_utf8(attributes.bytes(Attribute::CodeDetails)).unwrap_or_default();
        // In braces there is what differs from time to time, and in brackets what a policy is called.
        let details = details.split('{').next().unwrap_or_default();
        let status = attributes.number(Attribute::Code).unwrap_or_default();
        let is_refused = status >= 400 || grpc_status.is_some_and(|it| it != 0);
        let flags = attributes.number(Attribute::Flags).unwrap_or_default();
        let is_protocol_error = flags & PROTOCOL_ERROR != 0;
        let is_by_client = is_protocol_error || OF_CLIENT.iter().any(|prefix| details.starts_with(prefix));
        let is_cut = details.starts_with(BROKEN_OFF) || is_by_client && status != 101;
        let has_reached = !attributes.bytes(Attribute::Upstream).is_empty();
        let (decision, filter, reason) = match is_by_client {
            // How it ends says nothing of whether it was let through.
            true if has_reached => (Decision::Allowed, "", ""),
            true if is_protocol_error => (Decision::Denied, "envoy", details),
            _ => decided(details, of_call(status, grpc_status), is_refused),
        };
        let is_success = (100..400).contains(&status) && !is_refused && !is_cut;
        Self { decision, filter, reason, details, grpc_status, is_success }
    }

    /// A request that has only just come.
    pub(crate) fn pending() -> Self {
        Self {
            decision: Decision::Pending,
            filter: "",
            reason: "",
            details: "",
            grpc_status: None,
            is_success: false,
        }
    }
}

/// The status over HTTP that a gRPC status stands for (<https://grpc.io/docs/guides/status-codes/>, the other way round): a reply of Envoy's own to a call
/// has 200.
fn of_call(status: u64, grpc_status: Option<u64>) -> u64 {
    match (status, grpc_status) {
        (200, Some(1..)) => match grpc_status.unwrap_or_default() {
            3 | 9 | 11 => 400,
            4 => 504,
            5 | 12 => 404,
            7 => 403,
            8 => 429,
            16 => 401,
            14 => 503,
            _ => 500,
        },
        _ => status,
    }
}

fn decided(details: &str, status: u64, is_refused: bool) -> (Decision, &str, &str) {
    if let Some((prefix, filter)) = OURS.iter().find(|(prefix, _)| details.starts_with(prefix)) {
        let reason = details.strip_prefix("portcullis_").unwrap_or(prefix);
        return (if is_refused { Decision::Denied } else { Decision::Answered }, filter, reason);
    }
    if let Some((_, filter)) = NATIVE.iter().find(|(prefix, _)| details.starts_with(prefix)) {
        return (Decision::Denied, filter, details);
    }
    if FROM_UPSTREAM.iter().any(|prefix| details.starts_with(prefix)) {
        return (Decision::Allowed, "", "");
    }
    match (details, status) {
        // 404 is that there is no route, 408 and 413 that it took too long or too much: nobody has looked at who is asking.
        (_, 404 | 408 | 413) => (Decision::Failed, "", details),
        (_, 400..=499) => (Decision::Denied, "envoy", details),
        (_, 500..) => (Decision::Failed, "", details),
        ("", 100..) => (Decision::Allowed, "", ""),
        // The client did not wait for the response.
        (_, 0) => (Decision::Failed, "", details),
        (_, _) => (Decision::Answered, "envoy", details),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;
    use crate::attributes::Reader;

    fn outcome(details: &str, status: u64, grpc: Option<u64>) -> (Decision, String, String) {
        let mut host = TestHost::default();
        let mut set = |name: &str, bytes: Vec<u8>| host.properties.insert(name.to_owned(), bytes);
        set("response.code_details", details.as_bytes().into());
        if status > 0 {
            set("response.code", status.to_le_bytes().into());
        }
        let attributes = Reader::default().read(&mut host);
        let outcome = Outcome::of(&attributes, grpc);
        (outcome.decision, outcome.filter.to_owned(), outcome.reason.to_owned())
    }

    #[test]
    fn how_a_client_ends_a_request_does_not_say_whether_it_was_let_through() {
        let ended = |details: &str, status: u64, upstream: &[u8], flags: u64| {
            let mut host = TestHost::default();
            for (name, value) in [
                ("response.code_details", details.as_bytes()),
                ("response.code", &status.to_le_bytes()),
                ("response.flags", &flags.to_le_bytes()),
                ("upstream.address", upstream),
            ] {
                host.properties.insert(name.to_owned(), value.to_vec());
            }
            let attributes = Reader::default().read(&mut host);
            let outcome = Outcome::of(&attributes, None);
            (outcome.decision, outcome.is_success)
        };
        let gone = "downstream_remote_disconnect";
        for status in [200, 403, 500] {
            assert_eq!(ended(gone, status, b"10.0.0.1:80", 1 << 14), (Decision::Allowed, false), "{status}");
            assert_eq!(ended("http2.x", status, b"10.0.0.1:80", PROTOCOL_ERROR), (Decision::Allowed, false));
        }
        assert_eq!(ended(gone, 101, b"10.0.0.1:80", 1 << 14), (Decision::Allowed, true), "a tunnel");
        assert_eq!(ended(gone, 0, b"", 1 << 14), (Decision::Failed, false));
        assert_eq!(ended("http2.x", 0, b"", PROTOCOL_ERROR), (Decision::Denied, false));
    }

    #[test]
    fn who_decided_what() {
        for (details, status, grpc, decision, filter, reason) in [
            ("via_upstream", 200, None, Decision::Allowed, "", ""),
            ("via_upstream", 403, None, Decision::Allowed, "", ""),
            ("upstream_reset_after_response_started{remote_reset}", 200, None, Decision::Allowed, "", ""),
            ("portcullis_jwt_expired", 401, None, Decision::Denied, "jwt-auth", "jwt_expired"),
            ("portcullis_jwt_expired", 200, Some(16), Decision::Denied, "jwt-auth", "jwt_expired"),
            ("portcullis_path_ambiguous", 400, None, Decision::Denied, "jwt-auth", "path_ambiguous"),
            (
                "portcullis_rate_limit_exceeded",
                429,
                None,
                Decision::Denied,
                "token-bucket",
                "rate_limit_exceeded",
            ),
            ("portcullis_circuit_open", 503, None, Decision::Denied, "circuit-breaker", "circuit_open"),
            ("portcullis_circuit_open", 200, None, Decision::Answered, "circuit-breaker", "circuit_open"),
            ("portcullis_audit_log_no_room", 503, None, Decision::Denied, "audit-log", "audit_log_no_room"),
            (
                "rbac_access_denied_matched_policy[none]",
                403,
                None,
                Decision::Denied,
                "rbac",
                "rbac_access_denied_matched_policy[none]",
            ),
            (
                "jwt_authn_access_denied{Jwt_is_expired}",
                401,
                None,
                Decision::Denied,
                "jwt_authn",
                "jwt_authn_access_denied",
            ),
            ("http1.codec_error", 400, None, Decision::Denied, "envoy", "http1.codec_error"),
            ("route_not_found", 404, None, Decision::Failed, "", "route_not_found"),
            ("no_healthy_upstream", 503, None, Decision::Failed, "", "no_healthy_upstream"),
            ("downstream_remote_disconnect", 0, None, Decision::Failed, "", "downstream_remote_disconnect"),
            ("direct_response", 200, None, Decision::Answered, "envoy", "direct_response"),
            ("by_another", 200, Some(7), Decision::Denied, "envoy", "by_another"),
            ("no_healthy_upstream", 200, Some(14), Decision::Failed, "", "no_healthy_upstream"),
            ("route_not_found", 200, Some(12), Decision::Failed, "", "route_not_found"),
            ("", 200, None, Decision::Allowed, "", ""),
            ("", 0, None, Decision::Failed, "", ""),
        ] {
            let expected = (decision, filter.to_owned(), reason.to_owned());
            assert_eq!(outcome(details, status, grpc), expected, "{details} {status}");
        }
    }
}
