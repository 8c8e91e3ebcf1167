//! When there are records of a request.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::recorder::Recorder;
use crate::common::{Exchange, NOW, recorder};

fn with(otherwise: Value) -> Recorder {
    recorder(json!({"otherwise": otherwise}))
}

fn both() -> Value {
    json!({"level": "headers", "stages": ["request_received", "response_complete"]})
}

#[test]
fn a_request_that_is_not_over_has_a_record() {
    let mut recorder = with(both());
    let flight = recorder.let_in(&Exchange::plain());
    let [arrival] = recorder.requests().try_into().unwrap();
    assert_eq!(audit(&arrival)["stage"], "request_received");
    let ids = ["action_id", "disposition_id", "status_id"].map(|name| arrival[name].as_u64().unwrap());
    assert_eq!(ids, [3, 17, 0]);
    assert_eq!((&arrival["http_response"], &arrival["duration"]), (&Value::Null, &Value::Null));
    assert_eq!(arrival["status_detail"], Value::Null);
    assert_eq!(arrival["trace"]["span"]["end_time"], NOW * 1000, "it has none yet");
    assert_eq!(arrival["http_request"]["http_headers"].as_array().unwrap().len(), 5);
    recorder.finish(flight);
    let [end] = recorder.requests().try_into().unwrap();
    assert_eq!((&audit(&end)["stage"], &end["http_response"]["code"]), (&Value::Null, &json!(200)));
}

#[test]
fn what_is_left_out_in_the_end_is_left_out_in_the_beginning() {
    let config = json!({
        "rules": [{"name": "health", "when": {"path": {"exact": "/healthz"}}, "level": "none", "stages": ["request_received", "response_complete"]}],
        "otherwise": both(),
    });
    let mut recorder = recorder(config);
    recorder.record(&Exchange::plain().path("/healthz"));
    assert!(recorder.requests().is_empty());
    recorder.record(&Exchange::plain());
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn no_body_is_known_in_the_beginning() {
    let mut recorder = with(json!({"level": "bodies", "stages": ["response_complete", "request_received"]}));
    recorder.record(&Exchange::plain().body("application/json", &[b"{}"]));
    let [arrival, end] = recorder.requests().try_into().unwrap();
    assert_eq!((&audit(&arrival)["level"], &audit(&end)["level"]), (&json!("headers"), &json!("bodies")));
    assert_eq!(
        (&audit(&arrival)["request_body"], &audit(&end)["request_body"]["size"]),
        (&Value::Null, &json!(2))
    );
}

#[test]
fn a_request_that_comes_to_no_filter_has_one_record() {
    let mut recorder = with(both());
    recorder.log_only(&Exchange::denied());
    let [end] = recorder.requests().try_into().unwrap();
    assert_eq!(audit(&end)["stage"], Value::Null);
}
