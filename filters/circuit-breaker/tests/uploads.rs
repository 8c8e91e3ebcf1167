//! Requests that their clients send slowly: a scenario sends all of a body at once.

use std::time::Duration;

use portcullis_circuit_breaker::{CircuitBreaker, Stream};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, HttpFilter, StreamId};
use serde_json::json;

struct Worker {
    filter: CircuitBreaker,
    host: TestHost,
    last: u32,
}

impl Worker {
    fn new() -> Self {
        let config = json!({"breakers": [{
            "name": "api",
            "key": [],
            "min_requests": 1,
            "trip": {"slow_ratio": {"ratio": 0.1, "max_latency": "1s"}, "consecutive_errors": 1},
            "open": {"duration": "1s", "jitter": 0.0},
            "half_open": {"permits": 1, "lease": "10s"},
        }]});
        let mut host = TestHost::at(1_000_000);
        host.properties.insert("response.code_details".into(), b"via_upstream".to_vec());
        let mut filter = CircuitBreaker::configure(config.to_string().as_bytes()).unwrap();
        filter.start(&mut host);
        Self { filter, host, last: 0 }
    }

    /// Sends the headers of a request, with a body still to come; `None` where it does not pass.
    fn begin(&mut self) -> Option<(StreamId, Stream)> {
        self.last += 1;
        let (id, mut stream) = (StreamId(self.last), Stream::default());
        let passes =
            self.filter.on_request_headers((id, &mut stream), &mut Headers::default(), &mut self.host);
        passes.ok().map(|_| (id, stream))
    }

    fn wait(&mut self, seconds: u64) {
        self.host.advance(Duration::from_secs(seconds));
        self.filter.on_tick(&mut self.host);
    }

    fn send_all(&mut self, (id, stream): &mut (StreamId, Stream)) {
        self.filter.on_request_end((*id, stream), &mut self.host);
    }

    fn answer(&mut self, (id, mut stream): (StreamId, Stream), status: &str) {
        let mut response: Headers = [(":status", status)].into_iter().collect();
        response.is_last = true;
        self.filter.on_response_headers((id, &mut stream), &mut response, &mut self.host);
        self.filter.on_end((id, stream), &mut self.host);
    }

    fn metric(&self, name: &str) -> u64 {
        self.host.metrics[&format!("portcullis_circuit_breaker_api_{name}")]
    }
}

#[test]
fn a_slow_client_makes_no_slow_upstream() {
    let mut worker = Worker::new();
    let mut request = worker.begin().unwrap();
    worker.wait(60);
    worker.send_all(&mut request);
    worker.answer(request, "200");
    let left = worker.begin().unwrap();
    worker.wait(60);
    worker.filter.on_end(left, &mut worker.host);
    assert_eq!((worker.metric("calls_slow_total"), worker.metric("opened_total")), (0, 0));
    let mut late = worker.begin().unwrap();
    worker.wait(60);
    worker.send_all(&mut late);
    worker.wait(2);
    assert_eq!(
        (worker.metric("calls_slow_total"), worker.metric("opened_total")),
        (1, 1),
        "now it is the upstream's time"
    );
    worker.answer(late, "200");
    assert_eq!(worker.metric("calls_slow_total"), 1, "counted once");
}

#[test]
fn a_slow_client_does_not_keep_the_permit() {
    let mut worker = Worker::new();
    let failing = worker.begin().unwrap();
    worker.answer(failing, "503");
    worker.wait(1);
    assert!(worker.begin().is_none(), "others come first, for a second");
    worker.wait(1);
    let slow = worker.begin().unwrap();
    assert!(worker.begin().is_none(), "there is one permit");
    worker.wait(1);
    let mut other = worker.begin().unwrap();
    worker.send_all(&mut other);
    worker.answer(other, "200");
    assert_eq!(worker.metric("closed_total"), 1);
    worker.answer(slow, "503");
    assert_eq!(worker.metric("opened_total"), 1, "it says nothing any more");
}
