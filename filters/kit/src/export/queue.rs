use std::time::Duration;

use log::Level;

use super::answer::Answer;
use super::backoff::Backoff;
use super::batch::{Batch, Call};
use super::counts::{Counts, Loss, Reason};
use super::payload::{Partial, Payload};
use super::settings::{Carrier, Settings};
use super::waiting::Waiting;
use crate::{CallId, GrpcAnswer, GrpcCall, Host, HttpAnswer, HttpCall, UnixTime};

/// How much longer than it may take an answer is waited for: Envoy answers itself when the time is over.
const GRACE: Duration = Duration::from_secs(5);

/// What a worker keeps until it is taken.
#[derive(Debug)]
pub(super) struct Queue<P: Payload> {
    settings: Settings,
    payload: P,
    waiting: Waiting<P::Item>,
    /// Since when there is something that waits.
    waiting_since: Duration,
    /// The batch that is being sent, or waits to be sent again.
    batch: Option<Batch<P::Mark>>,
    under_way: Option<Call>,
    backoff: Backoff,
    /// Whether nothing waits for others any more.
    is_flushing: bool,
    /// Whether bodies are to be compressed, and the host has not failed to.
    compresses: bool,
    /// How many share it or have done so, and how many of them are still there.
    instances: u32,
    live: u32,
    is_failing: bool,
    /// Whether it has warned of something, which is told once.
    has_warned: bool,
    pub(super) counts: Counts,
    pub(super) losses: Vec<Loss<P::Mark>>,
}

impl<P: Payload> Queue<P> {
    pub(super) fn new(settings: Settings, payload: P) -> Self {
        Self {
            compresses: settings.compression,
            settings,
            payload,
            waiting: Waiting::new(),
            waiting_since: Duration::ZERO,
            batch: None,
            under_way: None,
            backoff: Backoff::default(),
            is_flushing: false,
            instances: 0,
            live: 0,
            is_failing: false,
            has_warned: false,
            counts: Counts::default(),
            losses: Vec::new(),
        }
    }

    /// The number of another instance that shares it.
    pub(super) fn join(&mut self) -> u32 {
        self.live += 1;
        self.instances += 1;
        self.instances
    }

    pub(super) fn leave(&mut self, instance: u32) {
        self.live = self.live.saturating_sub(1);
        self.under_way.take_if(|call| call.instance == instance);
        if self.live > 0 {
            return;
        }
        if let Some(batch) = self.batch.take() {
            self.lose(Reason::Stopped, batch.count, batch.count, batch.mark);
        }
        if let Some(taken) = self.waiting.take(usize::MAX, usize::MAX) {
            let (count, mark) = (count(&taken.items), self.payload.mark(&taken.items));
            self.lose(Reason::Stopped, count, count, mark);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.batch.as_ref().map_or(0, |batch| batch.count as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        self.waiting.bytes().saturating_add(self.batch.as_ref().map_or(0, |batch| batch.bytes))
    }

    pub(super) fn oldest(&self) -> Option<UnixTime> {
        let under_way = self.batch.as_ref().map(|batch| batch.since);
        under_way.or_else(|| self.waiting.oldest())
    }

    pub(super) fn has_room(&self, size: usize) -> bool {
        self.len() < self.settings.queue && self.bytes().saturating_add(size) <= self.settings.queue_bytes
    }

    pub(super) fn enqueue(&mut self, item: P::Item, host: &mut dyn Host) -> Result<(), (Reason, P::Item)> {
        if self.live == 0 {
            self.counts.drop(Reason::Stopped, 1);
            return Err((Reason::Stopped, item));
        }
        let size = self.payload.size(&item);
        if !self.has_room(size) {
            self.counts.drop(Reason::QueueFull, 1);
            return Err((Reason::QueueFull, item));
        }
        if self.waiting.is_empty() {
            self.waiting_since = host.monotonic();
        }
        self.waiting.push(item, size, host.now());
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.settings.batch || self.waiting.bytes() >= self.settings.batch_bytes
    }

    pub(super) fn flush(&mut self) {
        if !std::mem::replace(&mut self.is_flushing, true) {
            self.backoff.skip();
        }
    }

    pub(super) fn send_what_is_due(&mut self, instance: u32, host: &mut dyn Host) {
        let now = host.monotonic();
        let limit = self.settings.timeout.saturating_add(GRACE);
        if self.under_way.take_if(|call| now.saturating_sub(call.sent_at) > limit).is_some() {
            self.settle(
                Answer::Later { after: None, why: "there is no answer".to_owned(), objects: false },
                host,
            );
        }
        if self.under_way.is_some() || !self.backoff.is_over(now) {
            return;
        }
        if self.batch.is_none() {
            self.is_flushing &= !self.waiting.is_empty();
            let has_waited = now.saturating_sub(self.waiting_since) >= self.settings.delay;
            if self.waiting.is_empty() || !(self.is_flushing || has_waited || self.is_full()) {
                return;
            }
            self.batch = self.next_batch(host);
        }
        self.send(instance, host);
    }

    fn next_batch(&mut self, host: &mut dyn Host) -> Option<Batch<P::Mark>> {
        let taken = self.waiting.take(self.settings.batch, self.settings.batch_bytes)?;
        let (count, mark) = (count(&taken.items), self.payload.mark(&taken.items));
        let body = self.payload.encode(taken.items);
        let compressed = if self.compresses { self.compressed(&body, host) } else { None };
        Some(Batch {
            is_compressed: compressed.is_some(),
            body: compressed.unwrap_or(body),
            count,
            bytes: taken.bytes,
            since: taken.since,
            mark,
            objections: 0,
            first: None,
        })
    }

    /// The body as zlib, which HTTP calls deflate (RFC 9110 section 8.4.1.2). A host that fails is not asked again.
    fn compressed(&mut self, body: &[u8], host: &mut dyn Host) -> Option<Vec<u8>> {
        match host.foreign("compress", body) {
            Ok(compressed) if !compressed.is_empty() => Some(compressed),
            failed => {
                let why = failed
                    .err()
                    .map_or_else(|| "it gives nothing back".to_owned(), |error| error.to_string());
                self.log(Level::Warn, &format!("gets everything uncompressed: compress: {why}"), host);
                self.compresses = false;
                None
            }
        }
    }

    fn send(&mut self, instance: u32, host: &mut dyn Host) {
        let Some(batch) = &mut self.batch else { return };
        let now = host.monotonic();
        self.counts.retries += u32::from(batch.first.is_some());
        batch.first.get_or_insert(now);
        let Settings { cluster, authority, timeout, path, .. } = &self.settings;
        let (body, timeout) = (&batch.body, *timeout);
        let sent = match self.settings.carrier {
            Carrier::Grpc { service, method } => {
                host.grpc_call(&GrpcCall { cluster, authority, service, method, message: body, timeout })
            }
            Carrier::Http { .. } => {
                let headers = &self.settings.headers(batch.is_compressed);
                host.http_call(&HttpCall { cluster, method: "POST", authority, path, headers, body, timeout })
            }
        };
        match sent {
            Ok(id) => self.under_way = Some(Call { id, instance, sent_at: now }),
            Err(error) => {
                self.settle(Answer::Later { after: None, why: error.to_string(), objects: false }, host);
            }
        }
    }

    /// Whether the answer was to our call.
    pub(super) fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> bool {
        let is_ours = self.under_way.take_if(|it| it.id == call).is_some();
        if is_ours {
            let answer = Answer::of_http(answer, &self.payload, host.now());
            self.settle_unless_it_goes_on(answer, host);
        }
        is_ours
    }

    /// Whether the answer was to our call.
    pub(super) fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> bool {
        let is_ours = self.under_way.take_if(|it| it.id == call).is_some();
        if is_ours {
            let answer = Answer::of_grpc(answer, &self.payload);
            self.settle_unless_it_goes_on(answer, host);
        }
        is_ours
    }

    /// A batch that a server objects to again and again is one that it does not want, whatever it says: others wait behind it.
    fn settle_unless_it_goes_on(&mut self, answer: Answer, host: &mut dyn Host) {
        let most = self.payload.most_objections();
        let answer = match (answer, &mut self.batch) {
            (Answer::Later { after, why, objects: true }, Some(batch)) => {
                batch.objections += 1;
                match batch.objections >= most {
                    true => Answer::Refused { why: format!("{why}, {most} times") },
                    false => Answer::Later { after, why, objects: true },
                }
            }
            (answer, _) => answer,
        };
        self.settle(answer, host);
    }

    fn settle(&mut self, answer: Answer, host: &mut dyn Host) {
        match answer {
            Answer::Taken(partial) => self.taken(partial, host),
            Answer::Refused { why } => {
                let Some(batch) = self.done() else { return };
                self.complain(&format!("has refused {} {}: {why}", batch.count, P::ITEMS), host);
                self.lose(Reason::Refused, batch.count, batch.count, batch.mark);
            }
            Answer::Later { after, why, .. } => {
                let not_before = self.backoff.failed(after, host);
                let is_late = |first: Duration| {
                    self.settings.patience.is_some_and(|patience| not_before.saturating_sub(first) > patience)
                };
                if let Some(batch) = self.batch.take_if(|batch| batch.first.is_some_and(is_late)) {
                    self.lose(Reason::Failed, batch.count, batch.count, batch.mark);
                }
                self.complain(&format!("fails: {why}"), host);
            }
        }
    }

    fn taken(&mut self, Partial { refused, why }: Partial, host: &mut dyn Host) {
        let Some(Batch { count, mark, .. }) = self.done() else { return };
        let refused = refused.min(count);
        self.counts.sent += count - refused;
        if refused > 0 {
            self.counts.partial += 1;
            self.complain(&format!("has refused {refused} of {count} {}: {why}", P::ITEMS), host);
            self.lose(Reason::Refused, refused, count, mark);
            return;
        }
        if !why.is_empty() && !std::mem::replace(&mut self.has_warned, true) {
            self.log(Level::Warn, &format!("has taken {count} {}, and says: {why}", P::ITEMS), host);
        }
        if std::mem::take(&mut self.is_failing) {
            self.log(Level::Info, "answers again", host);
        }
    }

    /// The batch, which is done with; and the server is there.
    fn done(&mut self) -> Option<Batch<P::Mark>> {
        self.backoff.answered();
        self.batch.take()
    }

    fn lose(&mut self, reason: Reason, count: u32, of: u32, mark: Option<P::Mark>) {
        self.counts.drop(reason, count);
        self.losses.extend(mark.map(|mark| Loss { reason, count, of, mark }));
    }

    /// One line until it answers again.
    fn complain(&mut self, what: &str, host: &mut dyn Host) {
        if !std::mem::replace(&mut self.is_failing, true) {
            self.log(Level::Warn, what, host);
        }
    }

    fn log(&self, level: Level, what: &str, host: &mut dyn Host) {
        host.log(level, &format!("{} {:?} {what}", P::WHO, self.settings.cluster));
    }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
