//! Who a request is from.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

/// What the record of a request with this payload says.
fn record(identity: Value, payload: &Value) -> Value {
    let exchange = Exchange::plain().text("jwt", &payload.to_string());
    recorder(json!({"identity": identity})).of(&exchange)
}

fn tokens() -> Value {
    json!({"tokens": ["jwt"]})
}

#[test]
fn the_actor_is_whom_the_token_names() {
    let payload = json!({
        "iss": "https://idp.example", "sub": "alice", "azp": "web", "sid": "s-1", "tenant": "acme", "email": "a@b.example"
    });
    let identity = json!({"tokens": ["jwt"], "tenant": ["tenant"]});
    let found = record(identity, &payload);
    let expected = json!({
        "app_uid": "web",
        "idp": {"uid": "https://idp.example"},
        "session": {"issuer": "https://idp.example", "uid": "s-1"},
        "user": {"uid": "alice"},
    });
    assert_eq!(found["actor"], expected);
    assert_eq!(found["metadata"]["tenant_uid"], "acme");
    assert_eq!(found["metadata"]["profiles"], json!(["host", "security_control", "trace"]));
    assert!(!found.to_string().contains("a@b.example"), "nobody has asked for it");
}

#[test]
fn claims_are_found_where_the_configuration_says() {
    let payload = json!({
        "sub": 17, "realm": {"tenant": "acme", "user": "bob"}, "client_id": "cli", "plan": {"name": "gold", "limits": [1, 2.5, null]},
        "long": "x".repeat(600), "edge": "x".repeat(510),
    });
    let found = record(tokens(), &payload);
    assert_eq!(found["actor"], json!({"app_uid": "cli", "user": {"uid": "17"}}));
    let identity = json!({
        "tokens": ["none", "jwt"], "subject": ["realm", "user"], "tenant": ["realm", "tenant"], "client": ["plan", "name"],
        "session": ["nothing"], "claims": [["plan"], ["realm", "tenant"], ["long"], ["edge"], ["absent"]],
    });
    let found = record(identity, &payload);
    assert_eq!(found["actor"], json!({"app_uid": "gold", "user": {"uid": "bob"}}));
    // Half of a value would be another one.
    let claims = json!({"edge": "x".repeat(510), "plan": payload["plan"], "realm.tenant": "acme"});
    assert_eq!(audit(&found)["claims"], claims);
}

#[test]
fn where_nobody_is_named_there_is_no_actor() {
    for payload in [
        json!({}),
        json!({"iss": "https://idp.example"}),
        json!({"sub": ""}),
        json!({"sub": ["alice"]}),
        json!({"sub": "x".repeat(513)}),
        json!("alice"),
    ] {
        let found = record(tokens(), &payload);
        assert_eq!(found["actor"], Value::Null, "{payload}");
        assert_eq!(found["class_uid"], 4002);
        assert_eq!(found["metadata"]["profiles"], json!(["security_control", "trace"]));
    }
    // Which of the two it is nobody can tell.
    let exchange = Exchange::plain().text("jwt", r#"{"sub":"alice","sub":"bob"}"#);
    let found = recorder(json!({"identity": tokens()})).of(&exchange);
    assert_eq!(found["actor"], Value::Null);
}

#[test]
fn headers_do_not_say_who_it_is() {
    let exchange = Exchange::plain()
        .header("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")
        .header("jwt", r#"{"sub":"alice"}"#)
        .header("x-forwarded-client-cert", "URI=spiffe://td/alice");
    let found = recorder(json!({"identity": tokens()})).of(&exchange);
    assert!(!found.to_string().contains("alice"), "{found}");
}
