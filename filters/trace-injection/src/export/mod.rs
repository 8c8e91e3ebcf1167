//! Spans on their way to a collector, by OTLP.
//!
//! A worker has one queue and one batch under way. What a collector that fails has not taken stays, within the bound of the queue, and is
//! sent again; what does not fit is counted.

mod answer;
mod json;
mod resource;
mod settings;

use std::collections::VecDeque;
use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, GrpcAnswer, GrpcCall, Host, HttpAnswer, HttpCall};
use portcullis_proto::trace::{
    ExportTraceServiceRequest, InstrumentationScope, METHOD, Resource, ResourceSpans, SERVICE, ScopeSpans,
    Span,
};
use prost::Message;

use crate::config::Protocol;
pub(crate) use answer::Answer;
pub(crate) use settings::Settings;

/// The conventions that the attributes keep to.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";
/// The longest batch, but for what it begins with: servers of gRPC take 4 MiB.
const MOST_BYTES: usize = 1 << 20;
/// What all spans of a queue may be long.
const MOST_QUEUED: usize = 32 << 20;
/// How much longer than it may take an answer is waited for: Envoy answers itself when the time is over.
const GRACE: Duration = Duration::from_secs(5);
/// For how long a batch is sent again and again.
const PATIENCE: Duration = Duration::from_secs(300);
/// The first pause between two tries; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The exporter of a worker.
#[derive(Debug)]
pub(crate) struct Exporter {
    settings: Settings,
    resource: Resource,
    /// Each with its encoded length.
    queue: VecDeque<(Span, usize)>,
    /// The sum of the lengths.
    queued_bytes: usize,
    /// Since when there is something in the queue.
    waiting_since: Duration,
    /// The batch that is being sent, or waits to be sent again.
    batch: Option<Batch>,
    under_way: Option<Call>,
    /// When the collector may be asked again, and how often it has failed in a row.
    not_before: Duration,
    failures: u32,
    /// How many share it or have done so, and how many of them are still there.
    instances: u32,
    live: u32,
    is_failing: bool,
    /// Whether it has warned of something, which is told once.
    has_warned: bool,
    pub(crate) counts: Counts,
}

/// What has become of spans, until the proxy is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) exported: u32,
    pub(crate) dropped_queue_full: u32,
    /// The collector did not want them.
    pub(crate) dropped_refused: u32,
    /// The collector has failed for too long.
    pub(crate) dropped_failed: u32,
    /// The filter was taken out.
    pub(crate) dropped_stopped: u32,
    pub(crate) retries: u32,
}

/// Spans that are sent together.
#[derive(Debug)]
struct Batch {
    body: Vec<u8>,
    spans: u32,
    /// When it was sent first.
    first: Option<Duration>,
}

/// The call that carries the batch.
#[derive(Debug)]
struct Call {
    id: CallId,
    /// Which of those that share the exporter has made it: it ends with that one.
    instance: u32,
    sent_at: Duration,
}

impl Exporter {
    pub(crate) fn new(settings: Settings, host: &mut dyn Host) -> Self {
        Self {
            resource: resource::resource(&settings, host),
            settings,
            queue: VecDeque::new(),
            queued_bytes: 0,
            waiting_since: Duration::ZERO,
            batch: None,
            under_way: None,
            not_before: Duration::ZERO,
            failures: 0,
            instances: 0,
            live: 0,
            is_failing: false,
            has_warned: false,
            counts: Counts::default(),
        }
    }

    /// Lets another instance of the filter share it; the number is that instance's.
    pub(crate) fn join(&mut self) -> u32 {
        self.live += 1;
        self.instances += 1;
        self.instances
    }

    /// Whether spans of both go the same way.
    pub(crate) fn is_like(&self, other: &Settings) -> bool {
        self.settings == *other
    }

    /// Takes a span, as far as there is room.
    pub(crate) fn enqueue(&mut self, span: Span, host: &mut dyn Host) {
        if self.live == 0 {
            self.counts.dropped_stopped += 1;
            return;
        }
        let size = span.encoded_len();
        let kept = self.queue.len() + self.batch.as_ref().map_or(0, |batch| batch.spans as usize);
        if kept >= self.settings.queue || self.queued_bytes.saturating_add(size) > MOST_QUEUED {
            self.counts.dropped_queue_full += 1;
            return;
        }
        if self.queue.is_empty() {
            self.waiting_since = host.monotonic();
        }
        self.queued_bytes += size;
        self.queue.push_back((span, size));
    }

    /// Whether there is a batch without waiting.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= self.settings.batch
    }

    /// Sends what is due: a batch again, or one that is full or has waited long enough.
    pub(crate) fn send_what_is_due(&mut self, instance: u32, host: &mut dyn Host) {
        let now = host.monotonic();
        let limit = self.settings.timeout.saturating_add(GRACE);
        if self.under_way.take_if(|call| now.saturating_sub(call.sent_at) > limit).is_some() {
            self.settle(Answer::Later { after: None, why: "there is no answer".to_owned() }, host);
        }
        if self.under_way.is_some() || now < self.not_before {
            return;
        }
        if self.batch.is_none() {
            let has_waited = now.saturating_sub(self.waiting_since) >= self.settings.delay;
            if self.queue.is_empty() || !(has_waited || self.is_full()) {
                return;
            }
            self.batch = Some(self.next_batch());
        }
        self.send(instance, host);
    }

    fn next_batch(&mut self) -> Batch {
        let mut size = 0;
        let fits = |(_, length): &&(Span, usize)| {
            size += length;
            size <= MOST_BYTES
        };
        // One alone always goes.
        let count = self.queue.iter().take(self.settings.batch).take_while(fits).count().max(1);
        let taken = self.queue.drain(..count.min(self.queue.len()));
        let mut length = 0;
        let spans: Vec<_> = taken.map(|(span, size)| (length += size, span).1).collect();
        self.queued_bytes = self.queued_bytes.saturating_sub(length);
        let count = u32::try_from(spans.len()).unwrap_or(u32::MAX);
        let scope = InstrumentationScope {
            name: "portcullis".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: SCHEMA.to_owned() }];
        let resource = Some(self.resource.clone());
        let schema_url = SCHEMA.to_owned();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }],
        };
        let body = match self.settings.protocol {
            Protocol::Grpc | Protocol::HttpProtobuf => request.encode_to_vec(),
            Protocol::HttpJson => json::request(&request),
        };
        Batch { body, spans: count, first: None }
    }

    fn send(&mut self, instance: u32, host: &mut dyn Host) {
        let Some(batch) = &mut self.batch else { return };
        let now = host.monotonic();
        self.counts.retries += u32::from(batch.first.is_some());
        batch.first.get_or_insert(now);
        let Settings { cluster, authority, timeout, .. } = &self.settings;
        let sent = match self.settings.protocol {
            Protocol::Grpc => host.grpc_call(&GrpcCall {
                cluster,
                authority,
                service: SERVICE,
                method: METHOD,
                message: &batch.body,
                timeout: *timeout,
            }),
            Protocol::HttpProtobuf | Protocol::HttpJson => host.http_call(&HttpCall {
                cluster,
                method: "POST",
                authority,
                path: &self.settings.path,
                headers: &self.settings.headers(),
                body: &batch.body,
                timeout: *timeout,
            }),
        };
        match sent {
            Ok(id) => self.under_way = Some(Call { id, instance, sent_at: now }),
            Err(error) => self.settle(Answer::Later { after: None, why: error.to_string() }, host),
        }
    }

    /// Takes the answer to a call, if it is ours.
    pub(crate) fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) {
        if let Some(Call { instance, .. }) = self.under_way.take_if(|it| it.id == call) {
            let is_json = self.settings.protocol == Protocol::HttpJson;
            let answer = Answer::of_http(answer, is_json, host.now());
            self.settle(answer, host);
            self.send_what_is_due(instance, host);
        }
    }

    /// Takes the answer to a call, if it is ours.
    pub(crate) fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) {
        if let Some(Call { instance, .. }) = self.under_way.take_if(|it| it.id == call) {
            self.settle(Answer::of_grpc(answer), host);
            self.send_what_is_due(instance, host);
        }
    }

    fn settle(&mut self, answer: Answer, host: &mut dyn Host) {
        let Some(batch) = &self.batch else { return };
        let (spans, first) = (batch.spans, batch.first);
        match answer {
            Answer::Taken { refused, why } => {
                let refused = u32::try_from(refused).unwrap_or(u32::MAX).min(spans);
                self.counts.exported += spans - refused;
                self.counts.dropped_refused += refused;
                self.answered();
                if refused > 0 {
                    self.complain(&format!("has refused {refused} of {spans} spans: {why}"), host);
                } else if !why.is_empty() && !std::mem::replace(&mut self.has_warned, true) {
                    self.log(Level::Warn, &format!("has taken {spans} spans, and says: {why}"), host);
                }
                if refused == 0 && std::mem::take(&mut self.is_failing) {
                    self.log(Level::Info, "answers again", host);
                }
            }
            Answer::Refused { why } => {
                self.counts.dropped_refused += spans;
                self.answered();
                self.complain(&format!("has refused {spans} spans: {why}"), host);
            }
            Answer::Later { after, why } => {
                let now = host.monotonic();
                let doubled = PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
                self.failures = self.failures.saturating_add(1);
                // Who wants to be asked again at once may not know how often that is, and nobody is left alone for ever.
                let pause = with_jitter(doubled, host).max(after.unwrap_or_default().min(PATIENCE));
                self.not_before = now.saturating_add(pause);
                if first.is_some_and(|first| self.not_before.saturating_sub(first) > PATIENCE) {
                    self.counts.dropped_failed += spans;
                    self.batch = None;
                }
                self.complain(&format!("fails: {why}"), host);
            }
        }
    }

    /// The batch is done with, and the collector is there.
    fn answered(&mut self) {
        self.batch = None;
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    /// One line until it answers again.
    fn complain(&mut self, what: &str, host: &mut dyn Host) {
        if !std::mem::replace(&mut self.is_failing, true) {
            self.log(Level::Warn, what, host);
        }
    }

    fn log(&self, level: Level, what: &str, host: &mut dyn Host) {
        host.log(level, &format!("trace-injection: the collector {:?} {what}", self.settings.cluster));
    }

    /// Lets an instance go. Its call ends with it, and what that carried is sent again by another one. After the last one, what is left
    /// is lost.
    pub(crate) fn leave(&mut self, instance: u32) {
        self.live = self.live.saturating_sub(1);
        self.under_way.take_if(|call| call.instance == instance);
        if self.live == 0 {
            let batch = self.batch.take().map_or(0, |batch| batch.spans);
            self.counts.dropped_stopped += batch + u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
            self.queue.clear();
            self.queued_bytes = 0;
        }
    }
}

/// Between half of a pause and all of it: workers that failed together do not come back together.
fn with_jitter(pause: Duration, host: &mut dyn Host) -> Duration {
    let [byte, ..] = host.random().unwrap_or_default();
    pause.mul_f64(0.5 + f64::from(byte) / 512.0)
}
