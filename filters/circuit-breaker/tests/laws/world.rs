//! One breaker and several workers, each of which may be interrupted, be slow, lose its clients or die.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_circuit_breaker::{CircuitBreaker, Stream};
use portcullis_kit::testing::{Race, TestHost};
use portcullis_kit::{Action, Headers, Host, HttpFilter, StreamId};
use proptest::sample::Index;
use serde_json::Value;

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// So many milliseconds pass.
    Time(u64),
    /// A request; right after so many reads of the shared data, and so many milliseconds later, another worker has one.
    Request {
        worker: usize,
        race: Option<(usize, u8, u64)>,
    },
    Tick(usize),
    /// The upstream answers a request, well or not.
    Answer {
        worker: usize,
        which: Index,
        status: u16,
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

/// Requests, and what becomes of them.
pub(crate) struct World {
    config: Value,
    pub(crate) host: TestHost,
    workers: Vec<Worker>,
    last: u32,
}

struct Worker {
    filter: CircuitBreaker,
    open: Vec<(StreamId, Stream)>,
}

impl Worker {
    fn new(config: &Value, host: &mut dyn Host) -> Self {
        let mut filter = CircuitBreaker::configure(config.to_string().as_bytes()).unwrap();
        filter.start(host);
        Self { filter, open: Vec::new() }
    }

    fn request(&mut self, id: StreamId, host: &mut dyn Host) -> bool {
        let mut stream = Stream::default();
        let usual = [(":method", "GET"), (":path", "/"), (":authority", "example.com")];
        let mut request = Headers::from_iter(usual);
        request.is_last = true;
        match self.filter.on_request_headers((id, &mut stream), &mut request, host) {
            Ok(Action::Continue) => {
                self.open.push((id, stream));
                true
            }
            Ok(Action::Pause) => panic!("nobody waits here"),
            Err(reply) => {
                assert_eq!(reply.status, 503);
                false
            }
        }
    }
}

impl World {
    pub(crate) fn new(config: Value, workers: usize) -> Self {
        let mut host = TestHost::at(1_000_000);
        let workers = (0..workers).map(|_| Worker::new(&config, &mut host)).collect();
        Self { config, host, workers, last: 0 }
    }

    pub(crate) fn act(&mut self, act: &Act) {
        match act {
            Act::Time(milliseconds) => self.host.advance(Duration::from_millis(*milliseconds)),
            Act::Request { worker, race } => self.request(*worker, *race),
            Act::Tick(worker) => {
                let worker = worker % self.workers.len();
                self.workers[worker].filter.on_tick(&mut self.host);
            }
            Act::Answer { worker, which, status } => {
                if let Some((worker, id, stream)) = self.take(*worker, which) {
                    self.answer(worker, (id, stream), *status);
                }
            }
            Act::Leave { worker, which } => {
                if let Some((worker, id, stream)) = self.take(*worker, which) {
                    self.workers[worker].filter.on_end((id, stream), &mut self.host);
                }
            }
            Act::Conflicts(count) => self.host.conflicts = *count,
            Act::Die(worker) => {
                let worker = worker % self.workers.len();
                self.workers[worker] = Worker::new(&self.config, &mut self.host);
            }
        }
    }

    /// The request that was sent last fails.
    pub(crate) fn fail_the_last(&mut self) {
        let sent =
            self.workers.iter_mut().enumerate().find_map(|(worker, it)| Some((worker, it.open.pop()?)));
        let (worker, sent) = sent.unwrap();
        self.answer(worker, sent, 503);
    }

    fn answer(&mut self, worker: usize, (id, mut stream): (StreamId, Stream), status: u16) {
        self.host.properties.insert("response.code_details".into(), b"via_upstream".to_vec());
        let mut response: Headers = [(":status", status.to_string())].into_iter().collect();
        response.is_last = true;
        let filter = &mut self.workers[worker].filter;
        filter.on_response_headers((id, &mut stream), &mut response, &mut self.host);
        filter.on_end((id, stream), &mut self.host);
        self.host.properties.clear();
    }

    fn take(&mut self, worker: usize, which: &Index) -> Option<(usize, StreamId, Stream)> {
        let worker = worker % self.workers.len();
        let open = &mut self.workers[worker].open;
        if open.is_empty() {
            return None;
        }
        let (id, stream) = open.remove(which.index(open.len()));
        Some((worker, id, stream))
    }

    fn request(&mut self, worker: usize, race: Option<(usize, u8, u64)>) {
        let count = self.workers.len();
        let worker = worker % count;
        let [id, other_id] = [1, 2].map(|step| StreamId(self.last + step));
        self.last += 2;
        let Some((other, reads, later)) = race.filter(|(other, ..)| other % count != worker) else {
            self.workers[worker].request(id, &mut self.host);
            return;
        };
        let Ok([ours, theirs]) = self.workers.get_disjoint_mut([worker, other % count]) else { return };
        let meanwhile = Box::new(|host: &mut TestHost| {
            host.advance(Duration::from_millis(later));
            theirs.request(other_id, host);
        });
        let mut race = Race { host: &mut self.host, reads, meanwhile: Some(meanwhile) };
        ours.request(id, &mut race);
    }

    /// Whether a request on a worker passes, and is answered well at once.
    pub(crate) fn is_served(&mut self, worker: usize) -> bool {
        self.last += 1;
        let id = StreamId(self.last);
        let passes = self.workers[worker].request(id, &mut self.host);
        if passes {
            let (id, stream) = self.workers[worker].open.pop().unwrap();
            self.answer(worker, (id, stream), 200);
        }
        passes
    }

    pub(crate) fn metrics(&self) -> BTreeMap<&str, u64> {
        let prefix = "portcullis_circuit_breaker_api_";
        let ours =
            self.host.metrics.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, *value)));
        ours.collect()
    }

    /// How the state has changed, as the log has it: from, to.
    pub(crate) fn changes(&self) -> Vec<(String, String)> {
        let lines = self.host.log.iter().filter_map(|line| line.split_once("circuit-breaker: api: "));
        let changes = lines.filter_map(|(_, line)| line.split_once(": ")?.0.split_once(" -> "));
        changes.map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
    }
}
