//! Workers, a server and a clock in any order: what must hold whatever happens.

use portcullis_kit::testing::TestHost;
use portcullis_kit::{HttpAnswer, UnixTime};
use proptest::prelude::*;

use super::tests::{Worker, answer, last_call};
use super::*;

const LEASE: Duration = Duration::from_secs(7);

#[derive(Clone, Debug)]
enum Step {
    Poll(usize),
    Refetch(usize),
    /// The oldest call is answered.
    Answer(Reply),
    Pass(Duration),
    /// The worker dies, and another takes its place.
    Die(usize),
    Unreachable(bool),
    Conflicts(u32),
    /// The clock is set.
    Set(u64),
    /// Somebody writes over the record, or over the body.
    Garbage(bool, Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Reply {
    New,
    Same,
    NotModified,
    Broken,
    Error,
    Huge,
    Garbage,
}

fn step() -> impl Strategy<Value = Step> {
    let reply = prop::sample::select(vec![
        Reply::New,
        Reply::New,
        Reply::Same,
        Reply::NotModified,
        Reply::Broken,
        Reply::Error,
        Reply::Huge,
        Reply::Garbage,
    ]);
    prop_oneof![
        6 => (0..3_usize).prop_map(Step::Poll),
        2 => (0..3_usize).prop_map(Step::Refetch),
        6 => reply.prop_map(Step::Answer),
        6 => prop_oneof![1..2000_u64, 1000..70_000_u64, 500_000..5_000_000_u64].prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        1 => any::<bool>().prop_map(Step::Unreachable),
    ]
}

fn trouble() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => step(),
        1 => (0..3_usize).prop_map(Step::Die),
        1 => (0..30_u32).prop_map(Step::Conflicts),
        1 => prop_oneof![Just(0), Just(u64::MAX), 0..10_000_000_000_000_u64].prop_map(Step::Set),
        1 => (any::<bool>(), prop::collection::vec(any::<u8>(), 0..90)).prop_map(|(body, bytes)| Step::Garbage(body, bytes)),
    ]
}

struct World {
    host: TestHost,
    workers: Vec<Worker>,
    /// Calls without an answer: who sent them, and whether their lease has run out since.
    open: Vec<(usize, CallId, bool)>,
    /// When each call was sent, by a clock that nobody sets, and whether the one before had no answer by then.
    sent: Vec<(Duration, bool)>,
    /// The same clock.
    elapsed: Duration,
    bodies: u64,
    /// Each body that the server has sent, and when it last said that it is the current one.
    confirmed: Vec<(Vec<u8>, Duration)>,
    failures: u32,
}

impl World {
    fn new() -> Self {
        let workers = (0..3).map(|_| Worker::new()).collect();
        let mut host = TestHost::at(1000);
        host.advance(Duration::from_nanos(987_654_321));
        let (open, sent, confirmed) = (Vec::new(), Vec::new(), Vec::new());
        Self { host, workers, open, sent, elapsed: Duration::ZERO, bodies: 0, confirmed, failures: 0 }
    }

    /// Takes a step; the calls that it makes start only where they may.
    fn take(&mut self, step: &Step) {
        let before = self.host.calls.len();
        let worker = match step {
            Step::Poll(index) => {
                self.workers[*index].poll(&mut self.host);
                *index
            }
            Step::Refetch(index) => {
                self.workers[*index].refetch(&mut self.host);
                *index
            }
            Step::Answer(reply) if !self.open.is_empty() => self.reply(*reply),
            step => {
                self.disturb(step);
                0
            }
        };
        self.expire();
        if self.host.calls.len() == before {
            return;
        }
        assert_eq!(self.host.calls.len(), before + 1);
        assert!(self.open.iter().all(|(_, _, is_over)| *is_over), "two fetches at once: {:?}", self.open);
        self.sent.push((self.elapsed, !self.open.is_empty()));
        self.open = vec![(worker, last_call(&self.host), false)];
    }

    fn disturb(&mut self, step: &Step) {
        match step {
            Step::Pass(time) => {
                self.host.advance(*time);
                self.elapsed += *time;
            }
            Step::Die(index) => self.workers[*index] = Worker::new(),
            Step::Unreachable(unreachable) => self.host.unreachable = *unreachable,
            Step::Conflicts(number) => self.host.conflicts = *number,
            Step::Set(nanoseconds) => self.host.now = UnixTime::from_nanos(*nanoseconds),
            Step::Garbage(is_body, bytes) => {
                let mut entries = self.host.shared.iter_mut();
                if let Some((_, datum)) = entries.find(|(key, _)| key.ends_with("/body") == *is_body) {
                    datum.value.clone_from(bytes);
                }
                // A record that is lost takes its lease with it.
                self.open.iter_mut().for_each(|(_, _, is_over)| *is_over = true);
            }
            _ => {}
        }
    }

    /// Notes which leases have run out, by the clock that the workers see.
    fn expire(&mut self) {
        let Some((.., is_over)) = self.open.first_mut() else { return };
        let record = self.host.shared.iter().find(|(key, _)| !key.ends_with("/body"));
        let record = record.and_then(|(_, datum)| Record::decode(&datum.value));
        *is_over |= record.is_none_or(|record| {
            record.started == record.ended
                || super::super::record::distance(record.started_at, self.host.now) >= LEASE
        });
    }

    /// Answers the oldest call.
    fn reply(&mut self, reply: Reply) -> usize {
        let (worker, call, _) = self.open.remove(0);
        let index = usize::try_from(call.0 / 4).unwrap() - 1;
        let is_conditional = self.host.calls[index].headers.iter().any(|(name, _)| name == "if-none-match");
        let current = format!("ok {}", self.bodies);
        let tag = format!("\"{}\"", self.bodies);
        let answer = match reply {
            Reply::New => {
                self.bodies += 1;
                let (body, tag) = (format!("ok {}", self.bodies), format!("\"{}\"", self.bodies));
                self.confirmed.push((body.clone().into_bytes(), self.elapsed));
                answer("200", &[("etag", &tag)], body.as_bytes())
            }
            Reply::Same if self.bodies > 0 => {
                self.confirm();
                answer("200", &[("etag", &tag)], current.as_bytes())
            }
            Reply::NotModified if is_conditional => {
                // Only the tag of the current body is one that has not been modified.
                let sent = self.host.calls[index].headers.iter().any(|(_, value)| *value == tag);
                if sent {
                    self.confirm();
                    answer("304", &[], b"")
                } else {
                    answer("500", &[], b"")
                }
            }
            Reply::Huge => HttpAnswer { truncated: true, ..answer("200", &[], b"ok huge") },
            Reply::Garbage => answer("200", &[], b"garbage"),
            Reply::Broken => HttpAnswer::default(),
            _ => answer("503", &[], b"ok but no"),
        };
        let is_good = answer.status() == Some(304)
            || answer.body.starts_with(b"ok ") && answer.status() == Some(200) && !answer.truncated;
        self.failures = if is_good { 0 } else { self.failures + 1 };
        self.workers[worker].answered(call, &answer, &mut self.host);
        worker
    }

    fn confirm(&mut self) {
        let elapsed = self.elapsed;
        self.confirmed.last_mut().into_iter().for_each(|(_, time)| *time = elapsed);
    }

    /// The body that a worker uses now, if it uses one.
    fn used(&self, worker: &Worker) -> Option<&(Vec<u8>, Duration)> {
        if !matches!(worker.document.state(self.host.now), State::Fresh | State::Stale) {
            return None;
        }
        let content = worker.content.as_ref().expect("a document that is used was accepted");
        Some(self.confirmed.iter().find(|(body, _)| body == content).expect("the server has sent it"))
    }

    /// The server is well again: after a while so is everybody.
    fn recovers(&mut self) {
        self.host.unreachable = false;
        self.host.conflicts = 0;
        for _ in 0..600 {
            self.take(&Step::Pass(Duration::from_secs(1)));
            for index in 0..3 {
                self.take(&Step::Poll(index));
                self.take(&Step::Answer(Reply::New));
            }
        }
        (0..3).for_each(|index| self.take(&Step::Poll(index)));
        for worker in &self.workers {
            assert_eq!(worker.document.state(self.host.now), State::Fresh, "{:?}", worker.document);
            assert_eq!(worker.content, Some(format!("ok {}", self.bodies).into_bytes()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_fetch_at_a_time_not_too_often_and_nothing_used_too_long(steps in prop::collection::vec(step(), 1..120)) {
        let settings = Settings::example();
        let mut world = World::new();
        for step in &steps {
            let calls = world.sent.len();
            let failures = world.failures;
            world.take(step);
            if let [.., (before, _), (last, is_after_silence)] = world.sent[..]
                && world.sent.len() > calls
            {
                // The time of the lease, the shortest back-off, or the shortest time that anything but a failure asks for.
                let gap = match (is_after_silence, failures) {
                    (true, _) => LEASE,
                    (false, 0) => settings.refetch_interval,
                    (false, _) => settings.retry_base / 2,
                };
                prop_assert!(last - before >= gap, "{before:?} {last:?} {failures}");
            }
            for worker in &world.workers {
                if let Some((_, confirmed)) = world.used(worker) {
                    prop_assert!(world.elapsed - *confirmed < settings.refresh + settings.stale_for);
                }
            }
        }
        world.recovers();
    }

    #[test]
    fn whatever_happens_it_recovers(steps in prop::collection::vec(trouble(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            for worker in &world.workers {
                let _: Option<_> = world.used(worker);
            }
        }
        if world.host.now.as_nanos() > u64::MAX / 2 {
            world.take(&Step::Set(1_000_000_000_000_000));
        }
        world.recovers();
    }

    #[test]
    fn the_number_of_fetches_is_as_configured(polls in prop::collection::vec((0..3_usize, 1..1000_u64, any::<bool>()), 1..600)) {
        let mut world = World::new();
        for (worker, milliseconds, is_refetch) in polls {
            world.take(&Step::Pass(Duration::from_millis(milliseconds)));
            world.take(&if is_refetch { Step::Refetch(worker) } else { Step::Poll(worker) });
            world.take(&Step::Answer(Reply::New));
        }
        // One at the start, and one in each 30 s: what refetch_interval allows.
        prop_assert!(world.sent.len() as u64 <= 1 + world.elapsed.as_secs() / 30, "{} in {:?}", world.sent.len(), world.elapsed);
    }
}
