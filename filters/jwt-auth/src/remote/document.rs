use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Host, HttpAnswer, HttpCall, UnixTime};
use sha2::{Digest, Sha256};

use super::events::{Events, FetchError};
use super::freshness::freshness;
use super::held::Held;
use super::record::Record;
use super::settings::Settings;
use super::store::{Body, Store};
use super::uri::Uri;

/// How often a worker looks whether others have news.
const IDLE: Duration = Duration::from_secs(1);

/// How often while somebody waits for it.
const WAITING: Duration = Duration::from_millis(25);

/// Reads a body and keeps what it says, or leaves everything as it was and says what is wrong with it.
pub(crate) type Accept<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// A document behind a URI, kept up to date by all workers together.
///
/// One worker at a time holds the lease to fetch: who writes the start of an attempt into the shared record sends the request,
/// writes the body, and then the record that names it. The others find it there. This is the view of one worker; what a body
/// means is up to whoever holds the document, who keeps what it made of the last one that it accepted.
#[derive(Debug)]
pub(crate) struct Document {
    /// What it is, for the log.
    name: &'static str,
    settings: Settings,
    store: Store,
    target: Option<Target>,
    /// The record as it was last seen.
    seen: Option<Record>,
    held: Option<Held>,
    /// The body that was accepted last.
    digest: Option<[u8; 32]>,
    /// The generation whose body was not there or not accepted; 0 for none.
    unreadable: u64,
    call: Option<Call>,
    is_wanted: bool,
    attempts: u64,
    version: u64,
    events: Events,
}

#[derive(Clone, Debug)]
struct Target {
    uri: Uri,
    source: u64,
}

/// A request that this worker has sent.
#[derive(Debug)]
struct Call {
    id: CallId,
    attempt: u64,
    source: u64,
    /// The generation whose entity tag was sent.
    known: Option<u64>,
}

/// A good answer.
enum Fetched {
    New(Body),
    /// What this generation has.
    NotModified(u64),
}

/// Whether the document can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The server has confirmed it not long ago.
    Fresh,
    /// It should have been confirmed, and may be used for some time yet.
    Stale,
    /// There is none to use; an attempt is under way or starts at the next [`poll`](Document::poll). Wait.
    Pending,
    /// There is none to use, and no attempt before this time has passed.
    Unavailable {
        /// When the next attempt may start.
        retry_after: Duration,
    },
}

/// What becomes of the wish for a newer document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refetch {
    /// Another worker already had one: look again.
    Updated,
    /// A fetch is under way: wait until [`attempts`](Document::attempts) changes.
    UnderWay,
    /// The last attempt is too recent: do not wait.
    Throttled,
}

impl Document {
    /// The document `name` of a cluster. Workers share it when their `identity` is the same: it has to tell apart whatever makes one
    /// accept a body that another would not.
    pub(crate) fn new(name: &'static str, settings: Settings, identity: &[&str]) -> Self {
        let max_bytes = settings.max_bytes.to_string();
        let store = Store::new(&[&[name, &settings.cluster, &max_bytes], identity].concat());
        Self {
            name,
            settings,
            store,
            target: None,
            seen: None,
            held: None,
            digest: None,
            unreadable: 0,
            call: None,
            is_wanted: false,
            attempts: 0,
            version: 0,
            events: Events::default(),
        }
    }

    /// Says where the document is; `None` stops the fetches. One that came from elsewhere is fetched again, and used until then.
    pub(crate) fn set_uri(&mut self, uri: Option<&Uri>) {
        if self.target.as_ref().map(|target| &target.uri) != uri {
            self.target = uri.map(|uri| Target { uri: uri.clone(), source: source(uri) });
        }
    }

    /// Picks up what other workers have fetched, and fetches what is due. For the tick, and for a request that finds
    /// [`Pending`](State::Pending).
    pub(crate) fn poll(&mut self, host: &mut dyn Host, accept: &mut Accept<'_>) {
        self.observe(host, accept);
        self.start(host, |need, record| need.is_due(record));
    }

    /// Takes the answer to a call. Whether it was a call of this document.
    pub(crate) fn on_answer(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        host: &mut dyn Host,
        accept: &mut Accept<'_>,
    ) -> bool {
        let Some(call) = self.call.take_if(|own| own.id == call) else { return false };
        // Whose lease has run out, and somebody else has taken it, brings an older document than they do.
        let record = self.store.record(host).filter(|record| record.started == call.attempt);
        let Some(record) = record else {
            self.observe(host, accept);
            return true;
        };
        let lifetime = freshness(&answer.headers);
        let outcome = self.fetched(&call, answer).and_then(|fetched| match fetched {
            Fetched::New(body) => self.publish(&call, &record, body, lifetime, host, accept),
            Fetched::NotModified(generation) => {
                self.confirm(&call, generation, lifetime, host);
                Ok(())
            }
        });
        match outcome {
            Ok(()) => self.succeeded(&record, host),
            Err(error) => self.fail(host, &error, |record| record.started == call.attempt),
        }
        true
    }

    /// Asks for a newer document than the one there is, because that lacks something.
    pub(crate) fn refetch(&mut self, host: &mut dyn Host, accept: &mut Accept<'_>) -> Refetch {
        let now = host.now();
        let is_settled =
            |record: &Record| record.started == record.ended && record.is_throttled(now, &self.settings);
        if !self.seen.as_ref().is_some_and(is_settled) {
            let version = self.version;
            self.observe(host, accept);
            if self.version != version {
                return Refetch::Updated;
            }
            self.start(host, |need, record| need.may_refetch(record));
        }
        self.is_wanted = self.seen.is_some_and(|record| record.is_under_way(now, &self.settings));
        if self.is_wanted {
            return Refetch::UnderWay;
        }
        self.events.throttled = self.events.throttled.saturating_add(1);
        Refetch::Throttled
    }

    /// Whether the document can be used now.
    pub(crate) fn state(&self, now: UnixTime) -> State {
        if let Some(held) = self.held.as_ref().filter(|held| held.is_usable(now)) {
            return if held.is_fresh(now) { State::Fresh } else { State::Stale };
        }
        match &self.seen {
            Some(record) if !record.is_under_way(now, &self.settings) => {
                match record.retry_in(now, &self.settings) {
                    Duration::ZERO => State::Pending,
                    retry_after => State::Unavailable { retry_after },
                }
            }
            _ => State::Pending,
        }
    }

    /// How long ago the server has confirmed the document.
    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        self.held.as_ref().map(|held| held.age(now))
    }

    /// Whether half of the time is over for which a document is used that is no longer fresh.
    pub(crate) fn is_past_half_stale(&self, now: UnixTime) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_past_half_stale(now))
    }

    /// A number that changes when an attempt of any worker is over: requests that wait look again.
    pub(crate) const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// A number that changes when another body was accepted.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// How long the next [`poll`](Self::poll) can wait.
    pub(crate) fn next_poll(&self, now: UnixTime) -> Duration {
        match self.state(now) {
            State::Pending => WAITING,
            _ if self.is_wanted => WAITING,
            State::Unavailable { retry_after } => retry_after.clamp(WAITING, IDLE),
            State::Fresh | State::Stale => IDLE,
        }
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Events {
        std::mem::take(&mut self.events)
    }

    /// Reads the record, and what it says is new.
    fn observe(&mut self, host: &mut dyn Host, accept: &mut Accept<'_>) {
        let now = host.now();
        if let Some(held) = &mut self.held {
            held.advance(now);
        }
        let Some(record) = self.store.record(host) else {
            self.seen = None;
            return;
        };
        self.notice(record);
        if record.is_abandoned(now, &self.settings) {
            let settings = self.settings.clone();
            self.fail(host, &FetchError::Abandoned, |record| record.is_abandoned(now, &settings));
        }
        self.pick_up(&record, host, accept);
    }

    fn notice(&mut self, record: Record) {
        if self.seen.is_none_or(|seen| seen.ended != record.ended) {
            self.attempts = self.attempts.wrapping_add(1);
            self.is_wanted = false;
        }
        self.seen = Some(record);
    }

    fn pick_up(&mut self, record: &Record, host: &mut dyn Host, accept: &mut Accept<'_>) {
        let now = host.now();
        if let Some(held) = self.held.as_mut().filter(|held| held.generation == record.generation) {
            held.confirm(record, now, &self.settings);
            return;
        }
        if record.generation == 0 || record.generation == self.unreadable {
            return;
        }
        let body = self.store.body(host, record.generation, self.settings.max_bytes);
        match body.filter(|body| self.accept(body, accept).is_ok()) {
            Some(body) => self.held = Some(Held::new(record, body.etag, now, &self.settings)),
            None => self.unreadable = record.generation,
        }
    }

    /// Hands a body on, unless it is the one that was accepted last.
    fn accept(&mut self, body: &Body, accept: &mut Accept<'_>) -> Result<(), FetchError> {
        let digest: [u8; 32] = Sha256::digest(&body.bytes).into();
        if self.digest == Some(digest) {
            return Ok(());
        }
        accept(&body.bytes).map_err(FetchError::Rejected)?;
        self.digest = Some(digest);
        self.version = self.version.wrapping_add(1);
        Ok(())
    }

    /// Starts an attempt, if the record, when it is written, still asks for it.
    fn start(&mut self, host: &mut dyn Host, asks: fn(&Need<'_>, &Record) -> bool) {
        let Some(target) = self.target.clone() else { return };
        let now = host.now();
        let need = Need {
            settings: &self.settings,
            now,
            source: target.source,
            unreadable: self.unreadable,
            age: self.age(now),
        };
        if !asks(&need, &self.seen.unwrap_or_default()) {
            return;
        }
        match self.store.update(host, |record| asks(&need, &record).then(|| record.begun(now))) {
            Some(record) => {
                self.notice(record);
                self.send(&target, &record, host);
            }
            // Somebody else was faster, with this or with all of the writes.
            None => {
                if let Some(record) = self.store.record(host) {
                    self.notice(record);
                }
            }
        }
    }

    fn send(&mut self, target: &Target, record: &Record, host: &mut dyn Host) {
        let held = self.held.as_ref().filter(|held| {
            held.generation == record.generation
                && record.source == target.source
                && record.generation != self.unreadable
        });
        let etag = held.and_then(|held| Some((held.generation, held.etag.as_deref()?)));
        let mut headers: Vec<(&str, &[u8])> = vec![("accept", b"application/jwk-set+json, application/json")];
        headers.extend(etag.map(|(_, tag)| ("if-none-match", tag)));
        let call = HttpCall {
            cluster: &self.settings.cluster,
            method: "GET",
            authority: &target.uri.authority,
            path: &target.uri.path,
            headers: &headers,
            body: b"",
            timeout: self.settings.timeout,
        };
        let (attempt, source, known) =
            (record.started, target.source, etag.map(|(generation, _)| generation));
        match host.http_call(&call) {
            Ok(id) => self.call = Some(Call { id, attempt, source, known }),
            Err(_) => self.fail(host, &FetchError::Unreachable, |record| record.started == attempt),
        }
    }

    fn fetched(&self, call: &Call, answer: &HttpAnswer) -> Result<Fetched, FetchError> {
        match (answer.status(), call.known) {
            (None, _) => Err(FetchError::Broken),
            (Some(304), Some(generation)) => Ok(Fetched::NotModified(generation)),
            (Some(200), _) if answer.truncated || answer.body.len() > self.settings.max_bytes => {
                Err(FetchError::TooLarge(self.settings.max_bytes))
            }
            (Some(200), _) => Ok(Fetched::New(Body::new(answer.body.clone(), answer.headers.only("etag")))),
            (Some(status), _) => Err(FetchError::Status(status)),
        }
    }

    /// Accepts a body and makes it the current one of all workers.
    fn publish(
        &mut self,
        call: &Call,
        record: &Record,
        body: Body,
        lifetime: Option<Duration>,
        host: &mut dyn Host,
        accept: &mut Accept<'_>,
    ) -> Result<(), FetchError> {
        let before = self.digest;
        self.accept(&body, accept)?;
        let is_held = |held: &Held| held.generation == record.generation && held.etag == body.etag;
        if before == self.digest && record.source == call.source && self.held.as_ref().is_some_and(is_held) {
            self.confirm(call, record.generation, lifetime, host);
            return Ok(());
        }
        let now = host.now();
        self.store.set_body(host, call.attempt, &body);
        let replaced = self.store.update(host, |record| {
            (record.started == call.attempt).then(|| record.replaced(now, lifetime, call.source))
        });
        let Some(record) = replaced else { return Ok(()) };
        self.held = Some(Held::new(&record, body.etag, now, &self.settings));
        self.notice(record);
        Ok(())
    }

    fn confirm(&mut self, call: &Call, generation: u64, lifetime: Option<Duration>, host: &mut dyn Host) {
        let now = host.now();
        let is_same = |record: &Record| record.started == call.attempt && record.generation == generation;
        let confirmed =
            self.store.update(host, |record| is_same(&record).then(|| record.confirmed(now, lifetime)));
        let Some(record) = confirmed else { return };
        if let Some(held) = &mut self.held {
            held.confirm(&record, now, &self.settings);
        }
        self.notice(record);
        self.events.not_modified = self.events.not_modified.saturating_add(1);
    }

    fn succeeded(&mut self, before: &Record, host: &mut dyn Host) {
        self.events.fetched = self.events.fetched.saturating_add(1);
        if before.failures > 0 {
            let failures = before.failures;
            let message = format!("{}: fetched again after {failures} failed attempts", self.title());
            host.log(Level::Info, &message);
        }
    }

    /// Ends an attempt that brought nothing, unless somebody else has ended it.
    fn fail(&mut self, host: &mut dyn Host, error: &FetchError, is_meant: impl Fn(&Record) -> bool) {
        let now = host.now();
        let is_open = |record: &Record| record.started != record.ended && is_meant(record);
        let failed = self.store.update(host, |record| is_open(&record).then(|| record.failed(now)));
        let Some(record) = failed else { return };
        self.notice(record);
        self.events.count_failure(error.reason());
        if record.failures == 1 {
            let message = format!("{}: cannot be fetched: {error}; tried again until it can", self.title());
            host.log(Level::Warn, &message);
        }
    }

    fn title(&self) -> String {
        let uri = self.target.as_ref().map(|target| format!(" {}", target.uri)).unwrap_or_default();
        format!("jwt-auth: {}{uri} of cluster {}", self.name, self.settings.cluster)
    }
}

/// What decides whether an attempt may start.
struct Need<'a> {
    settings: &'a Settings,
    now: UnixTime,
    source: u64,
    unreadable: u64,
    age: Option<Duration>,
}

impl Need<'_> {
    fn is_due(&self, record: &Record) -> bool {
        !record.is_under_way(self.now, self.settings)
            && !record.is_resting(self.now, self.settings)
            && (record.failures > 0
                || record.generation == 0
                || record.generation == self.unreadable
                || record.source != self.source
                || record.is_from_the_future(self.now)
                || self.age.is_some_and(|age| age >= record.refresh_after(self.settings)))
    }

    fn may_refetch(&self, record: &Record) -> bool {
        !record.is_under_way(self.now, self.settings) && !record.is_throttled(self.now, self.settings)
    }
}

/// The resource, as the record names it.
fn source(uri: &Uri) -> u64 {
    let digest = Sha256::digest(uri.identity());
    digest.first_chunk::<8>().map_or(1, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
