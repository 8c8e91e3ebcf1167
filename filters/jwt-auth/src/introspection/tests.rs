use portcullis_kit::parse_config;
use portcullis_kit::testing::TestHost;
use serde_json::Value;

use super::answer::tests::answer;
use super::*;

mod laws;

const YES: &[u8] = br#"{"active":true,"sub":"a"}"#;
const NO: &[u8] = br#"{"active":false}"#;

/// One worker, with its server played by hand.
struct Worker {
    introspection: Introspection,
    host: TestHost,
}

impl Worker {
    fn new(members: &str) -> Self {
        let text = format!(r#"{{"cluster":"idp","uri":"https://idp.example/introspect?k=hidden"{members}}}"#);
        let config = parse_config(text.as_bytes()).unwrap();
        Self { introspection: Introspection::new(config).unwrap(), host: TestHost::at(1000) }
    }

    fn ask(&mut self, token: &str, stream: u32) -> String {
        let now = self.host.now;
        match self.introspection.ask(token.as_bytes(), StreamId(stream), now, &mut self.host) {
            Asked::Active(claims) => {
                format!("active {}", claims.get("sub").and_then(Value::as_str).unwrap_or_default())
            }
            Asked::Waiting => "waiting".into(),
            Asked::Unchecked => "unchecked".into(),
            Asked::Denied { error, retry_after: None } => format!("{error:?}"),
            Asked::Denied { error, retry_after: Some(after) } => format!("{error:?} {after:?}"),
        }
    }

    /// Answers the call that was made as the `number`th, counted from one.
    fn answer_call(&mut self, number: u32, answer: &HttpAnswer) -> Option<Vec<u32>> {
        let now = self.host.now;
        let woken = self.introspection.on_answer(CallId(number * 4), answer, now, &mut self.host);
        woken.map(|streams| streams.iter().map(|stream| stream.0).collect())
    }

    /// Asks for one stream, answers, and asks again.
    fn exchange(&mut self, token: &str, stream: u32, status: &str, body: &[u8]) -> String {
        assert_eq!(self.ask(token, stream), "waiting");
        let number = self.calls();
        assert_eq!(self.answer_call(number, &answer(status, body)), Some(vec![stream]));
        self.ask(token, stream)
    }

    fn calls(&self) -> u32 {
        self.host.calls.len().try_into().unwrap()
    }

    fn advance(&mut self, milliseconds: u64) {
        self.host.advance(Duration::from_millis(milliseconds));
    }
}

#[test]
fn a_token_is_asked_about_once_and_remembered_for_its_time() {
    let mut worker = Worker::new("");
    assert_eq!(worker.exchange("t", 1, "200", YES), "active a");
    worker.advance(59_999);
    assert_eq!(worker.ask("t", 2), "active a");
    worker.advance(1);
    assert_eq!(worker.ask("t", 3), "waiting");
    assert_eq!(worker.calls(), 2);
    assert_eq!(worker.introspection.take_events(), Events { known: 2, calls: 2, failures: 0 });
    assert_eq!(worker.introspection.take_events(), Events::default());
}

#[test]
fn an_inactive_token_is_denied_and_remembered_for_its_own_time() {
    let mut worker = Worker::new("");
    assert_eq!(worker.exchange("t", 1, "200", NO), "Inactive");
    worker.advance(9_999);
    assert_eq!(worker.ask("t", 2), "Inactive");
    worker.advance(1);
    assert_eq!(worker.ask("t", 3), "waiting");
    assert_eq!(worker.exchange("u", 1, "200", br#"{"active":true,"exp":[]}"#), "ClaimsInvalid");
}

#[test]
fn nothing_is_remembered_past_exp() {
    let mut worker = Worker::new("");
    assert_eq!(worker.exchange("t", 1, "200", br#"{"active":true,"sub":"a","exp":1030}"#), "active a");
    worker.advance(29_999);
    assert_eq!(worker.ask("t", 2), "active a");
    worker.advance(1);
    assert_eq!(worker.ask("t", 3), "waiting");
    // Who has waited is told all the same, or would ask for ever: the check of the claims comes after this one.
    assert_eq!(worker.exchange("u", 4, "200", br#"{"active":true,"sub":"b","exp":7}"#), "active b");
    assert_eq!(worker.ask("u", 5), "waiting");
}

#[test]
fn requests_with_one_token_share_a_call() {
    let mut worker = Worker::new(r#","cache":{"ttl":"0s"}"#);
    for stream in 1..=5 {
        assert_eq!(worker.ask("t", stream), "waiting");
    }
    assert_eq!(worker.ask("t", 3), "waiting");
    assert_eq!(worker.calls(), 1);
    assert_eq!(worker.ask("u", 6), "waiting");
    assert_eq!(worker.calls(), 2);
    assert_eq!(worker.answer_call(1, &answer("200", YES)), Some(vec![1, 2, 3, 4, 5]));
    for stream in [5, 4, 3, 2, 1, 1, 2] {
        assert_eq!(worker.ask("t", stream), "active a");
    }
    assert_eq!(worker.ask("t", 7), "waiting", "nothing is remembered for others");
    assert_eq!(worker.calls(), 3);
    assert_eq!(worker.answer_call(2, &answer("200", NO)), Some(vec![6]));
    assert_eq!(worker.ask("u", 6), "Inactive");
}

#[test]
fn a_request_with_two_tokens_asks_about_each_once() {
    let mut worker = Worker::new(r#","cache":{"ttl":"0s"}"#);
    assert_eq!(worker.exchange("t", 1, "200", YES), "active a");
    assert_eq!(worker.ask("u", 1), "waiting");
    worker.advance(30_000);
    assert_eq!(worker.answer_call(2, &answer("200", YES)), Some(vec![1]));
    assert_eq!((worker.ask("t", 1), worker.ask("u", 1)), ("active a".into(), "active a".into()));
    assert_eq!(worker.calls(), 2);
}

#[test]
fn a_failed_call_is_handed_over_and_not_repeated_at_once() {
    for (status, body) in [
        ("500", YES),
        ("401", YES),
        ("400", YES),
        ("302", YES),
        ("204", &b""[..]),
        ("200", b"{}"),
        ("200", b"eyJhbGciOiJSUzI1NiJ9.e30.AA"),
        ("200", br#"{"active":tru"#),
    ] {
        let mut worker = Worker::new(r#","cache":{"ttl":"0s","inactive_ttl":"0s"}"#);
        assert_eq!((worker.ask("t", 1), worker.ask("t", 2)), ("waiting".into(), "waiting".into()));
        assert_eq!(worker.answer_call(1, &answer(status, body)), Some(vec![1, 2]));
        let denied = "IntrospectionUnavailable 1s";
        assert_eq!((worker.ask("t", 1), worker.ask("t", 2)), (denied.into(), denied.into()));
        assert_eq!(worker.ask("t", 3), denied, "for a second, also for others");
        worker.advance(1_000);
        assert_eq!(worker.ask("t", 1), denied, "a request asks once");
        assert_eq!(worker.ask("t", 3), "waiting");
        assert_eq!(worker.calls(), 2);
    }
}

#[test]
fn allow_lets_pass_when_nobody_can_be_asked_and_only_then() {
    let allow = r#","failure_mode":"allow""#;
    for (status, expected) in [
        ("500", "unchecked"),
        ("502", "unchecked"),
        ("503", "unchecked"),
        ("504", "unchecked"),
        ("429", "unchecked"),
        ("400", "IntrospectionUnavailable 1s"),
        ("401", "IntrospectionUnavailable 1s"),
        ("403", "IntrospectionUnavailable 1s"),
        ("404", "IntrospectionUnavailable 1s"),
        ("301", "IntrospectionUnavailable 1s"),
    ] {
        assert_eq!(Worker::new(allow).exchange("t", 1, status, YES), expected, "{status}");
        assert_eq!(Worker::new("").exchange("t", 1, status, YES), "IntrospectionUnavailable 1s", "{status}");
    }
    assert_eq!(Worker::new(allow).exchange("t", 1, "200", b"garbage"), "IntrospectionUnavailable 1s");
    assert_eq!(Worker::new(allow).exchange("t", 1, "200", NO), "Inactive");
    assert_eq!(Worker::new(allow).ask("not a token", 1), "Malformed");
    let mut worker = Worker::new(allow);
    assert_eq!(worker.ask("t", 1), "waiting");
    assert_eq!(worker.answer_call(1, &HttpAnswer::default()), Some(vec![1]), "broken off");
    assert_eq!(worker.ask("t", 1), "unchecked");
    worker.host.unreachable = true;
    assert_eq!(worker.ask("u", 2), "unchecked");
}

#[test]
fn a_cluster_without_hosts_fails_at_once() {
    let mut worker = Worker::new("");
    worker.host.unreachable = true;
    assert_eq!(worker.ask("t", 1), "IntrospectionUnavailable 1s");
    worker.host.unreachable = false;
    assert_eq!(worker.exchange("t", 2, "200", YES), "active a", "nobody waits for what was never sent");
}

#[test]
fn a_server_that_fails_is_spared_and_known_tokens_pass_meanwhile() {
    let mut worker = Worker::new("");
    assert_eq!(worker.exchange("known", 1, "200", YES), "active a");
    for n in 0..5 {
        worker.exchange(&format!("t{n}"), 10 + n, "503", b"");
    }
    assert_eq!(worker.calls(), 6);
    assert_eq!(worker.ask("new", 20), "IntrospectionUnavailable 1s");
    assert_eq!(worker.ask("known", 21), "active a");
    worker.advance(1_000);
    assert_eq!(worker.ask("new", 22), "waiting");
    assert_eq!(worker.ask("new", 23), "waiting");
    assert_eq!(worker.ask("other", 24), "IntrospectionUnavailable 1s", "one token is tried");
    assert_eq!(worker.calls(), 7);
    worker.answer_call(7, &answer("503", b""));
    assert_eq!(worker.ask("new", 22), "IntrospectionUnavailable 2s");
    worker.advance(1_500);
    assert_eq!(worker.ask("other", 24), "IntrospectionUnavailable 1s");
    worker.advance(500);
    assert_eq!(worker.exchange("new", 25, "200", YES), "active a");
    assert_eq!(worker.exchange("other", 26, "200", YES), "active a");
    let warnings = worker.host.log.iter().filter(|line| line.starts_with("WARN")).count();
    assert_eq!(warnings, 3, "the first failure, and each time that the circuit opens: {:?}", worker.host.log);
    assert_eq!(worker.introspection.take_events().failures, 6);
}

#[test]
fn what_a_token_brings_about_keeps_nobody_else_out() {
    let mut worker = Worker::new("");
    for n in 0..100 {
        assert_eq!(worker.exchange(&format!("t{n}"), n, "400", b""), "IntrospectionUnavailable 1s");
    }
    assert_eq!(worker.exchange("good", 200, "200", YES), "active a");
}

#[test]
fn no_more_wait_than_configured() {
    let mut worker = Worker::new(r#","max_waiting":3,"failure_mode":"allow""#);
    for (token, stream) in [("t", 1), ("t", 2), ("u", 3)] {
        assert_eq!(worker.ask(token, stream), "waiting");
    }
    assert_eq!(worker.ask("t", 4), "TooManyWaiting 1s", "also where failures let pass");
    assert_eq!(worker.ask("v", 5), "TooManyWaiting 1s");
    assert_eq!(worker.ask("t", 2), "waiting", "it waits already");
    assert_eq!(worker.calls(), 2);
    assert_eq!(worker.answer_call(1, &answer("200", YES)), Some(vec![1, 2]));
    assert_eq!((worker.ask("v", 5), worker.ask("v", 6)), ("waiting".into(), "waiting".into()));
    assert_eq!(worker.ask("v", 7), "TooManyWaiting 1s");
    assert_eq!(worker.ask("t", 8), "active a");
}

#[test]
fn answers_to_other_calls_are_left_to_others() {
    let mut worker = Worker::new("");
    assert_eq!(worker.ask("t", 1), "waiting");
    assert_eq!(worker.answer_call(9, &answer("200", YES)), None);
    assert_eq!(worker.answer_call(1, &answer("200", YES)), Some(vec![1]));
    assert_eq!(worker.answer_call(1, &answer("200", YES)), None, "twice");
}

#[test]
fn what_is_no_token_is_not_asked_about() {
    let mut worker = Worker::new("");
    let longest = "a".repeat(MAX_TOKEN);
    for (token, expected) in [
        ("", "Malformed"),
        ("=", "Malformed"),
        ("a b", "Malformed"),
        ("a&active=true", "Malformed"),
        ("a%26", "Malformed"),
        ("a\r\nx: y", "Malformed"),
        ("\u{e4}", "Malformed"),
        (&format!("{longest}a"), "TooLarge"),
        (&" ".repeat(10_000_000), "TooLarge"),
    ] {
        assert_eq!(worker.ask(token, 1), expected);
    }
    assert_eq!(worker.calls(), 0);
    assert_eq!(worker.ask(&longest, 1), "waiting");
    assert_eq!(worker.ask("a+/~-._==", 1), "waiting");
    assert_eq!(worker.host.calls[1].body, b"token=a%2B%2F%7E-._%3D%3D");
}

#[test]
fn a_clock_that_was_set_back_gives_no_verdict_another_life() {
    let mut worker = Worker::new("");
    assert_eq!(worker.exchange("t", 1, "200", YES), "active a");
    worker.host.now = UnixTime::from_secs(999);
    assert_eq!((worker.ask("t", 1), worker.ask("t", 2)), ("waiting".into(), "waiting".into()));
    assert_eq!(worker.calls(), 2);
}

#[test]
fn neither_token_nor_secret_nor_query_is_logged() {
    let mut worker = Worker::new(r#","client":{"id":"me","secret":"hunter2"}"#);
    let basic = worker.introspection.settings.request.send(b"x", &mut worker.host).map(|_| ());
    assert_eq!(basic, Ok(()));
    let sent =
        worker.host.calls[0].headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    worker.host.calls.clear();
    worker.ask("tokenofsomebody", 1);
    let shown = format!("{:?}", worker.introspection);
    worker.answer_call(1, &answer("500", b"tokenofsomebody"));
    worker.ask("tokenofsomebody", 1);
    worker.host.unreachable = true;
    worker.ask("tokenofsomebodyelse", 2);
    let shown = format!("{shown} {:?} {:?}", worker.introspection, worker.host.log);
    assert!(shown.contains("introspection at https://idp.example/introspect: status 500"), "{shown}");
    for hidden in ["tokenofsomebody", "hunter2", "hidden", sent.trim_start_matches("Basic ")] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
