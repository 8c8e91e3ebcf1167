//! Which tokens a request needs: trees of requirements, over the tokens that it carries.

use crate::common::{config, filter, send, tokens};
use portcullis_jwt_auth::{JwtAuth, JwtError};
use portcullis_kit::{Headers, HttpFilter};
use serde_json::{Value, json};

fn refused(config: &Value) -> String {
    JwtAuth::configure(config.to_string().as_bytes()).expect_err("accepted").to_string()
}

/// Two providers of one issuer: `shop` looks in Authorization, `web` in a cookie; each hands the subject on.
fn two(otherwise: Value) -> Value {
    let mut config = config(json!({"claims_to_headers": [{"claim": "sub", "header": "x-shop-sub"}]}));
    let mut web = config["providers"][0].clone();
    web["name"] = json!("web");
    web["from"] = json!([{"cookie": "session"}]);
    web["claims_to_headers"] = json!([{"claim": "sub", "header": "x-web-sub"}]);
    config["providers"].as_array_mut().unwrap().push(web);
    config["otherwise"] = otherwise;
    config
}

/// What a request with these tokens gets: the headers that were set, or the denial.
fn outcome(config: &Value, bearer: Option<&str>, cookie: Option<&str>) -> Result<Vec<String>, JwtError> {
    let bearer = bearer.map(|name| format!("Bearer {}", tokens()[name]));
    let cookie = cookie.map(|name| format!("session={}", tokens()[name]));
    let mut fields = vec![(":method", "GET"), (":path", "/"), (":authority", "a.example")];
    fields.extend(bearer.as_deref().map(|value| ("authorization", value)));
    fields.extend(cookie.as_deref().map(|value| ("cookie", value)));
    let mut request: Headers = fields.into_iter().collect();
    send(&mut filter(config), &mut request)?;
    let set = request.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
    Ok(set.filter(|name| name.starts_with("x-")).collect())
}

const GOOD: Option<&str> = Some("good_rs256");
const BAD: Option<&str> = Some("expired");

#[test]
fn any_takes_the_first_that_is_met() {
    let config = two(json!({"any": [{"provider": "shop"}, {"provider": "web"}]}));
    assert_eq!(outcome(&config, GOOD, None), Ok(vec!["x-shop-sub".to_owned()]));
    assert_eq!(outcome(&config, None, GOOD), Ok(vec!["x-web-sub".to_owned()]));
    assert_eq!(outcome(&config, None, None), Err(JwtError::Missing));
    assert_eq!(outcome(&config, GOOD, GOOD), Err(JwtError::Multiple));
    assert_eq!(outcome(&config, BAD, None), Err(JwtError::Expired));
}

#[test]
fn all_takes_a_token_for_each() {
    let config = two(json!({"all": [{"provider": "shop"}, {"provider": "web"}]}));
    let both = vec!["x-shop-sub".to_owned(), "x-web-sub".to_owned()];
    assert_eq!(outcome(&config, GOOD, GOOD), Ok(both));
    assert_eq!(outcome(&config, GOOD, None), Err(JwtError::Missing));
    assert_eq!(outcome(&config, BAD, GOOD), Err(JwtError::Expired));
    assert_eq!(outcome(&config, GOOD, BAD), Err(JwtError::Expired));
}

#[test]
fn a_token_that_may_be_missing_may_not_be_wrong() {
    for requirement in [json!("allow_missing"), json!({"any": [{"provider": "shop"}, "allow_missing"]})] {
        let config = two(requirement);
        assert_eq!(outcome(&config, None, None), Ok(vec![]));
        assert_eq!(outcome(&config, GOOD, None), Ok(vec!["x-shop-sub".to_owned()]));
        assert_eq!(outcome(&config, BAD, None), Err(JwtError::Expired));
    }
}

#[test]
fn where_a_token_may_fail_only_a_right_one_counts() {
    let config = two(json!("allow_missing_or_failed"));
    assert_eq!(outcome(&config, None, None), Ok(vec![]));
    assert_eq!(outcome(&config, BAD, None), Ok(vec![]));
    assert_eq!(outcome(&config, GOOD, None), Ok(vec!["x-shop-sub".to_owned()]));
    assert_eq!(outcome(&config, GOOD, GOOD), Ok(vec![]), "two tokens: nobody knows which one counts");
}

#[test]
fn requirements_nest() {
    let config = two(json!({"any": [
        {"all": [{"provider": "shop"}, {"provider": "web"}]},
        {"provider_and_audiences": {"provider": "shop", "audiences": ["nobody"]}},
    ]}));
    assert_eq!(outcome(&config, GOOD, GOOD).map(|set| set.len()), Ok(2));
    assert_eq!(outcome(&config, GOOD, None), Err(JwtError::AudienceNotAllowed));
}

#[test]
fn a_name_stands_for_a_requirement() {
    let mut config = two(json!({"named": "users"}));
    config["requirements"] = json!({"users": {"any": [{"provider": "shop"}, {"named": "browsers"}]}, "browsers": {"provider": "web"}});
    assert_eq!(outcome(&config, None, GOOD), Ok(vec!["x-web-sub".to_owned()]));
    config["requirements"]["browsers"] = json!({"named": "users"});
    let error = refused(&config);
    assert!(error.contains("more than 8 levels"), "{error}");
    config["otherwise"] = json!({"named": "user"});
    config["requirements"] = json!({"users": "none"});
    assert_eq!(refused(&config), "otherwise.named: \"user\" is no requirement; there is users");
    config["otherwise"] = json!({"any": [{"provider": "shop"}, "none"]});
    assert!(refused(&config).starts_with("otherwise.any[1]: none beside others"));
}

#[test]
fn extracted_claims_are_marked_as_unchecked() {
    let config = two(json!({"extract_only": {"provider": "shop"}}));
    let mut fields = vec![(":method", "GET"), (":path", "/"), ("x-jwt-signature-verified", "true")];
    let forged = format!("Bearer {}", tokens()["tampered_payload"]);
    fields.push(("authorization", &forged));
    let mut request: Headers = fields.into_iter().collect();
    send(&mut filter(&config), &mut request).unwrap();
    assert_eq!(request.only("x-jwt-signature-verified"), Some(&b"false"[..]));
    assert!(request.only("x-shop-sub").is_some());
    assert_eq!(outcome(&config, None, None), Ok(vec![]));
}

#[test]
fn a_condition_needs_claims_that_were_checked() {
    for require in [
        json!("none"),
        json!("deny"),
        json!("allow_missing_or_failed"),
        json!({"extract_only": {"provider": "shop"}}),
        json!({"any": [{"provider": "shop"}, "deny"]}),
    ] {
        let mut config = two(json!("deny"));
        config["rules"] = json!([{"match": {}, "require": require, "authorize": {"scope": "a"}}]);
        let error = refused(&config);
        assert!(error.starts_with("rules[0].authorize: require lets requests pass"), "{require}: {error}");
    }
    let mut config = two(json!("deny"));
    config["rules"] = json!([{"match": {}, "require": "allow_missing", "authorize": {"scope": "a"}}]);
    assert_eq!(outcome(&config, None, None), Err(JwtError::Missing));
    assert_eq!(outcome(&config, GOOD, None), Err(JwtError::NotAuthorized));
}
