//! A share of what has succeeded, and everything else.

use serde_json::json;

use crate::common::checks::audit;
use crate::common::recorder::Recorder;
use crate::common::{Exchange, recorder};

fn sampled(share: f64) -> Recorder {
    recorder(json!({"otherwise": {"level": "metadata", "sample": share}}))
}

#[test]
fn the_share_is_what_it_says() {
    const MANY: u32 = 10_000;
    for share in [0.01, 0.1, 0.5, 0.9] {
        let mut recorder = sampled(share);
        for number in 0..MANY {
            recorder.record(&Exchange::plain());
            if number % 500 == 0 {
                recorder.settle();
            }
        }
        let records = recorder.requests();
        let expected = f64::from(MANY) * share;
        // Six standard deviations.
        let most = 6.0 * (f64::from(MANY) * share * (1.0 - share)).sqrt();
        let found = recorder.counter("recorded");
        assert!((found as f64 - expected).abs() < most, "{found} of {MANY} at {share}");
        assert_eq!(found + recorder.counter("sampled_out"), u64::from(MANY));
        let share = json!(share.to_string());
        assert!(records.iter().all(|it| audit(it)["sample"] == share));
    }
}

#[test]
fn none_and_all_are_shares_too() {
    for (share, expected) in [(0.0, 0), (1.0, 300)] {
        let mut recorder = sampled(share);
        recorder.record_times(300, &Exchange::plain());
        let records = recorder.requests();
        assert_eq!(records.len(), expected);
        assert!(records.iter().all(|it| audit(it)["sample"].is_null()), "all of them need no share");
    }
}

#[test]
fn no_denial_and_no_failure_is_left_out() {
    let mut recorder = sampled(0.0);
    let mut kept = Vec::new();
    for _ in 0..100 {
        kept = vec![
            Exchange::denied(),
            Exchange::answered(401, "portcullis_jwt_expired"),
            Exchange::answered(400, "http1.codec_error"),
            Exchange::answered(503, "no_healthy_upstream"),
            Exchange::answered(404, "route_not_found"),
            Exchange::answered(500, "via_upstream"),
            Exchange::answered(403, "via_upstream"),
            Exchange::gone(),
            Exchange::grpc(7),
            Exchange::answered(200, "portcullis_circuit_open"),
            Exchange::plain().path("/a/../b").number("response.code", 400),
        ];
        kept.iter().for_each(|exchange| recorder.record(exchange));
        recorder.record(&Exchange::plain());
        recorder.record(&Exchange::grpc(0));
    }
    let records = recorder.requests();
    assert_eq!(records.len(), 100 * kept.len());
    assert_eq!(recorder.counter("sampled_out"), 200);
    assert!(records.iter().all(|it| audit(it)["sample"].is_null()), "they do not stand for others");
}
