//! What one writer writes: records in a chain, on their way to the sink.
//!
//! A record gets its number when there is room for it, so the chain has no gaps. What finds no room, or is lost behind it, becomes a record itself.

mod beginning;
mod losses;
mod notices;
mod payload;
mod room;
mod writers;

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use log::Level;
use portcullis_audit_chain::{Chain, Keys, Signer};
use portcullis_kit::export::{self, Exporter};
use portcullis_kit::{Host, node};
use sha2::{Digest, Sha256};

use crate::config::SchemaConfig;
use crate::event::Event;
use crate::policy::{Integrity, Packing, Policy, Sink};
use crate::record::{self, Head, Loss, Node};
use beginning::Beginning;
pub(crate) use beginning::Previous;
use losses::Losses;
pub(crate) use payload::Records;
use payload::{Record, Span};
pub(crate) use writers::{Entry, Writers};

/// What lines of the proxy's log begin with that are records.
const IN_LOG: &str = portcullis_audit_chain::LOG_MARK;

/// A chain of records and the way that they go.
#[derive(Debug)]
pub(crate) struct Ledger {
    schema: SchemaConfig,
    /// The SHA-256 of the configuration.
    config: [u8; 32],
    integrity: Integrity,
    service: String,
    chain: Chain,
    signer: Signer,
    way: Way,
    /// Whether records go to a collector of OpenTelemetry, and whether as JSON.
    otlp: Option<bool>,
    /// What the first record says; `None` once it is written.
    beginning: Option<Beginning>,
    losses: Losses,
    /// How many records there are since the last checkpoint, and when that was.
    unchecked: u64,
    checked_at: Duration,
    is_closed: bool,
    /// How many requests room is kept for.
    reserved: usize,
    /// How many bytes wait of what other instances have left, which take up room as well.
    pub(crate) behind: usize,
    /// Chains of others that are to be told of.
    gone: Vec<Entry>,
    /// Whether no more requests are to be expected.
    is_finished: bool,
    /// The ledger of the instance of the filter that has come in the place of its own.
    successor: Weak<Mutex<Self>>,
    id: Vec<u8>,
    counts: Counts,
}

/// What becomes of records.
#[derive(Debug)]
enum Way {
    Server(Exporter<Records>),
    Log,
}

/// What has been counted, until the proxy is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests.
    pub(crate) recorded: u32,
    /// Records of all kinds.
    pub(crate) queued: u32,
    pub(crate) queue_full: u32,
    pub(crate) closed: u32,
    pub(crate) checkpoints: u32,
    pub(crate) truncated: u32,
    pub(crate) redacted: u32,
}

impl Ledger {
    /// One without records.
    pub(crate) fn new((policy, keys): (&Policy, &Keys), config: [u8; 32], host: &mut dyn Host) -> Self {
        let [id, cluster] = ["id", "cluster"].map(|name| node::property(&[name], host).unwrap_or_default());
        let [pod, namespace] =
            ["NAME", "NAMESPACE"].map(|name| node::property(&["metadata", name], host).unwrap_or_default());
        let uid = host.random().unwrap_or_else(|| unlikely(&id, host));
        let authority = if id.is_empty() { "portcullis".to_owned() } else { id.clone() };
        let chain = Chain::new(uid, policy.integrity.form, authority);
        let (way, otlp) = match &policy.sink {
            Sink::Log => (Way::Log, None),
            Sink::Server(server) => {
                let (settings, packing) = server.as_ref().clone();
                let exporter = Exporter::new(settings, Records::new(&packing, host));
                let otlp = if let Packing::Otlp { is_json, .. } = packing { Some(is_json) } else { None };
                (Way::Server(exporter), otlp)
            }
        };
        let beginning = Beginning {
            node: Node { id, cluster: cluster.clone(), pod, namespace },
            previous: Previous::Unknown,
            reason: "start",
        };
        Self {
            schema: policy.schema,
            config,
            signer: Signer::for_chain(keys, chain.uid()),
            integrity: policy.integrity.clone(),
            service: cluster,
            chain,
            way,
            otlp,
            beginning: Some(beginning),
            losses: Losses::default(),
            unchecked: 0,
            checked_at: Duration::ZERO,
            is_closed: false,
            reserved: 0,
            behind: 0,
            gone: Vec::new(),
            is_finished: false,
            successor: Weak::new(),
            id: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Says why it begins, as long as it has not.
    pub(crate) fn begins_because(&mut self, reason: &'static str, previous: Previous) {
        if let Some(beginning) = &mut self.beginning {
            (beginning.reason, beginning.previous) = (reason, previous);
        }
    }

    /// Which chain comes before one that follows this ledger: its own, or that before it if nothing will be written into it.
    pub(crate) fn precedes(&self, is_done: bool, this: &Arc<Mutex<Self>>) -> Previous {
        match &self.beginning {
            None => Previous::Chain(self.uid().to_owned()),
            Some(beginning) if is_done => beginning.previous.clone(),
            Some(_) => Previous::Of(Arc::clone(this)),
        }
    }

    /// Notes who has come in its place.
    pub(crate) fn is_followed_by(&mut self, successor: &Arc<Mutex<Self>>) {
        self.successor = Arc::downgrade(successor);
    }

    /// Whether anybody has.
    pub(crate) fn is_followed(&self) -> bool {
        self.successor.strong_count() > 0
    }

    /// Where records go that come after the last one of this chain, if there is such a place.
    pub(crate) fn after_the_end(&self) -> Option<Arc<Mutex<Self>>> {
        self.successor.upgrade().filter(|_| self.is_closed)
    }

    /// Which chain it is.
    pub(crate) fn uid(&self) -> &str {
        self.chain.uid()
    }

    /// Likewise, once it has any records.
    pub(crate) fn begun(&self) -> Option<String> {
        (self.chain.sequence() > 0).then(|| self.uid().to_owned())
    }

    /// How far it has come, for the other writers; `None` before its first record and behind its last.
    pub(crate) fn entry(&self, now: u64) -> Option<Entry> {
        let oldest = self.exporter().and_then(Exporter::oldest).map_or(0, |since| since.as_secs());
        let last = self.chain.last().filter(|_| !self.is_closed)?;
        Entry::new(self.uid(), self.config, last, (now, oldest))
    }

    /// The way to the sink, where there is one, for another instance in the VM that goes on sending.
    pub(crate) fn share(&self) -> Option<Exporter<Records>> {
        self.exporter().map(Exporter::share)
    }

    /// The way to the sink, where there is one.
    pub(crate) fn exporter(&self) -> Option<&Exporter<Records>> {
        match &self.way {
            Way::Server(exporter) => Some(exporter),
            Way::Log => None,
        }
    }

    /// Lets the instance go that sends: what it leaves is for those that share its way. Where there is nobody, a last batch is sent whose answer nobody
    /// will hear.
    pub(crate) fn leave(&mut self, host: &mut dyn Host) {
        let has_successor = self.is_followed();
        if let Way::Server(exporter) = &mut self.way {
            if !has_successor {
                exporter.flush(host);
            }
            exporter.leave();
        }
    }

    /// Sends what is due.
    pub(crate) fn send_what_is_due(&self, host: &mut dyn Host) {
        if let Some(exporter) = self.exporter() {
            exporter.send_what_is_due(host);
        }
    }

    /// How many bytes of records wait.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.exporter().map_or(0, Exporter::queued_bytes)
    }

    /// What has been counted since this was called last.
    pub(crate) fn take_counts(&mut self) -> (Counts, export::Counts) {
        let sent = self.exporter().map(Exporter::take_counts).unwrap_or_default();
        (std::mem::take(&mut self.counts), sent)
    }

    /// Records a request; one for which there is no room in full with less of it.
    pub(crate) fn record(&mut self, mut event: Event<'_>, host: &mut dyn Host) {
        let times = (
            event.repeated.map_or(event.start, |it| it.first),
            event.repeated.map_or(event.start, |it| it.last),
        );
        let count = event.repeated.map_or(1, |it| it.count);
        if self.is_closed {
            self.counts.closed += 1;
            return self.losses.add(unnumbered("stopped", count, times));
        }
        self.begin(host);
        self.tell_losses(host);
        let log = self.otlp.map(|_| Box::new(record::otlp::request(&event, host.now().as_nanos())));
        let (mut line, mut place) = self.rendered(|out, head| record::request(out, &event, head));
        if !self.takes(&line, log.as_deref()) && event.further.is_some() {
            event.shorten();
            (line, place) = self.rendered(|out, head| record::request(out, &event, head));
        }
        if !self.takes(&line, log.as_deref()) {
            self.counts.queue_full += 1;
            return self.losses.add(unnumbered("queue_full", count, times));
        }
        self.counts.recorded += 1;
        self.counts.truncated += event.tally.truncated;
        self.counts.redacted += event.tally.redacted;
        let (sequence, previous) = (self.chain.sequence(), self.chain.last().map(|(_, hash)| hash));
        self.chain.seal(&mut line, place);
        let span = Span { first: sequence, last: sequence, since: times.0, until: times.1 };
        self.send(Record { line, span, previous, loss: None, log }, host);
        if self.unchecked >= self.integrity.records {
            self.check_if_there_is_room(host);
        }
    }

    /// Whether the last record is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn rendered(&mut self, render: impl FnOnce(&mut Vec<u8>, Head<'_>) -> usize) -> (Vec<u8>, usize) {
        self.id.clear();
        self.chain.id(&mut self.id);
        let head = Head {
            schema: self.schema,
            form: self.integrity.form,
            service: &self.service,
            id: std::str::from_utf8(&self.id).unwrap_or_default(),
            sequence: self.chain.sequence(),
        };
        let mut line = Vec::with_capacity(1536);
        let place = render(&mut line, head);
        (line, place)
    }

    /// Sends a record, which has its number.
    fn send(&mut self, record: Record, host: &mut dyn Host) {
        self.unchecked += 1;
        self.counts.queued += 1;
        let Way::Server(exporter) = &self.way else { return log_line(&record.line, host) };
        let (Span { first, since, until, .. }, previous) = (record.span, record.previous);
        match exporter.enqueue(record, host) {
            Ok(()) if exporter.is_full() => exporter.send_what_is_due(host),
            Ok(()) => {}
            Err((reason, record)) => {
                let (reason, sequences) = (reason.as_str(), Some((first, first)));
                self.losses.add(Loss {
                    reason,
                    count: 1,
                    first: since,
                    last: until,
                    sequences,
                    previous,
                    told: 0,
                });
                record.loss.into_iter().for_each(|loss| self.losses.add(loss));
            }
        }
    }
}

fn unnumbered(reason: &'static str, count: u64, (first, last): (u64, u64)) -> Loss {
    Loss { reason, count, first, last, sequences: None, previous: None, told: 0 }
}

fn log_line(line: &[u8], host: &mut dyn Host) {
    host.log(Level::Info, &format!("{IN_LOG}{}", String::from_utf8_lossy(line)));
}

/// A number for a chain where the proxy has no randomness: what is known of this proxy and this moment.
fn unlikely(node: &str, host: &mut dyn Host) -> [u8; 16] {
    host.log(
        Level::Warn,
        "audit-log: the proxy has no randomness: the number of the chain comes from its clock",
    );
    let mut digest = Sha256::new();
    digest.update(node);
    digest.update(host.now().as_nanos().to_le_bytes());
    digest.update(host.monotonic().as_nanos().to_le_bytes());
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..]: [u8; 32] = digest.finalize().into();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}
