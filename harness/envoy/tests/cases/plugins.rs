//! A chain of plugins, and what its configuration says about each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{Protocol, Sending};
use portcullis_sim::{Answer, FailurePolicy, PluginSetup, Setup};

use crate::{get, messages, ok, request, send, start_all, values};

fn plugin(code: usize, configuration: &str) -> PluginSetup {
    PluginSetup { code, configuration: configuration.into(), ..PluginSetup::default() }
}

fn chain(plugins: impl Into<Vec<PluginSetup>>) -> Setup {
    Setup { plugins: plugins.into(), ..Setup::default() }
}

#[test]
fn plugins_of_two_modules_stand_in_their_order() {
    let setup = chain([plugin(0, "one"), plugin(1, "ok"), plugin(0, "three")]);
    let mut target = start_all(&["greet", "pass"], &setup).unwrap();
    let exchange = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
    // The first and the third are root contexts of one VM: what the module keeps is the last one's.
    assert_eq!(values(&exchange.upstream.unwrap().headers, "x-by"), [b"three", b"three"]);
    assert_eq!(target.metrics().unwrap().get("requests_total"), Some(&1));
    let error = start_all(&["greet"], &setup).unwrap_err();
    assert!(matches!(error, TargetError::Broken(why) if why.contains("module 1")));
}

#[test]
fn lines_are_known_whatever_the_plugin_is_called() {
    let named = PluginSetup {
        name: "guard: no. 1".to_owned(),
        root_id: "root".to_owned(),
        vm_id: "vm".to_owned(),
        ..plugin(0, "one")
    };
    let mut target = start_all(&["greet"], &chain([named, plugin(0, "two")])).unwrap();
    let exchange = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
    assert_eq!(values(&exchange.upstream.unwrap().headers, "x-by"), [b"one", b"two"]);
    let lines = messages(&mut target);
    let count = |text: &str| lines.iter().filter(|line| *line == text).count();
    // Canary, main thread and worker, each for two VMs; before the canary there is the base VM.
    assert_eq!(["initialize", "create: root", "vm start", "request"].map(count), [8, 6, 6, 2]);
    assert_eq!(["one", "two"].map(count), [3, 3]);
    assert_eq!(lines.len(), 28);
}

#[test]
fn every_worker_has_its_own_vm_and_none_can_be_chosen() {
    let setup = Setup { workers: 3, ..Setup::of("hello") };
    let mut target = start_all(&["greet"], &setup).unwrap();
    let sending = Sending { worker: Some(0), ..get(Protocol::Http1, Answer::default()) };
    assert!(matches!(target.send(std::slice::from_ref(&sending)), Err(TargetError::NotHere(_))));
    let configured = messages(&mut target).into_iter().filter(|line| line == "hello").count();
    assert_eq!(configured, 5, "the canary, the main thread and three workers");
    let mut alone = start_all(&["greet"], &Setup::of("hello")).unwrap();
    assert!(alone.send(&[sending]).is_ok());
}

#[test]
fn a_vm_has_its_configuration_and_its_environment() {
    let environment = BTreeMap::from([("MODE".to_owned(), "test".to_owned())]);
    let vm_configuration = b"\xff\x00 vm".to_vec();
    let plugin = PluginSetup { environment, vm_configuration, ..PluginSetup::default() };
    let mut target = start_all(&["environment"], &chain([plugin])).unwrap();
    assert_eq!(messages(&mut target)[..2], ["\u{fffd}\0 vm", "MODE=test\0"]);
}

#[test]
fn what_is_not_allowed_does_nothing() {
    let allowed = [
        "proxy_on_configure",
        "proxy_on_request_headers",
        "proxy_get_buffer_bytes",
        "proxy_add_header_map_value",
    ];
    let capabilities: BTreeSet<String> = allowed.map(str::to_owned).into();
    let plugin = PluginSetup { capabilities, ..plugin(0, "one") };
    let mut target = start_all(&["greet"], &chain([plugin])).unwrap();
    let exchange = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
    assert_eq!(values(&exchange.upstream.unwrap().headers, "x-by"), [b"one"]);
    assert_eq!(messages(&mut target), [""; 0]);
}

#[test]
fn a_plugin_may_stop_at_the_headers_and_see_the_body() {
    let plugin = PluginSetup { allow_on_headers_stop_iteration: true, ..PluginSetup::default() };
    let mut target = start_all(&["stop"], &chain([plugin])).unwrap();
    let mut sent = request("POST", "/", &[]);
    sent.body = vec![b"a".to_vec(), b"b".to_vec()];
    let exchange = send(&mut target, Protocol::Http1, &sent, &ok()).unwrap();
    assert_eq!(exchange.upstream.unwrap().body, [b"ab"]);
}

#[test]
fn no_failure_policy_lets_envoy_start_with_a_plugin_that_refuses() {
    for failure_policy in [FailurePolicy::Closed, FailurePolicy::Open, FailurePolicy::Reload] {
        for guest in ["pass", "refuse"] {
            let plugin = PluginSetup { failure_policy, ..plugin(0, "no") };
            let error = start_all(&[guest], &chain([plugin])).unwrap_err();
            let TargetError::Configuration(lines) = error else { panic!("{guest}: {error}") };
            assert_eq!(lines.iter().map(|line| &line.message).collect::<Vec<_>>(), ["no"]);
        }
    }
}

#[test]
fn after_a_trap_the_failure_policy_decides() {
    let fails = (503, "wasm_fail_stream".to_owned());
    let passes = (200, "via_upstream".to_owned());
    let cases = [
        (FailurePolicy::Closed, [&fails, &fails], 1),
        (FailurePolicy::Open, [&fails, &passes], 1),
        (FailurePolicy::Reload, [&fails, &fails], 2),
    ];
    for (failure_policy, expected, traps) in cases {
        let plugin = PluginSetup { failure_policy, ..PluginSetup::default() };
        let mut target = start_all(&["trap"], &chain([plugin])).unwrap();
        target.tolerate_traps().unwrap();
        for expected in expected {
            let exchange = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
            let seen = (exchange.client.unwrap().status, exchange.details.unwrap());
            assert_eq!(&seen, expected, "{failure_policy:?}");
            // Longer than the back-off of a reload.
            target.advance(Duration::from_millis(1500)).unwrap();
        }
        let line = "Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable";
        assert_eq!(messages(&mut target), vec![line; traps], "{failure_policy:?}");
    }
}
