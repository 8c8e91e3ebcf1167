//! One plugin between a client and an upstream.

use std::path::PathBuf;
use std::time::Duration;

use log::Level;
use portcullis_envoy::{Bootstrap, EnvoyProcess, EnvoyTarget, Filter, Launch};
use portcullis_kit::UnixTime;
use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{LogLine, Protocol, Response};
use portcullis_sim::{Profile, Setup, SharedDatum};

use crate::{envoy, list, module, ok, request, send, start, values};

#[test]
fn a_request_passes_over_http1() {
    let mut target = start("pass", b"ok").unwrap();
    let mut sent = request("POST", "/a?b=c", &[("x-bytes", b"caf\xe9"), ("x", b"1"), ("x", b"2")]);
    sent.body = vec![b"one ".to_vec(), b"two".to_vec()];
    let answer = Response {
        status: 201,
        headers: list(&[("x-answer", b"\xff"), ("set-cookie", b"a=1"), ("set-cookie", b"b=2")]),
        body: vec![b"created".to_vec()],
        trailers: None,
    };
    let exchange = send(&mut target, Protocol::Http1, &sent, &answer).unwrap();
    assert_eq!(exchange.details.as_deref(), Some("via_upstream"));

    let upstream = exchange.upstream.unwrap();
    assert_eq!(upstream.headers[..3], sent.headers[..3]);
    assert_eq!(values(&upstream.headers, "x-bytes"), [b"caf\xe9"]);
    assert_eq!(values(&upstream.headers, "x"), [b"1", b"2"]);
    assert_eq!(upstream.body, [b"one two"]);

    let client = exchange.client.unwrap();
    assert_eq!(client.status, 201);
    assert_eq!(values(&client.headers, "x-answer"), [b"\xff"]);
    assert_eq!(values(&client.headers, "set-cookie"), [b"a=1", b"b=2"]);
    assert_eq!(client.body, [b"created"]);
}

#[test]
fn a_request_passes_over_http2_with_body_and_trailers() {
    let mut target = start("pass", b"ok").unwrap();
    let mut sent = request("POST", "/pkg.Service/Method", &[("te", b"trailers"), ("x-bytes", b"caf\xe9")]);
    sent.body = vec![b"question".to_vec()];
    sent.trailers = Some(list(&[("x-checksum", b"42")]));
    let answer = Response {
        status: 200,
        headers: list(&[("content-type", b"application/grpc")]),
        body: vec![b"ans".to_vec(), b"wer".to_vec()],
        trailers: Some(list(&[("grpc-status", b"0")])),
    };
    let exchange = send(&mut target, Protocol::Http2, &sent, &answer).unwrap();
    assert_eq!(exchange.details.as_deref(), Some("via_upstream"));

    let upstream = exchange.upstream.unwrap();
    assert_eq!(upstream.headers[..4], sent.headers[..4]);
    assert_eq!(values(&upstream.headers, "x-bytes"), [b"caf\xe9"]);
    assert_eq!(upstream.body, [b"question"]);
    assert_eq!(upstream.trailers, sent.trailers);

    let client = exchange.client.unwrap();
    assert_eq!((client.status, &client.body), (200, &vec![b"answer".to_vec()]));
    assert_eq!(client.trailers, answer.trailers);
}

#[test]
fn a_get_without_a_body_arrives_without_one() {
    let mut target = start("pass", b"ok").unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let exchange = send(&mut target, protocol, &request("GET", "/", &[]), &ok()).unwrap();
        let upstream = exchange.upstream.unwrap();
        assert_eq!((upstream.body.len(), upstream.trailers), (0, None), "{protocol:?}");
        assert_eq!(values(&upstream.headers, "content-length"), [b""; 0], "{protocol:?}");
        assert_eq!(exchange.client.unwrap().body.len(), 0, "{protocol:?}");
    }
}

#[test]
fn a_get_may_have_a_body_in_pieces() {
    let mut target = start("pass", b"ok").unwrap();
    let mut sent = request("GET", "/", &[]);
    sent.body = vec![b"a".to_vec(), b"b".to_vec()];
    let exchange = send(&mut target, Protocol::Http1, &sent, &ok()).unwrap();
    assert_eq!(exchange.upstream.unwrap().body, [b"ab"]);
}

#[test]
fn a_local_reply_reaches_the_client_and_not_the_upstream() {
    let mut target = start("deny", b"").unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let exchange = send(&mut target, protocol, &request("GET", "/", &[]), &ok()).unwrap();
        assert_eq!(exchange.upstream, None);
        assert_eq!(exchange.details.as_deref(), Some("guest_denied"));
        let client = exchange.client.unwrap();
        assert_eq!((client.status, &client.body), (403, &vec![b"no".to_vec()]));
        assert_eq!(values(&client.headers, "x-by"), [b"guest"]);
    }
}

#[test]
fn a_refused_configuration_is_reported_with_its_line() {
    for configuration in [&b"limits:\n  \"x\": missing"[..], b"not \xff utf-8"] {
        let Err(error) = start("pass", configuration) else { panic!("it starts") };
        let message = String::from_utf8_lossy(configuration).into_owned();
        assert_eq!(error, TargetError::Configuration(vec![LogLine { level: Level::Error, message }]));
    }
}

#[test]
fn logs_and_metrics_are_the_plugin_s() {
    let mut target = start("pass", b"ok").unwrap();
    for _ in 0..3 {
        send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
    }
    let ready = LogLine { level: Level::Warn, message: "ready\n\"now\"".to_owned() };
    assert_eq!(target.logs().unwrap(), vec![ready; 3], "the canary, the main thread and one worker");
    assert_eq!(target.metrics().unwrap().get("requests_total"), Some(&3));
}

#[test]
fn a_trap_is_reported_with_its_backtrace() {
    let mut target = start("trap", b"").unwrap();
    let error = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap_err();
    let TargetError::Trap(backtrace) = error else { panic!("{error}") };
    assert!(
        backtrace.contains("proxy_on_request_headers") && backtrace.contains("unreachable"),
        "{backtrace}"
    );
}

#[test]
fn a_request_that_stays_paused_has_no_answer() {
    let mut target = start("pause", b"").unwrap();
    let exchange = send(&mut target, Protocol::Http1, &request("GET", "/", &[]), &ok()).unwrap();
    assert_eq!((exchange.client, exchange.upstream, exchange.details), (None, None, None));
}

#[test]
fn a_module_that_is_none_breaks_the_start_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("guest.wasm");
    std::fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let error = EnvoyTarget::start(&envoy(), &[path], &Setup::of("")).unwrap_err();
    let TargetError::Broken(why) = error else { panic!("{error}") };
    assert!(why.contains("Missing or unknown Proxy-Wasm ABI version"), "{why}");
}

#[test]
fn what_only_a_simulation_can_do_is_not_here() {
    let setups = [
        ("clock", Setup { clock: Some(UnixTime::from_secs(1)), ..Setup::of("") }),
        ("specification", Setup { profile: Profile::Spec, ..Setup::of("") }),
        ("shared data", Setup { shared_data: vec![SharedDatum::default()], ..Setup::of("") }),
    ];
    for (word, setup) in setups {
        let error = EnvoyTarget::start(&envoy(), &[PathBuf::from("/none")], &setup).unwrap_err();
        assert!(matches!(error, TargetError::NotHere(why) if why.contains(word)), "{word}");
    }

    let mut target = start("pass", b"ok").unwrap();
    assert!(matches!(target.advance(Duration::from_secs(60)), Err(TargetError::NotHere(_))));
    assert_eq!(target.advance(Duration::from_millis(1)), Ok(()));
    let split = request("GET", "/", &[("x", b"a\r\nb: c")]);
    let error = send(&mut target, Protocol::Http1, &split, &ok()).unwrap_err();
    assert!(matches!(error, TargetError::NotHere(why) if why.contains("`x`")));
}

#[test]
fn the_process_is_gone_after_drop() {
    let directory = tempfile::tempdir().unwrap();
    let deny = Filter::wasm(&module(&directory, "deny"), "");
    let bootstrap = Bootstrap { filters: vec![deny], ..Bootstrap::default() };
    let launch = Launch { concurrency: 1, trace_plugins: false };
    let process = EnvoyProcess::start(&envoy(), &bootstrap, launch, tempfile::tempdir().unwrap()).unwrap();
    let alive = PathBuf::from(format!("/proc/{}", process.id()));
    assert!(alive.exists());
    drop(process);
    assert!(!alive.exists());
}
