//! How much of bodies is kept.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::recorder::Recorder;
use crate::common::{Exchange, recorder};

fn keeping(bodies: &Value) -> Recorder {
    let mut bodies = bodies.clone();
    bodies["content_types"] = json!(["text/plain", "application/json", "application/x-www-form-urlencoded"]);
    recorder(json!({"otherwise": {"level": "bodies"}, "bodies": bodies}))
}

fn text(pieces: &[&[u8]]) -> Exchange {
    Exchange::plain().body("text/plain", pieces)
}

#[test]
fn bodies_of_both_directions_are_kept_piece_by_piece() {
    let exchange =
        text(&[b"hello ", b"", b"world"]).response_of("text/plain; charset=utf-8", &[b"good", b"bye"]);
    let record = keeping(&json!({})).of(&exchange);
    let expected = json!({"content_type": "text/plain", "size": 11, "text": "hello world"});
    assert_eq!(audit(&record)["request_body"], expected);
    let expected = json!({"content_type": "text/plain", "size": 7, "text": "goodbye"});
    assert_eq!(audit(&record)["response_body"], expected);
    assert_eq!(audit(&record)["truncated"], Value::Null);
    let record = keeping(&json!({})).of(&text(&[]));
    assert_eq!((&audit(&record)["request_body"], &audit(&record)["level"]), (&Value::Null, &json!("bodies")));
}

#[test]
fn a_long_body_is_cut_and_says_so() {
    let mut recorder = keeping(&json!({"max_size": "8B"}));
    let record = recorder.of(&text(&[b"hello ", b"world", b"!"]));
    let expected = json!({"content_type": "text/plain", "size": 12, "text": "hello wo", "truncated": true});
    assert_eq!(audit(&record)["request_body"], expected);
    assert_eq!(audit(&record)["truncated"], 1);
    assert_eq!(recorder.counter("truncated"), 1);
    // What is left of a form may end in the middle of a name, which a value without one would look like.
    let form = Exchange::plain().body("application/x-www-form-urlencoded", &[b"a=1&secret=2"]);
    let record = recorder.of(&form);
    assert_eq!(audit(&record)["request_body"]["text"], "a=[redacted]&[redacted]");
    // Of half a JSON text nobody knows what is what.
    let record = recorder.of(&Exchange::plain().body("application/json", &[br#"{"a":"b"}"#]));
    assert_eq!(
        audit(&record)["request_body"],
        json!({"content_type": "application/json", "size": 9, "truncated": true})
    );
}

#[test]
fn what_is_encoded_is_not_shown() {
    for (encoding, is_shown) in [("gzip", false), ("deflate, gzip", false), ("identity", true), ("", false)] {
        let record = keeping(&json!({})).of(&text(&[b"a text"]).header("content-encoding", encoding));
        let body = &audit(&record)["request_body"];
        assert_eq!((&body["size"], body["text"].is_string()), (&json!(6), is_shown), "{encoding}");
    }
    let twice =
        text(&[b"a text"]).header("content-encoding", "identity").and_header("content-encoding", "gzip");
    assert_eq!(audit(&keeping(&json!({})).of(&twice))["request_body"]["text"], Value::Null);
}

#[test]
fn only_who_may_need_a_body_keeps_it() {
    let rule = json!({"name": "pay", "when": {"path": {"prefix": "/pay/"}}, "level": "metadata", "denied": "bodies"});
    let mut recorder = recorder(json!({"rules": [rule], "bodies": {"content_types": ["text/plain"]}}));
    let pay = text(&[b"a text"]).path("/pay/7");
    let record = recorder.of(&pay);
    assert_eq!(audit(&record)["request_body"], Value::Null);
    // One that is denied behind this filter has been seen.
    let denied = Exchange { attributes: Exchange::denied().attributes, ..pay };
    let record = recorder.of(&denied);
    assert_eq!(audit(&record)["request_body"]["text"], "a text");
    let record = recorder.of(&denied.path("/other"));
    assert_eq!(audit(&record)["request_body"], Value::Null);
}

#[test]
fn all_bodies_together_have_a_bound() {
    let mut recorder = keeping(&json!({"max_size": "10B", "max_held": "25B"}));
    let exchange = text(&[b"0123456789"]).response_of("text/plain", &[b"abcdefghij"]);
    let flights: Vec<_> = (0..3).map(|_| recorder.let_in(&exchange)).collect();
    // What one keeps another cannot; what it gives back it can.
    let kept = |record: &Value| {
        ["request_body", "response_body"]
            .map(|it| audit(record)[it]["text"].as_str().unwrap_or_default().len())
    };
    for flight in flights {
        recorder.finish(flight);
        let [record] = recorder.requests().try_into().unwrap();
        assert_eq!(kept(&record), [10, 10]);
    }
    let small = recorder_of_two(&exchange);
    assert_eq!(small, [[10, 5], [10, 5]]);
}

/// So much is kept of the bodies of two requests one after the other where there is room for fifteen bytes.
fn recorder_of_two(exchange: &Exchange) -> [[usize; 2]; 2] {
    let mut recorder = keeping(&json!({"max_size": "10B", "max_held": "15B"}));
    [(); 2].map(|()| {
        let record = recorder.of(exchange);
        let body = |it| audit(&record)[it].clone();
        assert_eq!(body("response_body")["truncated"], true);
        ["request_body", "response_body"].map(|it| body(it)["text"].as_str().unwrap_or_default().len())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// What is kept is the beginning of a body, and never more than may be.
    #[test]
    fn what_is_kept_is_the_beginning(
        pieces in prop::collection::vec("[a-z]{0,40}", 0..8), longest in 1..100_usize, held in 1..100_usize
    ) {
        let bodies = json!({"max_size": format!("{longest}B"), "max_held": format!("{held}B")});
        let mut recorder = keeping(&bodies);
        let all: String = pieces.concat();
        let pieces: Vec<_> = pieces.iter().map(String::as_bytes).collect();
        let record = recorder.of(&text(&pieces));
        let body = &audit(&record)["request_body"];
        if all.is_empty() {
            prop_assert!(body.is_null());
            return Ok(());
        }
        prop_assert_eq!(&body["size"], &json!(all.len()));
        let kept = body["text"].as_str().unwrap();
        prop_assert!(all.starts_with(kept) && kept.len() <= longest.min(held), "{kept}");
        prop_assert_eq!(kept.len(), all.len().min(longest).min(held));
        prop_assert_eq!(body["truncated"] == true, kept.len() < all.len());
    }
}
