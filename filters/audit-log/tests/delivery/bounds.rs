//! The queue has a bound, in bytes.

use proptest::prelude::*;
use serde_json::json;

use crate::common::{Exchange, recorder};

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// What waits while the sink does not answer is what it then gets.
    #[test]
    fn what_waits_is_within_the_bound(
        lengths in prop::collection::vec(prop_oneof![Just(0_usize), 0..3000_usize], 1..250), queue in 64..200_usize, sink in 0..4_usize
    ) {
        let sinks = [
            json!({"http": {"cluster": "siem", "path": "/"}}),
            json!({"http": {"cluster": "siem", "path": "/", "format": "json_array"}}),
            json!({"otlp": {"cluster": "collector"}}),
            json!({"otlp": {"cluster": "collector", "protocol": "http_json"}}),
        ];
        // What one record takes up at most differs, and with it the least queue.
        let queue = queue * [1, 1, 2, 4][sink];
        let mut recorder = recorder(json!({
            "sink": sinks[sink], "otherwise": {"level": "headers"}, "delivery": {"queue": format!("{queue}KiB"), "batch": 8192},
        }));
        for length in &lengths {
            recorder.record(&Exchange::plain().path(format!("/{}", "x".repeat(*length))));
        }
        recorder.pass_seconds(2);
        let waits = recorder.gauge("queue_bytes");
        prop_assert!(waits <= queue as u64 * 1024, "{waits}");
        let calls = recorder.sink.calls.len();
        prop_assert!(calls <= 1, "one batch at a time");
        recorder.settle();
        let lost = recorder.counter("dropped_queue_full");
        prop_assert_eq!(recorder.counter("recorded") + lost, lengths.len() as u64);
        let sent: usize = recorder.sink.calls.iter().map(|call| call.call.body.len()).sum();
        // Who collects is told what it is from once for each call, and what got lost afterwards.
        let more = recorder.sink.calls.len() * 400 + if lost > 0 { 2000 } else { 0 };
        prop_assert!(sent <= queue * 1024 + more, "{sent} bytes of {queue} KiB");
    }
}

#[test]
fn a_queue_that_holds_no_record_is_refused() {
    use portcullis_audit_log::AuditLog;
    use portcullis_kit::HttpFilter;
    for queue in ["1KiB", "4KiB", "8KiB"] {
        let config = json!({"sink": {"http": {"cluster": "c", "path": "/"}}, "delivery": {"queue": queue}});
        let error = AuditLog::configure(config.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("delivery.queue: {queue}; write from ")), "{error}");
    }
}

#[test]
fn the_gauges_say_what_waits_and_since_when() {
    let mut recorder = recorder(json!({"stat_prefix": "edge"}));
    recorder.record_times(10, &Exchange::plain());
    recorder.pass_seconds(7);
    assert!(recorder.gauge("queue_bytes") > 10 * 1000);
    assert_eq!(recorder.gauge("oldest_seconds"), 7);
    recorder.settle();
    recorder.pass_seconds(2);
    assert_eq!((recorder.gauge("queue_bytes"), recorder.gauge("oldest_seconds")), (0, 0));
    assert_eq!(recorder.counter("sent"), 11);
}
