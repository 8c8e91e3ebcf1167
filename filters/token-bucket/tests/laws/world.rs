//! One limit and several workers, each of which may be interrupted, be slow, lose its clients or die.

use std::collections::BTreeMap;

use portcullis_kit::testing::{Race, TestHost};
use portcullis_kit::{Action, Headers, Host, HttpFilter, StreamId, UnixTime};
use portcullis_token_bucket::{Stream, TokenBucket};
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::common::{Exact, Outcome, filter, host, request, send};
use crate::windows::{Event, Law};

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Time(u64),
    /// A request; right after so many reads of the shared data another worker has one.
    Request {
        worker: usize,
        what: What,
        race: Option<(usize, What, u8)>,
    },
    Tick(usize),
    /// The upstream answers a request, or fails.
    Answer {
        worker: usize,
        which: Index,
        fails: bool,
    },
    /// A client leaves.
    Leave {
        worker: usize,
        which: Index,
    },
    /// So many writes come too late.
    Conflicts(u32),
    /// A worker is gone, and another one there.
    Die(usize),
}

/// A request: whose it is, and how many tokens it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) key: u16,
    pub(crate) cost: u64,
}

/// A limit and what it allows.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) scope: &'static str,
    pub(crate) law: Law,
    pub(crate) lease: Option<u64>,
    /// In milliseconds.
    pub(crate) delay: Option<u64>,
    pub(crate) refunds: bool,
    pub(crate) workers: usize,
    /// How many keys have a bucket at the same time; without, one bucket is for all.
    pub(crate) max_keys: Option<u64>,
    pub(crate) acts: Vec<Act>,
}

impl Case {
    fn config(&self) -> Value {
        let (tokens, nanos) = self.law.rate;
        let mut limit = json!({
            "name": "all",
            "scope": self.scope,
            "rate": format!("{tokens}/{nanos}ns"),
            "burst": self.law.burst,
            "cost_from": {"header": "x-cost", "max": 1_000_000},
        });
        let members = limit.as_object_mut().unwrap();
        if let Some(lease) = self.lease {
            members.insert("lease".into(), lease.into());
        }
        if let Some(delay) = self.delay {
            members.insert("delay".into(), json!({"max": format!("{delay}ms")}));
        }
        if self.refunds {
            members.insert("refund".into(), json!({"statuses": ["5xx"], "unanswered": true}));
        }
        if let Some(keys) = self.max_keys {
            members.insert("key".into(), json!([{"header": "x-key"}]));
            members.insert("max_keys".into(), keys.into());
        }
        json!({"limits": [limit]})
    }
}

/// Requests, and what they have taken.
pub(crate) struct World {
    config: Value,
    law: Law,
    pub(crate) host: TestHost,
    workers: Vec<Worker>,
    pub(crate) events: Vec<Event>,
    last: u32,
    /// What the limit would do by its definition, by key.
    exact: BTreeMap<u16, Exact>,
    /// Whether it has to do the same; otherwise it may deny more.
    is_exact: bool,
    /// How long requests may wait, in nanoseconds.
    patience: u64,
}

struct Worker {
    filter: TokenBucket,
    open: Vec<Open>,
    /// Who has left while others waited behind: what it had taken, when the bucket was to be full then, and until when it would have
    /// waited.
    leavers: Vec<(What, i128, u64)>,
}

struct Open {
    id: StreamId,
    stream: Stream,
    what: What,
    at: u64,
    /// When the tokens are there, while it waits.
    due: Option<u64>,
    /// When the bucket was to be full then.
    full_at: i128,
}

impl Worker {
    fn new(config: &Value, host: &mut TestHost) -> Self {
        Self { filter: filter(config, host), open: Vec::new(), leavers: Vec::new() }
    }

    fn ask(&mut self, id: u32, what: What, host: &mut dyn Host) -> Outcome {
        let (id, mut stream) = (StreamId(id), Stream::default());
        let (key, cost) = (what.key.to_string(), what.cost.to_string());
        let mut headers = request(&[("x-key", &key), ("x-cost", &cost)]);
        let outcome = send(&mut self.filter, (id, &mut stream), &mut headers, host);
        if outcome == Outcome::Waits || self.filter.watches(&stream) {
            self.open.push(Open { id, stream, what, at: host.now().as_nanos(), due: None, full_at: 0 });
        }
        outcome
    }
}

impl World {
    pub(crate) fn new(case: &Case) -> Self {
        let (config, mut host) = (case.config(), host());
        Self {
            workers: (0..case.workers).map(|_| Worker::new(&config, &mut host)).collect(),
            config,
            law: case.law,
            host,
            events: Vec::new(),
            last: 0,
            exact: BTreeMap::new(),
            is_exact: case.scope != "leased" && case.max_keys.is_none(),
            patience: case.delay.unwrap_or_default() * 1_000_000,
        }
    }

    fn now(&self) -> u64 {
        self.host.now.as_nanos()
    }

    fn exact(&mut self, key: u16) -> &mut Exact {
        let Law { rate, burst, .. } = self.law;
        let now = self.now();
        self.exact.entry(key).or_insert_with(|| Exact::new(rate, burst, now))
    }

    /// Notes what became of a request of this worker.
    fn happened(&mut self, worker: usize, (what, outcome, due): (What, Outcome, Option<u64>)) {
        let (now, What { key, cost }) = (self.now(), what);
        if outcome == Outcome::Passed {
            self.events.push(Event { parts: self.parts(cost), at: now });
        }
        let wait = self.exact(key).wait(cost, now);
        let mut due = due.unwrap_or(now);
        if self.is_exact {
            due = now + wait;
            let expected = match wait {
                0 => Outcome::Passed,
                wait if wait <= self.patience => Outcome::Waits,
                _ => Outcome::Denied(429),
            };
            assert_eq!(outcome, expected, "by the definition of the bucket");
        } else if self.patience == 0 && outcome == Outcome::Passed {
            assert_eq!(wait, 0, "by the definition of the bucket it is too early");
        }
        match outcome {
            Outcome::Passed => self.exact(key).spend(cost, now),
            Outcome::Waits => {
                self.exact(key).spend(cost, now);
                let full_at = self.exact(key).full_at(now);
                let open = self.workers[worker].open.last_mut().unwrap();
                (open.due, open.full_at) = (Some(due), full_at);
            }
            Outcome::Denied(status) => assert_eq!(status, 429),
        }
    }

    fn parts(&self, tokens: u64) -> i128 {
        i128::from(tokens) * i128::from(self.law.rate.1)
    }

    fn gave_back(&mut self, What { key, cost }: What, taken_at: u64) {
        let now = self.now();
        let owed = self.exact(key).refund(cost, taken_at, now);
        self.events.push(Event { parts: -owed, at: now });
    }

    pub(crate) fn act(&mut self, act: &Act) {
        let count = self.workers.len();
        match *act {
            Act::Time(nanos) => self.wait(nanos),
            Act::Conflicts(conflicts) => self.host.conflicts = conflicts,
            Act::Request { worker, what, race } => self.request(worker % count, what, race),
            Act::Tick(worker) => self.tick(worker % count),
            Act::Die(worker) => {
                self.workers[worker % count] = Worker::new(&self.config, &mut self.host);
            }
            Act::Answer { worker, which, fails } => self.answer(worker % count, which, fails),
            Act::Leave { worker, which } => self.leave(worker % count, which),
        }
    }

    fn request(&mut self, worker: usize, what: What, race: Option<(usize, What, u8)>) {
        self.last += 2;
        let (id, law) = (self.last, self.law);
        let race = race.map(|(other, what, reads)| (other % self.workers.len(), what, reads));
        let Some((other, others, reads)) = race.filter(|(other, ..)| *other != worker) else {
            let outcome = self.workers[worker].ask(id, what, &mut self.host);
            return self.happened(worker, (what, outcome, due(&self.host, law)));
        };
        let [one, two] = self.workers.get_disjoint_mut([worker, other]).unwrap();
        let mut meanwhile = None;
        let mut host = Race {
            host: &mut self.host,
            reads,
            meanwhile: Some(Box::new(|host: &mut TestHost| {
                meanwhile = Some((others, two.ask(id + 1, others, host), due(host, law)));
            })),
        };
        let outcome = one.ask(id, what, &mut host);
        drop(host);
        if let Some(happened) = meanwhile {
            self.happened(other, happened);
        }
        self.happened(worker, (what, outcome, due(&self.host, law)));
    }

    /// Lets time pass; whoever waits is looked at when its tokens come.
    fn wait(&mut self, nanos: u64) {
        let until = self.now() + nanos;
        let next =
            |worker: (usize, &Worker)| worker.1.open.iter().filter_map(|it| it.due).min().zip(Some(worker.0));
        while let Some((due, worker)) = self.workers.iter().enumerate().filter_map(next).min()
            && due <= until
        {
            // A nanosecond before, nobody is named.
            for now in [due - 1, due] {
                self.host.now = UnixTime::from_nanos(now.max(self.now()));
                self.tick(worker);
            }
        }
        self.host.now = UnixTime::from_nanos(until);
    }

    pub(crate) fn tick(&mut self, worker: usize) {
        let now = self.now();
        let worker = &mut self.workers[worker];
        let named = worker.filter.on_tick(&mut self.host);
        let due: Vec<_> = worker.open.iter().filter(|it| it.due.is_some_and(|due| due <= now)).collect();
        assert!(
            due.len() == named.len() && due.iter().all(|it| named.contains(&it.id)),
            "not too early, not too late"
        );
        for id in named {
            let place = worker.open.iter().position(|it| it.id == id).unwrap();
            let open = &mut worker.open[place];
            let stream = (id, &mut open.stream);
            let action = worker.filter.on_request_headers(stream, &mut Headers::default(), &mut self.host);
            assert_eq!(action, Ok(Action::Continue), "who is named passes");
            let parts = i128::from(open.what.cost) * i128::from(self.law.rate.1);
            self.events.push(Event { parts, at: open.due.take().unwrap() });
            if !worker.filter.watches(&open.stream) {
                worker.open.remove(place);
            }
        }
    }

    /// A request that has passed, taken out of those that are open.
    fn passed(&mut self, worker: usize, which: Index) -> Option<usize> {
        let open = &self.workers[worker].open;
        let passed: Vec<_> = (0..open.len()).filter(|at| open[*at].due.is_none()).collect();
        (!passed.is_empty()).then(|| *which.get(&passed))
    }

    fn answer(&mut self, worker: usize, which: Index, fails: bool) {
        let Some(place) = self.passed(worker, which) else { return };
        let Worker { filter, open, .. } = &mut self.workers[worker];
        let Open { id, mut stream, what, at, .. } = open.remove(place);
        let mut response = Headers::from_iter([(":status", if fails { "503" } else { "200" })]);
        filter.on_response_headers((id, &mut stream), &mut response, &mut self.host);
        filter.on_end((id, stream), &mut self.host);
        if fails {
            self.gave_back(what, at);
        }
    }

    fn leave(&mut self, worker: usize, which: Index) {
        let Worker { filter, open, .. } = &mut self.workers[worker];
        if open.is_empty() {
            return;
        }
        let Open { id, stream, what, at, due, full_at } = open.remove(which.index(open.len()));
        filter.on_end((id, stream), &mut self.host);
        let Some(due) = due else { return self.gave_back(what, at) };
        let now = self.now();
        let mut leavers = std::mem::take(&mut self.workers[worker].leavers);
        let bucket = self.exact(what.key);
        // Where others have come since, they were promised theirs for a time that counts on these.
        if bucket.full_at(now) == full_at {
            bucket.refund(what.cost, now, now);
            let is_next = |bucket: &mut Exact, it: &(What, i128, u64)| {
                it.0.key == what.key && it.1 == bucket.full_at(now)
            };
            while let Some(place) = leavers.iter().position(|it| is_next(bucket, it)) {
                bucket.refund(leavers.remove(place).0.cost, now, now);
            }
        } else {
            leavers.retain(|(.., until)| now < *until);
            leavers.push((what, full_at, due));
        }
        self.workers[worker].leavers = leavers;
    }
}

/// When the tokens of the request that was the last to take some are there, by the bucket in the store.
fn due(host: &TestHost, law: Law) -> Option<u64> {
    let mut entries = host.shared.iter().filter(|(name, _)| !name.ends_with("rates"));
    let (_, entry) = entries.next()?;
    let (nanos, rest) = entry.value.get(20..)?.split_first_chunk::<8>()?;
    let part = i128::from(u32::from_le_bytes(*rest.first_chunk::<4>()?));
    let (tokens, nanos_per) = (i128::from(law.rate.0), i128::from(law.rate.1));
    let full_at = i128::from(u64::from_le_bytes(*nanos)) * tokens + part;
    let due = full_at - i128::from(law.burst) * nanos_per;
    u64::try_from(due.max(0)).ok().map(|due| due.div_ceil(u64::from(law.rate.0)))
}
