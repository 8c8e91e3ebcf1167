use std::time::Duration;

use portcullis_kit::json::parse_strict;
use portcullis_kit::{CallId, Host, HttpAnswer, UnixTime};
use serde_json::{Map, Value};

use super::document::{Document, Refetch, State};
use super::events::Events;
use super::metadata::jwks_uri;
use super::settings::{Discovery, RemoteJwks};
use super::uri::Uri;
use crate::{Algorithm, KeySet};

/// The keys of an issuer, kept up to date over the network.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    discovery: Option<Metadata>,
    jwks: Document,
    reader: Reader,
    /// Of the document that was accepted last.
    keys: Option<KeySet>,
}

/// The metadata of the issuer, which lead to its keys.
#[derive(Debug)]
struct Metadata {
    document: Document,
    expected: Discovery,
    jwks_uri: Option<Uri>,
}

/// What makes keys of a document.
#[derive(Debug)]
struct Reader {
    allowed: Option<Vec<Algorithm>>,
    max_keys: usize,
}

/// What there is to verify a token with.
#[derive(Debug)]
pub(crate) enum Keys<'a> {
    /// These keys.
    Usable(&'a KeySet),
    /// Nothing yet: call [`poll`](RemoteKeys::poll), look again, and wait for the attempt that is under way.
    Pending,
    /// Nothing, and no attempt before this time has passed.
    Unavailable {
        /// When the next attempt may start.
        retry_after: Duration,
    },
}

impl RemoteKeys {
    /// The JWK Set behind a URI.
    pub(crate) fn at_uri(remote: &RemoteJwks, allowed: Option<&[Algorithm]>) -> Self {
        let reader = Reader::new(allowed, remote.max_keys);
        let identity = [remote.uri.identity(), reader.identity()];
        let mut jwks =
            Document::new("jwks", remote.settings.clone(), &identity.each_ref().map(String::as_str));
        jwks.set_uri(Some(&remote.uri));
        Self { discovery: None, jwks, reader, keys: None }
    }

    /// The JWK Set that the metadata of an issuer lead to.
    pub(crate) fn discovered(discovery: Discovery, allowed: Option<&[Algorithm]>) -> Self {
        let reader = Reader::new(allowed, discovery.max_keys);
        // What the metadata say can change, and an entry of the shared data stays for ever: it is named after the configuration.
        let jwks_cluster = if discovery.names_jwks_cluster { discovery.jwks.cluster.as_str() } else { "" };
        let (uri, keys) = (discovery.uri.identity(), reader.identity());
        let identity = [&discovery.issuer, uri.as_str(), &discovery.settings.cluster, jwks_cluster];
        let mut document = Document::new("discovery", discovery.settings.clone(), &identity);
        document.set_uri(Some(&discovery.uri));
        let jwks = Document::new("jwks", discovery.jwks.clone(), &[&identity[..], &[&keys]].concat());
        let metadata = Metadata { document, expected: discovery, jwks_uri: None };
        Self { discovery: Some(metadata), jwks, reader, keys: None }
    }

    /// Picks up what other workers have fetched, and fetches what is due. For the tick, and for a request that finds
    /// [`Pending`](Keys::Pending).
    pub(crate) fn poll(&mut self, host: &mut dyn Host) {
        if let Some(metadata) = &mut self.discovery {
            let Metadata { document, expected, jwks_uri: found } = metadata;
            document.poll(host, &mut |bytes| keep(found, jwks_uri(bytes, expected)));
            metadata.lead(&mut self.jwks, host.now());
        }
        let (reader, keys) = (&self.reader, &mut self.keys);
        self.jwks.poll(host, &mut |bytes| keep(keys, reader.read(bytes)));
    }

    /// Takes the answer to a call. Whether it was one for these keys.
    pub(crate) fn on_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> bool {
        if let Some(Metadata { document, expected, jwks_uri: found }) = &mut self.discovery
            && document.on_answer(call, answer, host, &mut |bytes| keep(found, jwks_uri(bytes, expected)))
        {
            // Nobody who waits for keys has to wait for the next tick too.
            self.poll(host);
            return true;
        }
        let (reader, keys) = (&self.reader, &mut self.keys);
        self.jwks.on_answer(call, answer, host, &mut |bytes| keep(keys, reader.read(bytes)))
    }

    /// Asks for newer keys, because a token names one that is not there.
    pub(crate) fn refetch(&mut self, host: &mut dyn Host) -> Refetch {
        let (reader, keys) = (&self.reader, &mut self.keys);
        self.jwks.refetch(host, &mut |bytes| keep(keys, reader.read(bytes)))
    }

    /// What there is to verify a token with now.
    pub(crate) fn keys(&self, now: UnixTime) -> Keys<'_> {
        match (self.jwks.state(now), &self.keys) {
            (State::Fresh | State::Stale, Some(keys)) => Keys::Usable(keys),
            (own, _) => match self.discovery.as_ref().map_or(own, |metadata| metadata.state(now, own)) {
                State::Unavailable { retry_after } => Keys::Unavailable { retry_after },
                _ => Keys::Pending,
            },
        }
    }

    /// A number that changes with the keys: what was verified with others is void.
    pub(crate) const fn generation(&self) -> u64 {
        self.jwks.version()
    }

    /// A number that changes when an attempt of any worker is over: requests that wait look again.
    pub(crate) fn attempts(&self) -> u64 {
        let metadata = self.discovery.as_ref().map_or(0, |metadata| metadata.document.attempts());
        self.jwks.attempts().wrapping_add(metadata)
    }

    /// How long ago the server has confirmed the keys.
    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        self.jwks.age(now)
    }

    /// Whether half of the time is over for which keys are used that are no longer fresh.
    pub(crate) fn is_past_half_stale(&self, now: UnixTime) -> bool {
        self.jwks.is_past_half_stale(now)
    }

    /// How long the next [`poll`](Self::poll) can wait.
    pub(crate) fn next_poll(&self, now: UnixTime) -> Duration {
        let jwks = self.jwks.next_poll(now);
        let Some(metadata) = &self.discovery else { return jwks };
        match metadata.document.state(now) {
            // Keys cannot be fetched without: their own impatience changes nothing.
            State::Unavailable { .. } => metadata.document.next_poll(now),
            _ => jwks.min(metadata.document.next_poll(now)),
        }
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Events {
        let metadata = self.discovery.as_mut().map(|metadata| metadata.document.take_events());
        self.jwks.take_events().plus(&metadata.unwrap_or_default())
    }
}

impl Metadata {
    /// Tells the keys where they are, as long as the metadata may be used.
    fn lead(&self, jwks: &mut Document, now: UnixTime) {
        let is_usable = matches!(self.document.state(now), State::Fresh | State::Stale);
        jwks.set_uri(self.jwks_uri.as_ref().filter(|_| is_usable));
    }

    /// What keeps the keys away: the metadata, where there are none, or else the keys' `own` state.
    fn state(&self, now: UnixTime, own: State) -> State {
        match self.document.state(now) {
            State::Fresh | State::Stale => own,
            missing => missing,
        }
    }
}

impl Reader {
    fn new(allowed: Option<&[Algorithm]>, max_keys: usize) -> Self {
        Self { allowed: allowed.map(<[Algorithm]>::to_vec), max_keys }
    }

    /// What makes it accept what another would not.
    fn identity(&self) -> String {
        let names = self.allowed.iter().flatten().map(|algorithm| algorithm.name());
        format!("{} {}", self.max_keys, names.collect::<Vec<_>>().join(" "))
    }

    fn read(&self, bytes: &[u8]) -> Result<KeySet, String> {
        let document = parse_strict(bytes).map_err(|error| format!("not JSON: {error}"))?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or("no JWK Set: no list of keys")?;
        if keys.len() > self.max_keys {
            return Err(format!("{} keys, more than max_keys, {}", keys.len(), self.max_keys));
        }
        let keys: Option<Vec<Map<String, Value>>> = keys.iter().map(|key| key.as_object().cloned()).collect();
        let keys = keys.ok_or("no JWK Set: a key that is no object")?;
        KeySet::from_jwks(&keys, self.allowed.as_deref()).map_err(|error| error.to_string())
    }
}

/// Keeps what was read, if it could be.
fn keep<T>(place: &mut Option<T>, read: Result<T, String>) -> Result<(), String> {
    *place = Some(read?);
    Ok(())
}

#[cfg(test)]
mod tests;
