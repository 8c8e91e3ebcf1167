//! The mistakes of one breaker.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small, with};

#[test]
fn each_mistake_of_a_window_has_its_error() {
    let time = |window: &str, bucket: &str| small(json!({"window": window, "bucket": bucket}));
    let both = "breakers[0].window_calls: there is a window of time as well; leave one of them out";
    assert_refused(&[
        (small(json!({"window_calls": 0})), "breakers[0].window_calls: 0; write from 1 to 1000"),
        (small(json!({"window_calls": 1001})), "breakers[0].window_calls: 1001; write from 1 to 1000"),
        (small(json!({"window_calls": 10, "window": "10s"})), both),
        (small(json!({"window_calls": 10, "bucket": "1s"})), both),
        (time("1s", "9ms"), "breakers[0].bucket: 9ms; write at least 10ms"),
        (time("1s", "0s"), "breakers[0].bucket: 0s; write at least 10ms"),
        (time("25h", "1h"), "breakers[0].window: 25h; write at most 24h"),
        (time("1s", "1001ms"), "breakers[0].window: 1s, shorter than a bucket of 1001ms; write a longer one"),
        (time("10s", "3s"), "breakers[0].window: 10s, no whole number of buckets of 3s; write one that is"),
        (
            time("61s", "1s"),
            "breakers[0].bucket: 1s, 61 of them in the window; write a longer one, for at most 60",
        ),
        (
            small(json!({"window": "10"})),
            "breakers[0].window: \"10\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h",
        ),
    ]);
    for (window, bucket) in [("99ms", "9900000ns"), ("1ms", "100000ns"), ("0s", "0s")] {
        let expected = format!("{window}, a tenth of which is {bucket}; write at least 100ms, or a bucket");
        assert_eq!(error(&small(json!({"window": window}))), format!("breakers[0].window: {expected}"));
    }
    assert_refused(&[
        (
            small(json!({"bucket": "10001ms"})),
            "breakers[0].bucket: 10001ms, longer than the window, which is 10s unless you write one",
        ),
        (
            small(json!({"bucket": "3s"})),
            "breakers[0].window: 10s, no whole number of buckets of 3s; write one that is",
        ),
        (
            small(json!({"bucket": "100ms"})),
            "breakers[0].bucket: 100ms, 100 of them in the window; write a longer one, for at most 60",
        ),
    ]);
    assert_accepted([
        small(json!({"window_calls": 1})),
        small(json!({"window_calls": 1000})),
        small(json!({"window": "100ms"})),
        small(json!({"window": "24h"})),
        small(json!({"bucket": "10s"})),
        time("60s", "1s"),
        time("10s", "10s"),
        time("10ms", "10ms"),
    ]);
}

#[test]
fn thresholds_that_no_window_reaches_are_named() {
    assert_refused(&[
        (
            small(json!({"window_calls": 10, "min_requests": 11})),
            "breakers[0].min_requests: 11, and the window has 10 calls; write at most that",
        ),
        (
            small(json!({"window_calls": 10, "trip": {"error_count": 11}})),
            "breakers[0].trip.error_count: 11, and the window has 10 calls; write at most that",
        ),
        (
            with("/breakers/1/min_requests", json!(101)),
            "breakers[1].min_requests: 101, and the window has 100 calls; write at most that",
        ),
    ]);
    assert_accepted([
        small(json!({"window_calls": 10, "min_requests": 10, "trip": {"error_count": 10}})),
        // A row may be longer than the window.
        small(json!({"window_calls": 10, "trip": {"consecutive_errors": 11}})),
        small(json!({"min_requests": u32::MAX, "trip": {"error_count": u32::MAX}})),
    ]);
}

#[test]
fn what_makes_it_open_is_there_once_and_can_happen() {
    const MISSING: &str = "breakers[0].trip: missing, and nothing would ever open it; write one, or throttle";
    const BOTH: &str = "breakers[0].throttle: cannot be combined with trip; leave one of them out";
    const EMPTY: &str = "breakers[0].trip: empty, and nothing would ever open it; write slow_ratio, error_ratio, error_count or consecutive_errors";
    const ZERO: &str = "0, and it would open before the first call; write at least 1";
    let trip = |trip: Value| small(json!({"trip": trip}));
    for mode in ["enforce", "metrics_only"] {
        assert_refused(&[(json!({"breakers": [{"name": "a", "mode": mode}]}), MISSING)]);
    }
    for mode in ["enforce", "metrics_only", "forced_open", "disabled"] {
        let mode_with = |more: Value| crate::config::with(small(more), "/breakers/0/mode", json!(mode));
        assert_refused(&[
            (mode_with(json!({"throttle": {}})), BOTH),
            (mode_with(json!({"trip": {}})), EMPTY),
        ]);
    }
    assert_refused(&[
        (trip(json!({"error_count": 0})), &format!("breakers[0].trip.error_count: {ZERO}")),
        (trip(json!({"consecutive_errors": 0})), &format!("breakers[0].trip.consecutive_errors: {ZERO}")),
        (
            trip(json!({"slow_ratio": {"ratio": 0.5, "max_latency": "0s"}})),
            "breakers[0].trip.slow_ratio.max_latency: 0s, and every call would be slow; write a longer one",
        ),
        (
            trip(json!({"slow_ratio": {"ratio": 0.5, "max_latency": "25h"}})),
            "breakers[0].trip.slow_ratio.max_latency: 25h; write at most 24h",
        ),
        (
            trip(json!({"error_count": -1})),
            "breakers[0].trip.error_count: invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
        ),
    ]);
    assert_accepted([
        trip(json!({"error_count": 1})),
        trip(json!({"consecutive_errors": 1})),
        small(
            json!({"trip": {"slow_ratio": {"ratio": 1, "max_latency": "24h"}}, "half_open": {"lease": "24h"}}),
        ),
        trip(json!({"slow_ratio": {"ratio": 0.000_001, "max_latency": "1ns"}})),
    ]);
}

#[test]
fn each_ratio_is_from_a_millionth_to_1() {
    for pointer in [
        "/breakers/0/trip/error_ratio",
        "/breakers/0/trip/slow_ratio/ratio",
        "/breakers/2/throttle/success_ratio",
        "/breakers/2/throttle/max_rejection",
    ] {
        let path = pointer.trim_start_matches("/breakers/").replacen('/', "].", 1).replace('/', ".");
        for (share, shown) in
            [(0.0, "0.0"), (-0.5, "-0.5"), (1.000_001, "1.000001"), (50.0, "50.0"), (1e-9, "1e-9")]
        {
            let expected = format!("breakers[{path}: {shown}; write a number from 0.000001 to 1, as in 0.5");
            assert_eq!(error(&with(pointer, json!(share))), expected);
        }
        assert_accepted([1.0, 0.000_001].map(|share| with(pointer, json!(share))));
    }
}

#[test]
fn each_mistake_of_a_throttle_or_of_the_way_back_has_its_error() {
    let refused = |pointer: &str, value: Value, expected: &str| {
        let path = pointer.trim_start_matches("/breakers/").replacen('/', "].", 1).replace('/', ".");
        assert_eq!(error(&with(pointer, value)), format!("breakers[{path}: {expected}"));
    };
    for (pointer, value, expected) in [
        ("/breakers/2/throttle/aggression", json!(0.5), "0.5; write a number from 1 to 100"),
        ("/breakers/2/throttle/aggression", json!(100.5), "100.5; write a number from 1 to 100"),
        ("/breakers/0/open/duration", json!("9ms"), "9ms; write at least 10ms"),
        ("/breakers/0/open/duration", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/open/factor", json!(0.9), "0.9; write a number from 1 to 10"),
        ("/breakers/0/open/factor", json!(10.5), "10.5; write a number from 1 to 10"),
        ("/breakers/0/open/jitter", json!(-0.1), "-0.1; write a number from 0 to 1"),
        ("/breakers/0/open/jitter", json!(1.1), "1.1; write a number from 0 to 1"),
        ("/breakers/0/open/max", json!("4s"), "4s, shorter than the first time, 5s; write a longer one"),
        ("/breakers/0/open/max", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/open/retry_after/max", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/half_open/permits", json!(0), "0, and it would never close again; write from 1 to 100"),
        ("/breakers/0/half_open/permits", json!(101), "101; write from 1 to 100"),
        ("/breakers/0/half_open/successes", json!(0), "0; write from 1 to 5, the permits that there are"),
        ("/breakers/0/half_open/successes", json!(6), "6; write from 1 to 5, the permits that there are"),
        ("/breakers/0/half_open/lease", json!("9ms"), "9ms; write at least 10ms"),
        ("/breakers/0/half_open/lease", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/ramp_up", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/timeout", json!("25h"), "25h; write at most 24h"),
        ("/breakers/0/timeout", json!("0s"), "0s; write at least 1ms, or leave it out"),
        ("/breakers/0/timeout", json!("999us"), "999000ns; write at least 1ms, or leave it out"),
    ] {
        refused(pointer, value, expected);
    }
    let last = [
        ("/breakers/2/throttle", json!({"success_ratio": 1, "aggression": 1, "max_rejection": 1})),
        ("/breakers/2/throttle/aggression", json!(100)),
        ("/breakers/0/open", json!({"duration": "10ms", "max": "10ms", "factor": 1, "jitter": 0})),
        ("/breakers/0/open", json!({"duration": "24h", "factor": 10, "jitter": 1})),
        ("/breakers/0/open", json!({"max": "24h", "retry_after": {"max": "24h"}})),
        ("/breakers/0/open/retry_after/max", json!("0s")),
        ("/breakers/0/half_open", json!({"permits": 100, "successes": 100, "lease": "24h"})),
        ("/breakers/0/half_open", json!({"permits": 1, "successes": 1, "lease": "1s"})),
        ("/breakers/0/ramp_up", json!("24h")),
        ("/breakers/0/ramp_up", json!("0s")),
        ("/breakers/0/timeout", json!("24h")),
        ("/breakers/0/timeout", json!("1ms")),
    ];
    assert_accepted(last.map(|(pointer, value)| with(pointer, value)));
    // Shorter than the latency in the full one.
    assert_accepted([small(json!({"half_open": {"lease": "10ms"}}))]);
}

#[test]
fn each_mistake_of_statuses_has_its_error() {
    for text in ["40x", "600", "99", "5xx-599", "500-400", "", "all"] {
        for member in ["errors", "ignore"] {
            let config = with(&format!("/breakers/0/{member}/statuses/0"), json!(text));
            let path = format!("breakers[0].{member}.statuses[0]");
            assert_eq!(
                error(&config),
                format!("{path}: {text:?} is no status; write one as 404, 5xx or 500-599")
            );
        }
    }
    for member in ["errors", "ignore"] {
        let error = error(&with(&format!("/breakers/0/{member}/grpc/0"), json!("ok")));
        let expected =
            format!("breakers[0].{member}.grpc[0]: unknown variant `ok`, expected one of `cancelled`");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_accepted([
        small(json!({"errors": {"statuses": ["100-599"], "grpc": []}})),
        small(json!({"ignore": {"statuses": [], "grpc": []}})),
    ]);
}

#[test]
fn each_mistake_of_a_match_is_named_where_it_stands() {
    let places = [
        ("/breakers/1/when", "breakers[1].when"),
        ("/breakers/0/exempt/1", "breakers[0].exempt[1]"),
        ("/breakers/0/fallback/0/when", "breakers[0].fallback[0].when"),
    ];
    for (pointer, path) in places {
        for (config, expected) in [
            (
                json!({"host": "example.com:443"}),
                "host: \"example.com:443\" is not a host; write api.example.com or *.example.com, without a port",
            ),
            (
                json!({"path": {"exact": "a"}}),
                "path: \"a\" never matches; write a path that begins with / and has no . or .. segments, //, ;, \\, ? or #",
            ),
            (
                json!({"methods": []}),
                "methods: empty, so nothing matches; name a method or leave the member out",
            ),
            (
                json!({"methods": ["get"]}),
                "methods: \"get\" is no method; write it as it is on the wire: GET",
            ),
            (
                json!({"headers": [{"name": "a b"}]}),
                "headers[0].name: \"a b\" is no header name; write one such as x-env",
            ),
            (
                json!({"grpc": {"service": "a/b"}}),
                "grpc.service: \"a/b\" never matches; write a full name without /, as in shop.v1.Orders",
            ),
        ] {
            assert_eq!(error(&with(pointer, config)), format!("{path}.{expected}"));
        }
        let error = error(&with(pointer, json!({"path": {"regex": "("}})));
        assert!(error.starts_with(&format!("{path}.path.regex: \"(\" is not an expression: ")), "{error}");
    }
}
