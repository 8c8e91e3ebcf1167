mod answer;
#[cfg(test)]
mod model;
mod need;
mod state;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble;

use std::time::Duration;

use portcullis_kit::{CallId, Host, HttpCall, UnixTime};
use sha2::{Digest, Sha256};

use super::events::{Events, FetchError};
use super::held::Held;
use super::record::Record;
use super::settings::Settings;
use super::store::{Body, Store};
use super::uri::Uri;

use need::Need;
pub(crate) use state::{Refetch, State};

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
}

/// The resource, as the record names it.
fn source(uri: &Uri) -> u64 {
    let digest = Sha256::digest(uri.identity());
    digest.first_chunk::<8>().map_or(1, |first| u64::from_le_bytes(*first))
}
