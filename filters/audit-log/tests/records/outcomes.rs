//! What has become of a request, and who says so.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

/// Action, disposition, status and severity.
type Ids = [u64; 4];

const ALLOWED: Ids = [1, 1, 1, 1];
/// It was let through, and the upstream did not like it.
const REFUSED_BEHIND: Ids = [1, 1, 2, 1];
const ANSWERED: Ids = [4, 1, 1, 1];
const FAILED: Ids = [0, 27, 2, 1];
const UNAUTHORIZED: Ids = [2, 26, 2, 2];
const REJECTED: Ids = [2, 25, 2, 2];
const BROKEN: Ids = [2, 27, 2, 2];
const BLOCKED: Ids = [2, 2, 2, 2];

/// What the client was told, and what its record has to say.
struct Case {
    status: u64,
    details: &'static str,
    ids: Ids,
    decision: Option<(&'static str, &'static str, &'static str)>,
}

fn case(
    status: u64,
    details: &'static str,
    ids: Ids,
    decision: Option<(&'static str, &'static str, &'static str)>,
) -> Case {
    Case { status, details, ids, decision }
}

fn denied(filter: &'static str, reason: &'static str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(("denied", filter, reason))
}

fn by_our_filters() -> Vec<Case> {
    vec![
        case(401, "portcullis_jwt_expired", UNAUTHORIZED, denied("jwt-auth", "jwt_expired")),
        case(400, "portcullis_path_ambiguous", UNAUTHORIZED, denied("jwt-auth", "path_ambiguous")),
        case(400, "portcullis_host_ambiguous", UNAUTHORIZED, denied("jwt-auth", "host_ambiguous")),
        case(429, "portcullis_rate_limit_exceeded", BLOCKED, denied("token-bucket", "rate_limit_exceeded")),
        case(503, "portcullis_circuit_open", BROKEN, denied("circuit-breaker", "circuit_open")),
        case(200, "portcullis_circuit_open", ANSWERED, Some(("answered", "circuit-breaker", "circuit_open"))),
        case(503, "portcullis_audit_log_no_room", BROKEN, denied("audit-log", "audit_log_no_room")),
    ]
}

fn by_envoy() -> Vec<Case> {
    vec![
        case(200, "via_upstream", ALLOWED, None),
        case(304, "via_upstream", ALLOWED, None),
        case(403, "via_upstream", REFUSED_BEHIND, None),
        case(500, "via_upstream", REFUSED_BEHIND, None),
        case(
            403,
            "rbac_access_denied_matched_policy[p]",
            UNAUTHORIZED,
            denied("rbac", "rbac_access_denied_matched_policy[p]"),
        ),
        case(403, "ext_authz_denied", UNAUTHORIZED, denied("ext_authz", "ext_authz_denied")),
        case(
            401,
            "jwt_authn_access_denied{Jwt_is_expired}",
            UNAUTHORIZED,
            denied("jwt_authn", "jwt_authn_access_denied"),
        ),
        case(429, "local_rate_limited", BLOCKED, denied("local_ratelimit", "local_rate_limited")),
        case(429, "request_rate_limited", BLOCKED, denied("ratelimit", "request_rate_limited")),
        case(
            503,
            "admission_control_rejected",
            BROKEN,
            denied("admission_control", "admission_control_rejected"),
        ),
        case(403, "csrf_origin_mismatch", BLOCKED, denied("csrf", "csrf_origin_mismatch")),
        case(400, "http1.codec_error", REJECTED, denied("envoy", "http1.codec_error")),
        case(431, "http1.headers_too_large", REJECTED, denied("envoy", "http1.headers_too_large")),
        case(200, "direct_response", ANSWERED, Some(("answered", "envoy", "direct_response"))),
        case(404, "route_not_found", FAILED, None),
        case(408, "request_header_timeout", FAILED, None),
        case(503, "no_healthy_upstream", FAILED, None),
        case(504, "response_timeout", FAILED, None),
        case(503, "upstream_reset_before_response_started{connection_failure}", FAILED, None),
    ]
}

#[test]
fn who_has_decided_what_and_why_is_there() {
    for Case { status, details, ids, decision } in by_our_filters().into_iter().chain(by_envoy()) {
        let record = recorder(json!({})).of(&Exchange::answered(status, details));
        let found = ["action_id", "disposition_id", "status_id", "severity_id"]
            .map(|name| record[name].as_u64().unwrap());
        assert_eq!(found, ids, "{status} {details}");
        assert_eq!(record["http_response"]["code"], status);
        // What differs from time to time is not repeated.
        assert_eq!(record["status_detail"], details.split('{').next().unwrap());
        let expected = decision.map_or(
            Value::Null,
            |(action, filter, reason)| json!([{"action": action, "filter": filter, "reason": reason}]),
        );
        assert_eq!(audit(&record)["decisions"], expected, "{status} {details}");
    }
}

#[test]
fn a_client_that_has_gone_got_no_response() {
    let record = recorder(json!({})).of(&Exchange::gone());
    assert_eq!(record["http_response"], Value::Null);
    assert_eq!(record["status_detail"], "downstream_remote_disconnect");
    assert_eq!(audit(&record)["flags"], "DC");
    assert_eq!((&record["status_id"], &record["action_id"]), (&json!(2), &json!(0)));
}

#[test]
fn a_response_that_broke_off_was_a_response() {
    let exchange = Exchange::plain()
        .text("response.code_details", "upstream_reset_after_response_started{remote_reset}")
        .number("response.flags", 0x80_0000);
    let record = recorder(json!({})).of(&exchange);
    assert_eq!((&record["action_id"], &record["http_response"]["code"]), (&json!(1), &json!(200)));
    assert_eq!(record["status_detail"], "upstream_reset_after_response_started");
    assert_eq!(audit(&record)["flags"], "UPE");
}

#[test]
fn what_jwt_auth_has_tolerated_is_there() {
    let config = json!({"identity": {"failures": ["jwt.failure", "other.failure"]}});
    let failed = |code: &str| json!({"code": code, "detail": "a secret"}).to_string();
    let exchange = Exchange::plain().text("jwt.failure", &failed("portcullis_jwt_expired"));
    let record = recorder(config.clone()).of(&exchange);
    let expected = json!([{"action": "tolerated", "filter": "jwt-auth", "reason": "jwt_expired"}]);
    assert_eq!(audit(&record)["decisions"], expected);
    assert_eq!(record["action_id"], 1);
    let denied = Exchange::denied().text("other.failure", &failed("jwt_missing"));
    let record = recorder(config.clone()).of(&denied);
    let reasons: Vec<_> =
        audit(&record)["decisions"].as_array().unwrap().iter().map(|it| it["reason"].clone()).collect();
    assert_eq!(reasons, ["rate_limit_exceeded", "jwt_missing"]);
    // What is no code of ours is not repeated.
    for state in ["", "{", "7", r#"{"code":7}"#, r#"{"code":"A Secret"}"#, &failed(&"x".repeat(65))] {
        let record = recorder(config.clone()).of(&Exchange::plain().text("jwt.failure", state));
        assert_eq!(audit(&record)["decisions"], Value::Null, "{state}");
    }
}
