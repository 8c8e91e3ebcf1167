//! What happens to a request, callback by callback.

mod recording;
mod upkeep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_kit::export::Exporter;
use portcullis_kit::{
    Action, CallId, ConfigError, GrpcAnswer, Headers, Host, HttpAnswer, HttpFilter, LocalReply, LogHost,
    Reads, StreamId, domain, parse_config,
};
use sha2::{Digest, Sha256};

use crate::attributes::Reader;
use crate::body::Captured;
use crate::config::{AuditLogConfig, Mode};
use crate::denial::no_room;
use crate::duplicates::Repeats;
use crate::ledger::{Ledger, Previous, Records, Writers};
use crate::metrics::{Counts, Metrics};
use crate::policy::{Policy, Sink};
use crate::waiting::Waiting;

/// How often it is looked what is due, at least.
const TICK: Duration = Duration::from_secs(1);

/// The filter: records what becomes of requests.
#[derive(Debug)]
pub struct AuditLog {
    policy: Policy,
    /// The SHA-256 of the configuration.
    digest: [u8; 32],
    reader: Reader,
    /// Under which the writers tell each other of their chains. It also tells former instances of this plugin from other plugins in the VM.
    domain: String,
    writers: Writers,
    reported_at: Duration,
    /// `None` before the start. A VM has one thread: nobody ever waits for the lock.
    ledger: Option<Arc<Mutex<Ledger>>>,
    /// What other instances in the VM have left.
    predecessors: Vec<Predecessor>,
    repeats: Option<Repeats>,
    random: fastrand::Rng,
    /// How many requests it has seen that are not over.
    in_flight: u32,
    waiting: Waiting,
    /// How many bytes of bodies are kept.
    held: usize,
    is_stopped: bool,
    metrics: Metrics,
    counts: Counts,
}

/// The ledger of an instance that is no more, and a share in its way to the sink.
#[derive(Debug)]
struct Predecessor {
    ledger: Arc<Mutex<Ledger>>,
    exporter: Exporter<Records>,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    /// Whether it counts as one that is not over.
    is_counted: bool,
    is_reserved: bool,
    has_waited: bool,
    /// What is kept of the bodies of request and response, and how long that may be.
    bodies: Option<Box<[Captured; 2]>>,
    longest: usize,
    held: usize,
}

impl HttpFilter for AuditLog {
    const NAME: &'static str = "audit-log";
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let policy = Policy::try_from(parse_config::<AuditLogConfig>(configuration)?)?;
        Ok(Self {
            repeats: policy.duplicates.map(Repeats::new),
            policy,
            digest: Sha256::digest(configuration).into(),
            reader: Reader::default(),
            domain: String::new(),
            writers: Writers::default(),
            reported_at: Duration::ZERO,
            ledger: None,
            predecessors: Vec::new(),
            random: fastrand::Rng::with_seed(0),
            in_flight: 0,
            waiting: Waiting::default(),
            held: 0,
            is_stopped: false,
            metrics: Metrics::default(),
            counts: Counts::default(),
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        self.domain = domain(self.policy.domain.as_deref(), Self::NAME, host);
        self.writers = Writers::new(&self.domain);
        self.reader = Reader::new(self.policy.states.clone(), host);
        if let Some([a, b, c, d, e, f, g, h, ..]) = host.random() {
            self.random = fastrand::Rng::with_seed(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        }
        self.metrics = Metrics::new(&self.policy.stat_prefix, host);
        let keys = std::mem::take(&mut self.policy.keys);
        let mut ledger = Ledger::new((&self.policy, &keys), self.digest, host);
        if let Some(reason) = self.writers.reason(self.digest, host) {
            ledger.begins_because(reason, Previous::Unknown);
        }
        self.ledger = Some(Arc::new(Mutex::new(ledger)));
    }

    fn tick(&self) -> Duration {
        let delay = match &self.policy.sink {
            Sink::Server(server) => server.0.delay(),
            Sink::Log => TICK,
        };
        let wait = if self.policy.mode == Mode::BoundedBlock { self.policy.wait } else { TICK };
        TICK.min(delay).min(wait)
    }

    fn inherit(&mut self, former: &Self) {
        let is_its = former.domain == self.domain && former.policy.stat_prefix == self.policy.stat_prefix;
        if !is_its || former.is_stopped {
            return;
        }
        let (Some(ours), Some(theirs)) = (&self.ledger, &former.ledger) else { return };
        let mut former_ledger = lock(theirs);
        former_ledger.is_followed_by(ours);
        let previous = former_ledger.precedes(former.in_flight == 0, theirs);
        lock(ours).begins_because("configuration", previous);
        for Predecessor { ledger, exporter } in &former.predecessors {
            // The instance in between goes as well.
            lock(ledger).is_followed_by(ours);
            if !self.follows(ledger) {
                let ledger = Arc::clone(ledger);
                self.predecessors.push(Predecessor { ledger, exporter: exporter.share() });
            }
        }
        if let Some(exporter) = former_ledger.share().filter(|_| !self.follows(theirs)) {
            self.predecessors.push(Predecessor { ledger: Arc::clone(theirs), exporter });
        }
        drop(former_ledger);
        self.tell_what_is_behind();
    }

    fn reads_request(&self) -> bool {
        self.captures() || self.policy.has_arrivals()
    }

    fn on_request_headers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        if !std::mem::replace(&mut stream.is_counted, true) {
            self.in_flight += 1;
            if self.reads_request() {
                self.arrived(stream, request, host);
            }
        }
        match self.policy.mode {
            Mode::BestEffort => {}
            Mode::BoundedBlock | Mode::Required if self.reserve() => stream.is_reserved = true,
            Mode::BoundedBlock => {
                let until = host.monotonic().saturating_add(self.policy.wait);
                if !stream.has_waited && self.waiting.add(id, until) {
                    stream.has_waited = true;
                    self.counts.waited += 1;
                    return Ok(Action::Pause);
                }
            }
            Mode::Required => {
                // It comes again when it is over, and is another one then.
                self.release(stream);
                self.counts.denied += 1;
                return Err(no_room());
            }
        }
        Ok(Action::Continue)
    }

    fn watches(&self, _: &Stream) -> bool {
        true
    }

    fn reads_request_body(&self, stream: &Stream) -> bool {
        stream.bodies.is_some()
    }

    fn on_request_body(&mut self, (_, stream): (StreamId, &mut Stream), piece: &[u8], _: &mut dyn Host) {
        self.keep(stream, 0, piece);
    }

    fn reads_response(&self, _: &Stream) -> Reads {
        Reads::Nothing
    }

    fn reads_body(&self, stream: &Stream) -> bool {
        // Of a response there is no digest.
        stream.bodies.is_some() && stream.longest > 0
    }

    fn on_response_body(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        (piece, _): (&[u8], bool),
        _: &mut dyn Host,
    ) {
        self.keep(stream, 1, piece);
    }

    fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        self.with_exporters(|exporter| exporter.on_http_answer(call, answer, host));
        self.take_waiting(host)
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        self.with_exporters(|exporter| exporter.on_grpc_answer(call, answer, host));
        self.take_waiting(host)
    }

    fn on_log(&mut self, (_, stream): (StreamId, &mut Stream), host: &mut dyn LogHost) {
        self.release(stream);
        self.over(stream, host);
        if self.is_stopped {
            if self.in_flight == 0 {
                self.record_repeats(None, host);
            }
            self.stop_if_done(host);
            self.report(host);
        }
    }

    fn on_end(&mut self, (id, mut stream): (StreamId, Stream), _: &mut dyn Host) {
        self.waiting.remove(id);
        self.held = self.held.saturating_sub(stream.held);
        self.release(&mut stream);
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let now = host.monotonic();
        self.record_repeats(Some(now), host);
        if let Some(ledger) = &self.ledger {
            let mut ledger = lock(ledger);
            ledger.on_tick(host);
            ledger.send_what_is_due(host);
        }
        self.tell_what_is_behind();
        for Predecessor { ledger, exporter } in &self.predecessors {
            let mut ledger = lock(ledger);
            let was_closed = ledger.is_closed();
            ledger.settle(host);
            if ledger.is_closed() && !was_closed {
                self.writers.remove(ledger.uid(), host);
            }
            drop(ledger);
            exporter.send_what_is_due(host);
        }
        if now.saturating_sub(self.reported_at) >= Writers::PERIOD {
            self.reported_at = now;
            self.report_writers(host);
        }
        self.report(host);
        self.predecessors.retain(|it| !(lock(&it.ledger).is_closed() && it.exporter.is_empty()));
        self.take_waiting(host)
    }

    fn on_stop(&mut self, host: &mut dyn Host) {
        self.is_stopped = true;
        self.record_repeats(None, host);
        self.stop_if_done(host);
        let Some(ledger) = &self.ledger else { return };
        let has_successor = lock(ledger).is_followed();
        for Predecessor { ledger, mut exporter } in self.predecessors.drain(..) {
            if !has_successor {
                lock(&ledger).close(host);
                exporter.flush(host);
            }
            exporter.leave();
        }
        lock(ledger).leave(host);
        self.report(host);
    }
}

fn lock(ledger: &Arc<Mutex<Ledger>>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
