//! Ways around the filter that do not touch the token's cryptography.

use crate::common::{config, filter, jwks, send, send_token, tokens};
use portcullis_jwt_auth::{JwtAuth, JwtError};
use portcullis_kit::{Headers, HttpFilter};
use serde_json::{Value, json};

fn request(fields: &[(&str, &str)]) -> Headers {
    fields.iter().copied().collect()
}

fn refused(config: &Value) -> String {
    JwtAuth::configure(config.to_string().as_bytes()).expect_err("accepted").to_string()
}

/// Nobody passes below `/admin/`, everybody elsewhere.
fn admin_is_closed() -> JwtAuth {
    let mut config = config(json!({}));
    config["rules"] = json!([{"match": {"path": {"prefix": "/admin/"}}, "require": "deny"}]);
    config["otherwise"] = json!("none");
    filter(&config)
}

#[test]
fn no_spelling_of_a_path_leads_around_its_rule() {
    let mut filter = admin_is_closed();
    for (path, expected) in [
        ("/admin/x", Err(JwtError::Denied)),
        ("/%61dmin/x", Err(JwtError::Denied)),
        ("/admin;v=1/x", Err(JwtError::PathAmbiguous)),
        ("/admin%2Fx", Err(JwtError::PathAmbiguous)),
        ("/a/../admin/x", Err(JwtError::PathAmbiguous)),
        ("/a/%2e%2e/admin/x", Err(JwtError::PathAmbiguous)),
        ("//admin/x", Err(JwtError::PathAmbiguous)),
        ("/orders?next=/admin/x", Ok(())),
    ] {
        assert_eq!(send(&mut filter, &mut request(&[(":path", path)])), expected, "{path}");
    }
}

#[test]
fn a_second_token_is_seen_wherever_another_provider_of_the_rule_looks() {
    let mut config = config(json!({}));
    let mut web = config["providers"][0].clone();
    web["name"] = json!("web");
    web["from"] = json!([{"cookie": "session"}]);
    config["providers"].as_array_mut().unwrap().push(web);
    config["otherwise"] = json!({"any": [{"provider": "shop"}, {"provider": "web"}]});
    let mut filter = filter(&config);
    let (forged, cookie) =
        (format!("Bearer {}", tokens()["tampered_payload"]), format!("session={}", tokens()["good_rs256"]));
    let both = [(":path", "/"), ("authorization", forged.as_str()), ("cookie", cookie.as_str())];
    assert_eq!(send(&mut filter, &mut request(&both)), Err(JwtError::Multiple));
    assert_eq!(send(&mut filter, &mut request(&[both[0], both[2]])), Ok(()));
}

#[test]
fn a_second_token_cannot_hide_behind_another_spelling_of_its_name() {
    let (good, bad) = (&tokens()["good_rs256"], &tokens()["tampered_payload"]);
    let mut by_query = filter(&config(json!({"from": [{"query": "access_token"}]})));
    let path = format!("/?access_token={good}&access%5Ftoken={bad}");
    assert_eq!(send(&mut by_query, &mut request(&[(":path", &path)])), Err(JwtError::Multiple));
    let mut by_cookie = filter(&config(json!({"from": [{"cookie": "t"}]})));
    let cookies = format!("t={good}; t ={bad}");
    assert_eq!(send(&mut by_cookie, &mut request(&[("cookie", &cookies)])), Err(JwtError::Multiple));
}

#[test]
fn an_empty_place_is_no_second_token() {
    let from = json!([{"header": {"name": "authorization", "scheme": "Bearer"}}, {"cookie": "t"}]);
    let mut filter = filter(&config(json!({"from": from})));
    let authorization = format!("Bearer {}", tokens()["good_rs256"]);
    let mut request = request(&[("authorization", &authorization), ("cookie", "t=")]);
    assert_eq!(send(&mut filter, &mut request), Ok(()));
}

#[test]
fn a_claim_that_would_change_on_its_way_becomes_no_header() {
    let mut filter = filter(&config(json!({"claims_to_headers": [{"claim": "name", "header": "x-name"}]})));
    for name in ["good_name_spaces", "good_name_crlf", "good_name_nul"] {
        assert_eq!(send_token(&mut filter, &tokens()[name]), Err(JwtError::ClaimNotAHeader), "{name}");
    }
}

#[test]
fn a_private_key_is_refused_whatever_it_is_for() {
    let private = &crate::common::fixtures()["jwks_private"]["keys"][0];
    for purpose in
        [json!({}), json!({"key_ops": ["sign"]}), json!({"use": "enc"}), json!({"alg": "RSA-OAEP"})]
    {
        let mut key = private.as_object().unwrap().clone();
        key.extend(purpose.as_object().unwrap().clone());
        let keys: Vec<_> = jwks().into_iter().chain([key]).collect();
        let error = refused(&config(json!({"jwks": {"inline": {"keys": keys}}})));
        assert!(error.contains(".d: a private key"), "{purpose}: {error}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_does_not_reach_the_log() {
    let secret = "c2VjcmV0".repeat(6);
    let error = refused(&config(json!({"jwks": {"inline": {"keys": secret}}})));
    assert!(!error.contains("c2VjcmV0c2Vj"), "{error}");
}

#[test]
fn configurations_that_could_never_work_are_refused() {
    let bearer = json!({"header": {"name": "authorization", "scheme": "Bearer"}});
    for (provider, expected) in [
        (json!({"from": [bearer, bearer]}), "providers[0].from[1]: the same place twice"),
        (
            json!({"from": [{"header": {"name": "a", "scheme": ""}}]}),
            "providers[0].from[0].header.scheme: not a scheme",
        ),
        (json!({"from": [{"query": "a&b"}]}), "providers[0].from[0]: \"a&b\" is not a name"),
        (
            json!({"claims_to_headers": [{"claim": "sub", "header": "Authorization"}]}),
            "providers[0].from[0]: this header is for what we hand on",
        ),
        (
            json!({"from": [{"cookie": "t"}], "claims_to_headers": [{"claim": "sub", "header": "cookie"}]}),
            "providers[0].from[0]: this header is for what we hand on",
        ),
    ] {
        let error = refused(&config(provider));
        assert!(error.starts_with(expected), "{error}");
    }
}
