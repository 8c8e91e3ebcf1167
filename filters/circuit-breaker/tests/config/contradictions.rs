//! Members each of which would do, and that do not go together.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small};

fn breakers(breakers: &[Value]) -> Value {
    json!({"breakers": breakers})
}

#[test]
fn every_breaker_is_reached() {
    let all = |name: &str| json!({"name": name, "trip": {"error_count": 1}});
    let some = |name: &str| json!({"name": name, "when": {"methods": ["GET"]}, "trip": {"error_count": 1}});
    let off = json!({"name": "off", "mode": "disabled"});
    let unreached = |index: usize| {
        let next = index + 1;
        format!(
            "breakers[{index}]: has no when, so that no request ever comes to breakers[{next}]; put it last"
        )
    };
    for (config, index) in [
        (breakers(&[all("a"), all("b")]), 0),
        (breakers(&[all("a"), some("b")]), 0),
        (breakers(&[some("a"), all("b"), some("c"), all("d")]), 1),
        (breakers(&[off.clone(), all("a")]), 0),
    ] {
        assert_eq!(error(&config), unreached(index));
    }
    assert_accepted([
        breakers(&[all("a")]),
        breakers(&[some("a"), some("b")]),
        breakers(&[some("a"), some("b"), all("c")]),
        breakers(&[some("a"), off]),
    ]);
}

#[test]
fn every_fallback_is_reached() {
    let fallbacks = |fallbacks: Value| small(json!({"fallback": fallbacks}));
    let reroute = json!({"reroute": {"header": "x-fallback", "value": "standby"}});
    let unreached = |index: usize| {
        let next = index + 1;
        format!(
            "breakers[0].fallback[{index}]: serves every request, so that none ever comes to fallback[{next}]; put it last"
        )
    };
    for (config, index) in [
        (fallbacks(json!([{"static": {}}, {"static": {"status": 500}}])), 0),
        (fallbacks(json!([{"static": {}}, {"snapshot": {}}])), 0),
        (fallbacks(json!([{"snapshot": {}}, {"only": [], "static": {}}, reroute, {"static": {}}])), 1),
    ] {
        assert_eq!(error(&config), unreached(index));
    }
    let conditions = [
        json!({"when": {"methods": ["GET"]}}),
        json!({"only": [{"of": {"header": "x-tenant"}, "in": ["a"]}]}),
        json!({"max_in_flight": 1}),
        json!({"time_open": {"max": "1m"}}),
        json!({"budget": {"rate": "1/1s"}}),
    ];
    assert_accepted(conditions.map(|mut first| {
        first["static"] = json!({});
        fallbacks(json!([first, {"static": {}}]))
    }));
    // Those may have nothing to serve with.
    assert_accepted([fallbacks(json!([reroute, {"snapshot": {}}, {"static": {}}]))]);
}

#[test]
fn there_is_memory_for_all_snapshots() {
    let several = "breakers[0].fallback: has several snapshots; write one";
    assert_refused(&[
        (small(json!({"fallback": [{"snapshot": {}}, {"snapshot": {}}]})), several),
        (
            small(
                json!({"fallback": [{"when": {"methods": ["GET"]}, "snapshot": {}}, {"snapshot": {}}, {"static": {}}]}),
            ),
            several,
        ),
    ]);
    let with_memory = |memory: &[&str]| {
        let breaker = |(at, memory): (usize, &&str)| {
            json!({
                "name": format!("b{at}"),
                "when": {"path": {"exact": format!("/{at}")}},
                "trip": {"error_count": 1},
                "fallback": [{"snapshot": {"memory": memory}}],
            })
        };
        breakers(&memory.iter().enumerate().map(breaker).collect::<Vec<_>>())
    };
    for (memory, all) in [
        (&["257MiB"][..], "257MiB"),
        (&["128MiB", "129MiB"], "257MiB"),
        (&["255MiB", "1025KiB"], "262145KiB"),
        (&["64MiB", "64MiB", "64MiB", "65MiB"], "257MiB"),
    ] {
        let expected =
            format!("breakers: {all} for the snapshots of each worker; write at most 256MiB in all");
        assert_eq!(error(&with_memory(memory)), expected);
    }
    assert_accepted([
        with_memory(&["256MiB"]),
        with_memory(&["128MiB", "128MiB"]),
        with_memory(&["255MiB", "1MiB"]),
        with_memory(&["16MiB"; 16]),
    ]);
    let seventeen = error(&with_memory(&["16MiB"; 17]));
    assert!(seventeen.starts_with("breakers: 272MiB for the snapshots"), "{seventeen}");
}

#[test]
fn a_throttle_neither_opens_nor_closes() {
    let throttle = |more: Value| {
        let mut breaker = json!({"name": "a", "throttle": {}});
        breaker.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        breakers(&[breaker])
    };
    let by_time = json!({"time_open": {"min": "1s"}, "static": {}});
    assert_refused(&[
        (
            throttle(json!({"fallback": [by_time]})),
            "breakers[0].fallback[0].time_open: a throttle is never open; leave it out",
        ),
        (
            throttle(
                json!({"fallback": [{"max_in_flight": 1, "static": {}}, {"time_open": {}, "snapshot": {}}]}),
            ),
            "breakers[0].fallback[1].time_open: a throttle is never open; leave it out",
        ),
        (throttle(json!({"ramp_up": "1s"})), "breakers[0].ramp_up: a throttle never closes; leave it out"),
        (throttle(json!({"ramp_up": "1ns"})), "breakers[0].ramp_up: a throttle never closes; leave it out"),
        (
            throttle(json!({"window_calls": 10, "min_requests": 11})),
            "breakers[0].min_requests: 11, and the window has 10 calls; write at most that",
        ),
    ]);
    assert_accepted([
        throttle(json!({"fallback": [{"max_in_flight": 1, "static": {}}, {"snapshot": {}}]})),
        throttle(json!({"ramp_up": "0s"})),
        throttle(json!({"window_calls": 10, "min_requests": 10})),
        small(json!({"ramp_up": "1s", "fallback": [by_time]})),
    ]);
}

#[test]
fn a_probe_may_take_as_long_as_a_call_that_is_not_slow() {
    const SHORT: &str = "breakers[0].half_open.lease: shorter than trip.slow_ratio.max_latency, and probes would fail that are not slow; write a longer one";
    let leased = |max_latency: &str, more: Value| {
        let slow = json!({"trip": {"slow_ratio": {"ratio": 0.5, "max_latency": max_latency}}});
        let config = small(slow);
        crate::config::with(config, "/breakers/0/half_open", more)
    };
    for (max_latency, half_open) in [
        ("1s", json!({"lease": "999ms"})),
        ("11ms", json!({"lease": "10ms"})),
        // Half a minute, unless one writes another.
        ("30001ms", json!({})),
    ] {
        assert_refused(&[(leased(max_latency, half_open), SHORT)]);
    }
    assert_accepted([
        leased("1s", json!({"lease": "1s"})),
        leased("30s", json!({})),
        leased("24h", json!({"lease": "24h"})),
        small(json!({"half_open": {"lease": "10ms"}})),
    ]);
}

#[test]
fn what_goes_by_errors_has_some() {
    const NONE: &str = "breakers[0].errors: there are none, and the breaker goes by them; name some";
    let none = || json!({"statuses": [], "grpc": [], "transport": false, "timeouts": false});
    let slow = || json!({"ratio": 0.5, "max_latency": "1s"});
    for trip in [
        json!({"error_ratio": 0.5}),
        json!({"error_count": 1}),
        json!({"consecutive_errors": 1}),
        json!({"slow_ratio": slow(), "error_count": 1}),
    ] {
        assert_refused(&[(small(json!({"trip": trip, "errors": none()})), NONE)]);
    }
    assert_refused(&[(breakers(&[json!({"name": "a", "throttle": {}, "errors": none()})]), NONE)]);
    for (member, value) in [
        ("statuses", json!(["503"])),
        ("statuses", json!(["100"])),
        ("grpc", json!(["unavailable"])),
        ("transport", json!(true)),
        ("timeouts", json!(true)),
    ] {
        let mut errors = none();
        errors[member] = value;
        assert_accepted([
            small(json!({"errors": errors})),
            breakers(&[json!({"name": "a", "throttle": {}, "errors": errors})]),
        ]);
    }
    // Those that are slow, and those that nothing has to open.
    assert_accepted([
        small(json!({"trip": {"slow_ratio": slow()}, "errors": none()})),
        breakers(&[json!({"name": "a", "mode": "forced_open", "errors": none()})]),
        breakers(&[json!({"name": "a", "mode": "disabled", "errors": none()})]),
    ]);
}
