//! A filter with a host and a sink.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_audit_chain::verify::Trust;
use portcullis_audit_log::{AuditLog, Stream};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, HeaderMap, Headers, HttpFilter, LocalReply, StreamId};
use serde_json::{Value, json};

use super::NOW;
use super::checks::{assert_intact, is_request};
use super::exchange::{Exchange, Fields};
use super::sink::{Answer, Sink};

/// A worker with the filter, and whoever gets its records. When it goes, everything that the sink has kept has to be intact.
pub(crate) struct Recorder {
    pub(crate) host: TestHost,
    /// Instances of the filter in the VM, each with whether it is still there.
    pub(super) instances: Vec<(AuditLog, bool)>,
    pub(crate) sink: Sink,
    /// By which checkpoints are verified.
    pub(crate) trust: Trust,
    /// Whether what the sink has kept is verified in the end.
    pub(crate) is_verified: bool,
    next: u32,
    /// Requests that wait, and those that have waited and now pass.
    pub(crate) waiting: BTreeMap<StreamId, Flight>,
    pub(crate) woken: Vec<Flight>,
    /// How many lines have been read.
    read: usize,
    pub(super) stat_prefix: String,
    /// What chance gives the next instance.
    pub(super) chance: u8,
}

/// A request that has passed and is not over.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) id: StreamId,
    pub(crate) instance: usize,
    pub(crate) stream: Stream,
    pub(crate) exchange: Exchange,
}

/// What has become of a request at its beginning.
#[derive(Debug)]
pub(crate) enum Begun {
    Passes(Flight),
    Waits(StreamId),
    Denied(LocalReply),
}

/// The filter with this configuration and, where that says nothing of it, a sink that takes JSON lines.
pub(crate) fn recorder(config: Value) -> Recorder {
    recorder_at(config, TestHost::at(NOW))
}

/// Likewise with members in YAML.
pub(crate) fn recorder_with(config: &str) -> Recorder {
    recorder(serde_saphyr::from_str(config).unwrap_or_else(|error| panic!("{config}: {error}")))
}

/// Likewise on this host.
pub(crate) fn recorder_at(config: Value, host: TestHost) -> Recorder {
    let mut recorder = Recorder::worker(0, host);
    recorder.configure(config);
    recorder
}

impl Recorder {
    /// The time between the ticks of the latest instance.
    pub(crate) fn tick(&self) -> Duration {
        self.instances.last().unwrap().0.tick()
    }

    /// The worker of this number, without the filter.
    pub(crate) fn worker(number: u8, mut host: TestHost) -> Self {
        host.properties.insert("plugin_name".into(), b"audit".into());
        Self {
            host,
            instances: Vec::new(),
            sink: Sink::default(),
            trust: Trust::default(),
            is_verified: true,
            next: 1,
            waiting: BTreeMap::new(),
            woken: Vec::new(),
            read: 0,
            stat_prefix: String::new(),
            chance: number << 4,
        }
    }

    /// Plays a request from its beginning to its end, as far as the filter lets it through at once.
    pub(crate) fn record(&mut self, exchange: &Exchange) {
        if let Begun::Passes(flight) = self.begin(exchange) {
            self.finish(flight);
        }
    }

    /// Likewise, so many times.
    pub(crate) fn record_times(&mut self, times: u32, exchange: &Exchange) {
        (0..times).for_each(|_| self.record(exchange));
    }

    /// Plays the beginning of a request that passes.
    pub(crate) fn let_in(&mut self, exchange: &Exchange) -> Flight {
        match self.begin(exchange) {
            Begun::Passes(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    /// Plays a request as far as the filter lets it through. One that is denied is over then.
    pub(crate) fn begin(&mut self, exchange: &Exchange) -> Begun {
        let id = StreamId(self.next);
        self.next += 1;
        let instance = self.instances.len() - 1;
        let flight = Flight { id, instance, stream: Stream::default(), exchange: exchange.clone() };
        self.run(flight)
    }

    pub(super) fn run(&mut self, mut flight: Flight) -> Begun {
        self.set_attributes(&flight.exchange);
        let (filter, _) = &mut self.instances[flight.instance];
        let mut headers = match filter.reads_request() {
            true => headers(flight.exchange.request.as_ref()).unwrap_or_default(),
            false => Headers::default(),
        };
        let stream = (flight.id, &mut flight.stream);
        match filter.on_request_headers(stream, &mut headers, &mut self.host) {
            Ok(Action::Continue) => {
                self.collect(flight.instance);
                Begun::Passes(flight)
            }
            Ok(Action::Pause) => {
                let id = flight.id;
                self.waiting.insert(id, flight);
                Begun::Waits(id)
            }
            Err(reply) => {
                self.collect(flight.instance);
                self.denied(flight, &reply);
                Begun::Denied(reply)
            }
        }
    }

    /// What was kept of it is gone when it comes again.
    fn denied(&mut self, flight: Flight, reply: &LocalReply) {
        let Exchange { request, .. } = flight.exchange;
        let exchange = Exchange { request, ..Exchange::answered(reply.status.into(), reply.code) };
        self.log(flight.id, flight.instance, &exchange, &mut Stream::default());
    }

    /// Plays the rest of a request.
    pub(crate) fn finish(&mut self, flight: Flight) {
        let Flight { id, instance, mut stream, exchange } = flight;
        let (filter, _) = &mut self.instances[instance];
        if filter.reads_request_body(&stream) {
            for piece in &exchange.request_body {
                filter.on_request_body((id, &mut stream), piece, &mut self.host);
            }
        }
        for piece in &exchange.response_body {
            let piece = if filter.reads_body(&stream) { piece.as_slice() } else { &[] };
            filter.on_response_body((id, &mut stream), (piece, false), &mut self.host);
        }
        self.log(id, instance, &exchange, &mut stream);
        self.instances[instance].0.on_end((id, stream), &mut self.host);
        self.collect(instance);
    }

    /// Likewise of all that have waited.
    pub(crate) fn finish_woken(&mut self) -> usize {
        let woken = std::mem::take(&mut self.woken);
        let count = woken.len();
        woken.into_iter().for_each(|flight| self.finish(flight));
        count
    }

    /// Plays the end of a request that the filter has not seen before.
    pub(crate) fn log_only(&mut self, exchange: &Exchange) {
        self.log_only_at(self.instances.len() - 1, exchange);
    }

    /// Likewise of one that has come to this instance.
    pub(crate) fn log_only_at(&mut self, instance: usize, exchange: &Exchange) {
        let id = StreamId(self.next);
        self.next += 1;
        self.log(id, instance, exchange, &mut Stream::default());
    }

    fn log(&mut self, id: StreamId, instance: usize, exchange: &Exchange, stream: &mut Stream) {
        self.set_attributes(exchange);
        for (which, fields) in [
            (HeaderMap::Request, &exchange.request),
            (HeaderMap::Response, &exchange.response),
            (HeaderMap::ResponseTrailers, &exchange.trailers),
        ] {
            self.host.maps.remove(&which);
            if let Some(fields) = fields {
                let fields = fields.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
                self.host.maps.insert(which, fields.collect());
            }
        }
        self.instances[instance].0.on_log((id, stream), &mut self.host);
        self.collect(instance);
    }

    fn set_attributes(&mut self, exchange: &Exchange) {
        let is_lasting = |name: &String| name == "plugin_name" || name.starts_with("xds.node");
        self.host.properties.retain(|name, _| is_lasting(name));
        for (name, value) in &exchange.attributes {
            self.host.properties.insert((*name).to_owned(), value.clone());
        }
    }

    /// Lets the sink take everything, and gives the lines of what it has kept since this was called last.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.settle();
        let lines = self.sink.lines.split_off(self.read);
        self.sink.lines.extend(lines.iter().cloned());
        self.read = self.sink.lines.len();
        lines
    }

    /// Lets the sink take everything. Where there is a checkpoint each second, the last one waits.
    pub(crate) fn settle(&mut self) {
        let mut idle = 0;
        for _ in 0..1000 {
            self.pass(Duration::from_secs(1));
            while self.answer(Answer::Take) > 0 {}
            let waits = self.gauge("queue_bytes");
            idle = if waits < 16 << 10 { idle + 1 } else { 0 };
            if waits == 0 || idle > 130 {
                return;
            }
        }
        panic!("{} bytes wait for ever", self.gauge("queue_bytes"));
    }

    /// Likewise as JSON, and each once: what is sent again is the same.
    pub(crate) fn records(&mut self) -> Vec<Value> {
        let read = self.sink.lines.get(..self.read).unwrap_or_default();
        let mut seen: BTreeSet<_> = read.iter().cloned().collect();
        let mut lines = self.lines();
        lines.retain(|line| seen.insert(line.clone()));
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Likewise those of requests.
    pub(crate) fn requests(&mut self) -> Vec<Value> {
        let mut records = self.records();
        records.retain(is_request);
        records
    }

    /// The record of this one request.
    pub(crate) fn of(&mut self, exchange: &Exchange) -> Value {
        self.record(exchange);
        let [record] = self.requests().try_into().unwrap();
        record
    }

    /// A counter of the filter: `recorded`.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.gauge(&format!("{name}_total"))
    }

    /// A gauge of the filter: `queue_bytes`.
    pub(crate) fn gauge(&self, name: &str) -> u64 {
        self.host.metrics[&format!("portcullis_audit_log_{}{name}", self.stat_prefix)]
    }

    /// What was said in the log at this level.
    pub(crate) fn logged(&self, level: &str) -> Vec<&str> {
        self.host.log.iter().filter_map(|line| line.strip_prefix(level)?.strip_prefix(": ")).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.is_verified && !std::thread::panicking() {
            assert_intact(&self.sink.lines, &self.trust);
        }
    }
}

/// Where records go when nothing is said of it.
pub(crate) fn with_sink(mut config: Value) -> Value {
    let members = config.as_object_mut().unwrap();
    members.entry("sink").or_insert_with(|| json!({"http": {"cluster": "siem", "path": "/ingest"}}));
    config
}

fn headers(fields: Option<&Fields>) -> Option<Headers> {
    Some(fields?.iter().map(|(name, value)| (name, value)).collect())
}
