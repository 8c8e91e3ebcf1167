use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, HttpAnswer};

use super::*;

pub(super) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
    let headers: Headers = [(":status", status)].iter().chain(headers).copied().collect();
    HttpAnswer { headers, body: body.to_vec(), truncated: false }
}

pub(super) fn uri(path: &str) -> Uri {
    Uri::parse(&format!("https://idp.example/{path}")).unwrap()
}

/// One worker and what it made of the document.
pub(super) struct Worker {
    pub(super) document: Document,
    pub(super) content: Option<Vec<u8>>,
}

impl Worker {
    pub(super) fn new() -> Self {
        let mut document = Document::new("jwks", Settings::example(), &["a"]);
        document.set_uri(Some(&uri("jwks")));
        Self { document, content: None }
    }

    /// Runs `act` with an owner who takes what begins with `ok`.
    fn with<T>(&mut self, act: impl FnOnce(&mut Document, &mut Accept<'_>) -> T) -> T {
        let content = &mut self.content;
        act(&mut self.document, &mut |bytes| {
            if !bytes.starts_with(b"ok") {
                return Err("not ok".into());
            }
            *content = Some(bytes.to_vec());
            Ok(())
        })
    }

    pub(super) fn poll(&mut self, host: &mut TestHost) {
        self.with(|document, accept| document.poll(host, accept));
    }

    pub(super) fn answered(&mut self, call: CallId, answer: &HttpAnswer, host: &mut TestHost) -> bool {
        self.with(|document, accept| document.on_answer(call, answer, host, accept))
    }

    pub(super) fn refetch(&mut self, host: &mut TestHost) -> Refetch {
        self.with(|document, accept| document.refetch(host, accept))
    }

    pub(super) fn text(&self) -> &str {
        self.content.as_deref().map_or("", |content| std::str::from_utf8(content).unwrap())
    }
}

pub(super) fn last_call(host: &TestHost) -> CallId {
    CallId(u32::try_from(host.calls.len()).unwrap() * 4)
}

pub(super) fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A worker that has fetched `ok1`.
pub(super) fn fetched(host: &mut TestHost, headers: &[(&str, &str)]) -> Worker {
    let mut worker = Worker::new();
    worker.poll(host);
    assert!(worker.answered(last_call(host), &answer("200", headers, b"ok1"), host));
    worker
}

/// Lets the refresh become due, and starts it.
pub(super) fn refresh(worker: &mut Worker, host: &mut TestHost) -> CallId {
    let calls = host.calls.len();
    host.advance(seconds(600));
    worker.poll(host);
    assert_eq!(host.calls.len(), calls + 1);
    last_call(host)
}

pub(super) fn header<'a>(host: &'a TestHost, name: &str) -> Option<&'a str> {
    let headers = &host.calls.last()?.headers;
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

#[test]
fn one_fetch_serves_all_workers() {
    let mut host = TestHost::at(1000);
    let mut workers = [Worker::new(), Worker::new(), Worker::new()];
    for worker in &mut workers {
        assert_eq!(worker.document.state(host.now), State::Pending);
        worker.poll(&mut host);
        assert_eq!(worker.document.state(host.now), State::Pending);
        assert_eq!(worker.document.next_poll(host.now), WAITING);
    }
    assert_eq!(host.calls.len(), 1);
    let sent = |name| header(&host, name);
    assert_eq!(
        (sent(":method"), sent(":authority"), sent(":path")),
        (Some("GET"), Some("idp.example"), Some("/jwks"))
    );
    assert_eq!(
        (sent("if-none-match"), host.calls[0].cluster.as_str(), host.calls[0].timeout),
        (None, "idp", seconds(5))
    );
    let attempts = workers.each_ref().map(|worker| worker.document.attempts());
    assert!(!workers[1].answered(CallId(4), &answer("200", &[], b"ok"), &mut host));
    assert!(workers[0].answered(CallId(4), &answer("200", &[], b"ok1"), &mut host));
    for (worker, before) in workers.iter_mut().zip(attempts) {
        worker.poll(&mut host);
        assert_eq!((worker.document.state(host.now), worker.text()), (State::Fresh, "ok1"));
        assert_ne!(worker.document.attempts(), before);
        assert_eq!((worker.document.version(), worker.document.next_poll(host.now)), (1, IDLE));
    }
    assert_eq!(host.calls.len(), 1);
    let events = workers[0].document.take_events();
    assert_eq!(
        (events, workers[0].document.take_events()),
        (Events { fetched: 1, ..Events::default() }, Events::default())
    );
}

#[test]
fn a_cold_failure_is_told_at_once_and_tried_again_later() {
    let mut host = TestHost::at(1000);
    let (mut asking, mut other) = (Worker::new(), Worker::new());
    asking.poll(&mut host);
    other.poll(&mut host);
    let before = other.document.attempts();
    host.advance(seconds(1));
    asking.answered(last_call(&host), &answer("500", &[], b"ok"), &mut host);
    other.poll(&mut host);
    assert_ne!(other.document.attempts(), before);
    for worker in [&asking, &other] {
        let State::Unavailable { retry_after } = worker.document.state(host.now) else {
            panic!("{worker:?}", worker = worker.document)
        };
        assert!(retry_after >= Duration::from_millis(500) && retry_after <= seconds(1), "{retry_after:?}");
    }
    host.advance(seconds(1));
    assert_eq!(other.document.state(host.now), State::Pending);
    other.poll(&mut host);
    assert_eq!((host.calls.len(), other.document.state(host.now)), (2, State::Pending));
}

#[test]
fn stale_for_a_time_then_gone_then_back() {
    let mut host = TestHost::at(1000);
    let (mut asking, mut other) = (fetched(&mut host, &[]), Worker::new());
    other.poll(&mut host);
    host.unreachable = true;
    let mut waited = 0;
    while asking.document.state(host.now) != (State::Unavailable { retry_after: seconds(60) })
        && waited < 5000
    {
        host.advance(seconds(1));
        waited += 1;
        asking.poll(&mut host);
        other.poll(&mut host);
        let is_usable =
            |worker: &Worker| matches!(worker.document.state(host.now), State::Fresh | State::Stale);
        assert_eq!((is_usable(&asking), is_usable(&other)), (waited < 4200, waited < 4200), "{waited}");
        assert_eq!(asking.document.is_past_half_stale(host.now), waited >= 2400, "{waited}");
    }
    host.unreachable = false;
    host.advance(seconds(60));
    other.poll(&mut host);
    other.answered(last_call(&host), &answer("200", &[], b"ok2"), &mut host);
    asking.poll(&mut host);
    assert_eq!((asking.document.state(host.now), asking.text()), (State::Fresh, "ok2"));
}

#[test]
fn cache_control_sets_the_time_within_bounds() {
    for (value, least, most) in [
        ("max-age=300", 270, 300),
        ("max-age=1", 60, 60),
        ("no-store", 60, 60),
        ("max-age=31536000", 24 * 3240, 24 * 3600),
        ("public", 540, 600),
    ] {
        let mut host = TestHost::at(1000);
        host.advance(Duration::from_nanos(123_456_789));
        let mut worker = fetched(&mut host, &[("cache-control", value)]);
        let start = host.now;
        host.now = start.saturating_add(seconds(least - 1));
        worker.poll(&mut host);
        assert_eq!(host.calls.len(), 1, "{value}");
        host.now = start.saturating_add(seconds(most));
        worker.poll(&mut host);
        assert_eq!(host.calls.len(), 2, "{value}");
    }
}

#[test]
fn a_document_that_has_not_changed_is_not_sent_again() {
    let mut host = TestHost::at(1000);
    let mut worker = fetched(&mut host, &[("etag", "\"1\""), ("cache-control", "max-age=600")]);
    let mut other = Worker::new();
    other.poll(&mut host);
    // Whoever fetches sends the tag.
    let call = refresh(&mut other, &mut host);
    assert_eq!(header(&host, "if-none-match"), Some("\"1\""));
    other.answered(call, &answer("304", &[], b""), &mut host);
    worker.poll(&mut host);
    for worker in [&mut worker, &mut other] {
        assert_eq!(
            (worker.document.state(host.now), worker.document.age(host.now)),
            (State::Fresh, Some(seconds(0)))
        );
        assert_eq!((worker.document.version(), worker.text()), (1, "ok1"));
    }
    assert_eq!(other.document.take_events(), Events { fetched: 1, not_modified: 1, ..Events::default() });
    let call = refresh(&mut worker, &mut host);
    worker.answered(call, &answer("200", &[("etag", "\"2\"")], b"ok2"), &mut host);
    assert_eq!((worker.document.version(), worker.text()), (2, "ok2"));
    refresh(&mut worker, &mut host);
    assert_eq!(header(&host, "if-none-match"), Some("\"2\""));
}

#[test]
fn the_same_body_again_is_no_new_version() {
    let mut host = TestHost::at(1000);
    let mut worker = fetched(&mut host, &[]);
    let mut other = Worker::new();
    other.poll(&mut host);
    let call = refresh(&mut worker, &mut host);
    worker.answered(call, &answer("200", &[("etag", "\"new\"")], b"ok1"), &mut host);
    other.poll(&mut host);
    assert_eq!((worker.document.version(), other.document.version()), (1, 1));
    assert_eq!(other.document.state(host.now), State::Fresh);
}

#[test]
fn an_unknown_key_is_asked_for_but_not_too_often() {
    let mut host = TestHost::at(1000);
    let (mut one, mut two) = (fetched(&mut host, &[]), Worker::new());
    two.poll(&mut host);
    assert_eq!(one.refetch(&mut host), Refetch::Throttled);
    host.advance(seconds(30));
    assert_eq!(one.refetch(&mut host), Refetch::UnderWay);
    assert_eq!(two.refetch(&mut host), Refetch::UnderWay);
    assert_eq!((host.calls.len(), two.document.next_poll(host.now)), (2, WAITING));
    let before = two.document.attempts();
    one.answered(last_call(&host), &answer("200", &[], b"ok2"), &mut host);
    assert_eq!(two.refetch(&mut host), Refetch::Updated);
    assert_eq!((two.text(), two.document.next_poll(host.now)), ("ok2", IDLE));
    assert_ne!(two.document.attempts(), before);
    for _ in 0..100 {
        assert_eq!(two.refetch(&mut host), Refetch::Throttled);
    }
    assert_eq!((host.calls.len(), two.document.take_events().throttled), (2, 100));
    host.advance(seconds(30));
    assert_eq!(two.refetch(&mut host), Refetch::UnderWay);
    two.answered(last_call(&host), &answer("503", &[], b""), &mut host);
    assert_eq!(two.document.state(host.now), State::Fresh);
    assert_eq!(one.refetch(&mut host), Refetch::Throttled);
}

#[test]
fn another_resource_is_fetched_at_once_and_without_the_tag_of_the_old_one() {
    let mut host = TestHost::at(1000);
    let mut worker = fetched(&mut host, &[("etag", "\"1\"")]);
    host.advance(seconds(10));
    worker.document.set_uri(Some(&uri("moved")));
    worker.poll(&mut host);
    assert_eq!((header(&host, ":path"), header(&host, "if-none-match")), (Some("/moved"), None));
    assert_eq!((worker.document.state(host.now), worker.text()), (State::Fresh, "ok1"));
    worker.answered(last_call(&host), &answer("200", &[], b"ok2"), &mut host);
    worker.document.set_uri(None);
    host.advance(seconds(3000));
    worker.poll(&mut host);
    assert_eq!((host.calls.len(), worker.refetch(&mut host)), (2, Refetch::Throttled));
}
