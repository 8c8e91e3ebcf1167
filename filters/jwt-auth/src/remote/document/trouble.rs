//! What goes wrong, and what must not go wrong with it.

use portcullis_kit::testing::TestHost;
use portcullis_kit::{HttpAnswer, UnixTime};

use super::tests::{Worker, answer, fetched, last_call, refresh, seconds};
use super::*;
use crate::remote::events::Reason;

const GRACE: Duration = Duration::from_secs(2);

#[test]
fn a_call_that_never_leaves_is_a_failure() {
    let mut host = TestHost::at(1000);
    host.unreachable = true;
    let mut worker = Worker::new();
    worker.poll(&mut host);
    assert!(matches!(worker.document.state(host.now), State::Unavailable { .. }));
    assert_eq!(worker.document.take_events().failed(Reason::Unreachable), 1);
    assert_eq!(worker.refetch(&mut host), Refetch::Throttled);
    host.unreachable = false;
    host.advance(seconds(1));
    worker.poll(&mut host);
    assert_eq!(host.calls.len(), 1);
}

#[test]
fn what_is_no_good_answer_is_a_failure_and_the_last_document_stays() {
    let large = vec![b'o'; Settings::example().max_bytes + 1];
    let truncated = HttpAnswer { truncated: true, ..answer("200", &[], b"ok2") };
    for (bad, reason) in [
        (HttpAnswer::default(), Reason::Broken),
        (answer("404", &[], b"ok2"), Reason::Status),
        (answer("304", &[], b""), Reason::Status),
        (answer("302", &[("location", "https://evil/")], b"ok2"), Reason::Status),
        (answer("x", &[], b"ok2"), Reason::Broken),
        (answer("200", &[], &large), Reason::TooLarge),
        (truncated, Reason::TooLarge),
        (answer("200", &[], b"no"), Reason::Rejected),
        (answer("200", &[], b""), Reason::Rejected),
    ] {
        let mut host = TestHost::at(1000);
        let mut worker = fetched(&mut host, &[]);
        worker.document.take_events();
        let call = refresh(&mut worker, &mut host);
        worker.answered(call, &bad, &mut host);
        let events = worker.document.take_events();
        assert_eq!((events.failed(reason), events.fetched), (1, 0), "{reason:?}");
        assert_eq!((worker.document.state(host.now), worker.text()), (State::Stale, "ok1"), "{reason:?}");
        assert_eq!(worker.document.version(), 1);
    }
}

#[test]
fn trouble_is_logged_when_it_begins_and_when_it_ends() {
    let mut host = TestHost::at(1000);
    let mut worker = Worker::new();
    for _ in 0..5 {
        worker.poll(&mut host);
        worker.answered(last_call(&host), &answer("200", &[], b"secret"), &mut host);
        host.advance(seconds(60));
    }
    worker.poll(&mut host);
    worker.answered(last_call(&host), &answer("200", &[], b"ok"), &mut host);
    assert_eq!(
        host.log,
        [
            "WARN: jwt-auth: jwks https://idp.example/jwks of cluster idp: cannot be fetched: not ok; tried again until it can",
            "INFO: jwt-auth: jwks https://idp.example/jwks of cluster idp: fetched again after 5 failed attempts",
        ]
    );
}

#[test]
fn the_lease_of_a_dead_worker_ends() {
    let mut host = TestHost::at(1000);
    let mut alive = Worker::new();
    Worker::new().poll(&mut host);
    host.advance(Settings::example().timeout + GRACE - seconds(1));
    alive.poll(&mut host);
    assert_eq!((host.calls.len(), alive.document.state(host.now)), (1, State::Pending));
    host.advance(seconds(1));
    alive.poll(&mut host);
    assert!(matches!(alive.document.state(host.now), State::Unavailable { .. }));
    assert_eq!(alive.document.take_events().failed(Reason::Abandoned), 1);
    host.advance(seconds(1));
    alive.poll(&mut host);
    assert_eq!(host.calls.len(), 2);
}

#[test]
fn an_answer_that_comes_too_late_counts_only_if_nobody_else_has_asked() {
    for other_asks in [false, true] {
        let mut host = TestHost::at(1000);
        let (mut slow, mut other) = (Worker::new(), Worker::new());
        slow.poll(&mut host);
        let call = last_call(&host);
        host.advance(seconds(8));
        other.poll(&mut host);
        if other_asks {
            host.advance(seconds(1));
            other.poll(&mut host);
            other.answered(last_call(&host), &answer("200", &[], b"ok new"), &mut host);
        }
        assert!(slow.answered(call, &answer("200", &[], b"ok old"), &mut host));
        other.poll(&mut host);
        let expected = if other_asks { "ok new" } else { "ok old" };
        assert_eq!((slow.text(), other.text()), (expected, expected));
    }
}

#[test]
fn garbage_in_the_store_is_replaced() {
    for value in [&b""[..], b"garbage", b"PtcDoc\x00\x01", &[0xff; 80]] {
        for key in ["", "/body"] {
            let mut host = TestHost::at(1000);
            let (mut one, mut two) = (fetched(&mut host, &[]), Worker::new());
            host.advance(seconds(1));
            let name = host.shared.keys().next().unwrap().clone() + key;
            host.shared.get_mut(&name).unwrap().value = value.to_vec();
            two.poll(&mut host);
            host.advance(seconds(1));
            two.poll(&mut host);
            assert_eq!((host.calls.len(), two.document.state(host.now)), (2, State::Pending), "{name}");
            one.poll(&mut host);
            assert_eq!((one.document.state(host.now), one.text()), (State::Fresh, "ok1"));
            two.answered(last_call(&host), &answer("200", &[], b"ok2"), &mut host);
            one.poll(&mut host);
            assert_eq!((one.text(), two.text(), host.calls.len()), ("ok2", "ok2", 2), "{name}");
        }
    }
}

#[test]
fn what_another_plugin_writes_as_body_is_not_taken() {
    let mut host = TestHost::at(1000);
    let mut one = fetched(&mut host, &[]);
    let (key, datum) = host.shared.iter().find(|(key, _)| key.ends_with("/body")).unwrap();
    let forged = [datum.value.strip_suffix(b"ok1").unwrap(), b"evil"].concat();
    let key = key.clone();
    host.shared.get_mut(&key).unwrap().value = forged;
    let mut two = Worker::new();
    two.poll(&mut host);
    assert_eq!((two.document.state(host.now), two.text()), (State::Pending, ""));
    one.poll(&mut host);
    assert_eq!(one.text(), "ok1");
}

#[test]
fn who_loses_the_race_for_the_lease_does_not_fetch() {
    let mut host = TestHost::at(1000);
    let mut winner = TestHost::at(1000);
    Worker::new().poll(&mut winner);
    let (key, datum) = winner.shared.first_key_value().unwrap();
    // The winner's record comes between the read and the write of the loser, at each of its first reads.
    for reads_before in 0..3 {
        let mut loser = Worker::new();
        host.shared.clear();
        host.meanwhile = (0..reads_before).map(|_| ("unrelated".to_owned(), Vec::new())).collect();
        host.meanwhile.push_back((key.clone(), datum.value.clone()));
        loser.poll(&mut host);
        let expected = usize::from(reads_before > 1);
        assert_eq!(host.calls.len(), expected, "{reads_before}");
        assert_eq!(loser.document.state(host.now), State::Pending);
        if expected == 0 {
            assert_eq!(host.shared.get(key).map(|found| &found.value), Some(&datum.value));
        }
    }
}

#[test]
fn conflicts_delay_and_do_not_break() {
    let mut host = TestHost::at(1000);
    let mut worker = fetched(&mut host, &[]);
    let call = refresh(&mut worker, &mut host);
    host.conflicts = 1000;
    worker.answered(call, &answer("200", &[], b"ok2"), &mut host);
    assert_eq!((worker.document.state(host.now), worker.text()), (State::Stale, "ok2"));
    host.conflicts = 0;
    for _ in 0..60 {
        host.advance(seconds(1));
        worker.poll(&mut host);
        if host.calls.len() == 3 {
            worker.answered(last_call(&host), &answer("200", &[], b"ok3"), &mut host);
        }
    }
    assert_eq!((worker.document.state(host.now), worker.text(), host.calls.len()), (State::Fresh, "ok3", 3));
}

#[test]
fn without_shared_data_each_worker_fetches_for_itself() {
    let mut host = TestHost::at(1000);
    host.storeless = true;
    let mut workers = [Worker::new(), Worker::new()];
    for worker in &mut workers {
        worker.poll(&mut host);
        worker.answered(last_call(&host), &answer("200", &[], b"ok1"), &mut host);
        worker.poll(&mut host);
        assert_eq!((worker.document.state(host.now), worker.text()), (State::Fresh, "ok1"));
        assert_eq!(worker.refetch(&mut host), Refetch::Throttled);
    }
    assert_eq!(host.calls.len(), 2);
    for worker in &mut workers {
        let call = refresh(worker, &mut host);
        worker.answered(call, &answer("200", &[], b"ok2"), &mut host);
        assert_eq!(worker.text(), "ok2");
        host.now = UnixTime::from_secs(1000);
    }
}

#[test]
fn a_clock_that_is_set_back_locks_nothing() {
    let mut host = TestHost::at(1_000_000);
    let mut old = fetched(&mut host, &[]);
    host.now = UnixTime::from_secs(1000);
    let mut new = Worker::new();
    new.poll(&mut host);
    assert_eq!((host.calls.len(), new.text()), (2, "ok1"));
    new.answered(last_call(&host), &answer("200", &[], b"ok2"), &mut host);
    old.poll(&mut host);
    assert_eq!((old.text(), old.document.age(host.now)), ("ok2", Some(seconds(0))));
}
