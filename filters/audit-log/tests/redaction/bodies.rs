//! What is shown of bodies.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

fn config(show: &Value) -> Value {
    json!({"otherwise": {"level": "bodies"}, "show": show})
}

/// What the record says of the body of the request.
fn body(show: &Value, exchange: &Exchange) -> Value {
    audit(&recorder(config(show)).of(exchange))["request_body"].clone()
}

fn json_of(show: &Value, text: &str) -> Value {
    body(show, &Exchange::plain().body("application/json", &[text.as_bytes()]))["text"].clone()
}

#[test]
fn of_json_the_members_are_shown_and_the_values_are_not() {
    let text = r#"{"b":{"c":"s","d":[1,true,null,{"e":2.5}]},"a":"s"}"#;
    let shown = json_of(&json!({}), text);
    let hidden = r#"{"a":"[redacted]","b":{"c":"[redacted]","d":["[redacted]","[redacted]",null,{"e":"[redacted]"}]}}"#;
    assert_eq!(shown, hidden);
    for (paths, expected) in [
        (
            json!([["a"]]),
            r#"{"a":"s","b":{"c":"[redacted]","d":["[redacted]","[redacted]",null,{"e":"[redacted]"}]}}"#,
        ),
        (json!([["b"]]), r#"{"a":"[redacted]","b":{"c":"s","d":[1,true,null,{"e":2.5}]}}"#),
        (json!([["*"]]), r#"{"a":"s","b":{"c":"s","d":[1,true,null,{"e":2.5}]}}"#),
        (
            json!([["b", "d", "*", "e"]]),
            r#"{"a":"[redacted]","b":{"c":"[redacted]","d":["[redacted]","[redacted]",null,{"e":2.5}]}}"#,
        ),
        (
            json!([["*", "c"], ["c"], ["a", "x"]]),
            r#"{"a":"[redacted]","b":{"c":"s","d":["[redacted]","[redacted]",null,{"e":"[redacted]"}]}}"#,
        ),
    ] {
        assert_eq!(json_of(&json!({"json": paths}), text), expected, "{paths}");
    }
    assert_eq!(json_of(&json!({}), r#""s""#), r#""[redacted]""#);
    assert_eq!(json_of(&json!({"json": [["*"]]}), r#"["s"]"#), r#"["s"]"#);
}

#[test]
fn json_that_can_be_read_in_two_ways_is_not_shown() {
    for text in ["", "{", r#"{"a":1,"a":2}"#, "{} {}", "nul", r#"{"a":1}x"#] {
        let found = json_of(&json!({"json": [["*"]]}), text);
        assert_eq!(found, Value::Null, "{text}");
    }
    let exchange = Exchange::plain().body("application/json", &[b"{\"a\":\"\xff\"}"]);
    assert_eq!(body(&json!({"json": [["*"]]}), &exchange)["text"], Value::Null);
}

#[test]
fn of_forms_fields_are_shown_by_their_names() {
    let show = json!({"form": ["item"]});
    let form = |text: &str| {
        body(
            &show,
            &Exchange::plain().body("Application/X-WWW-Form-Urlencoded; charset=utf-8", &[text.as_bytes()]),
        )
    };
    let found = form("item=7&card=1234&alone&%69tem=8");
    let expected = json!({
        "content_type": "application/x-www-form-urlencoded", "size": 31, "text": "item=7&card=[redacted]&[redacted]&%69tem=8"
    });
    assert_eq!(found, expected);
}

#[test]
fn only_types_that_are_named_are_recorded() {
    let exchange = |kind: &str| Exchange::plain().body(kind, &[b"some text"]);
    for (kind, expected) in
        [("text/plain", Value::Null), ("", Value::Null), ("application/json+x", Value::Null)]
    {
        let found = body(&json!({}), &exchange(kind));
        assert_eq!((&found["size"], &found["text"]), (&json!(9), &expected), "{kind}");
    }
    let mut config = config(&json!({}));
    config["bodies"] = json!({"content_types": ["Text/Plain"]});
    let record = recorder(config).of(&exchange("text/plain; charset=utf-8"));
    assert_eq!(
        audit(&record)["request_body"],
        json!({"content_type": "text/plain", "size": 9, "text": "some text"})
    );
}

#[test]
fn a_type_that_nobody_has_named_is_shown_like_its_header() {
    let exchange =
        Exchange::plain().body("planted/secret", &[b"some text"]).response_of("planted/secret", &[b"more"]);
    let record = recorder(config(&json!({"request_headers": [], "response_headers": []}))).of(&exchange);
    assert!(!record.to_string().contains("planted"), "{record}");
    let record = recorder(config(&json!({}))).of(&exchange);
    assert_eq!(audit(&record)["request_body"]["content_type"], "planted/secret");
}
