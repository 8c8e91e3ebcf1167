use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Host, HttpAnswer, UnixTime};

use super::document::{Refetch, State};
use super::events::Events;
use super::metadata::jwks_uri;
use super::polled::{Content, Polled};
use super::settings::{Discovery, RemoteJwks, Settings};
use super::uri::Uri;
use crate::{Algorithm, KeySet, Skipped};

/// The keys of an issuer, kept up to date over the network.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    /// The metadata of the issuer, which lead to its keys.
    metadata: Option<Polled<Uri>>,
    jwks: Polled<JwkSet>,
}

#[derive(Debug)]
struct JwkSet {
    keys: KeySet,
    skipped: Skipped,
}

/// What there is to verify a token with.
pub(crate) type Keys<'a> = Content<'a, KeySet>;

impl RemoteKeys {
    /// The JWK Set behind a URI.
    pub(crate) fn at_uri(remote: &RemoteJwks, allowed: Option<&[Algorithm]>) -> Self {
        let mut jwks = jwk_set(remote.settings.clone(), &[&remote.uri.identity()], allowed, remote.max_keys);
        jwks.set_uri(Some(&remote.uri));
        Self { metadata: None, jwks }
    }

    /// The JWK Set that the metadata of an issuer lead to.
    pub(crate) fn discovered(discovery: Discovery, allowed: Option<&[Algorithm]>) -> Self {
        // What the metadata say can change, and an entry of the shared data stays for ever: it is named after the configuration.
        let jwks_cluster = if discovery.names_jwks_cluster { discovery.jwks.cluster.as_str() } else { "" };
        let uri = discovery.uri.clone();
        let whole = uri.identity();
        let identity = [&discovery.issuer, whole.as_str(), &discovery.settings.cluster, jwks_cluster];
        let jwks = jwk_set(discovery.jwks.clone(), &identity, allowed, discovery.max_keys);
        let (settings, expected) = (discovery.settings.clone(), discovery.clone());
        let mut metadata =
            Polled::new("discovery", settings, &identity, move |bytes| jwks_uri(bytes, &expected));
        metadata.set_uri(Some(&uri));
        Self { metadata: Some(metadata), jwks }
    }

    /// Picks up what other workers have fetched, and fetches what is due. For the tick, and for a request that finds
    /// [`Pending`](Content::Pending).
    pub(crate) fn poll(&mut self, host: &mut dyn Host) {
        if let Some(metadata) = &mut self.metadata {
            metadata.poll(host);
            let is_usable = matches!(metadata.state(host.now()), State::Fresh | State::Stale);
            self.jwks.set_uri(metadata.last().filter(|_| is_usable));
        }
        self.jwks.poll(host);
    }

    /// Takes the answer to a call. Whether it was one for these keys.
    pub(crate) fn on_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> bool {
        if self.metadata.as_mut().is_some_and(|metadata| metadata.on_answer(call, answer, host)) {
            // Nobody who waits for keys has to wait for the next tick too.
            self.poll(host);
            return true;
        }
        let generation = self.generation();
        let is_mine = self.jwks.on_answer(call, answer, host);
        if self.generation() != generation {
            self.tell_skipped(host);
        }
        is_mine
    }

    /// Asks for newer keys, because a token names one that is not there.
    pub(crate) fn refetch(&mut self, host: &mut dyn Host) -> Refetch {
        self.jwks.refetch(host)
    }

    /// What there is to verify a token with now.
    pub(crate) fn keys(&self, now: UnixTime) -> Keys<'_> {
        let jwks = match self.jwks.content(now) {
            Content::Usable(set) => return Content::Usable(&set.keys),
            Content::Pending => Content::Pending,
            Content::Unavailable { retry_after } => Content::Unavailable { retry_after },
        };
        // Without metadata it is they who keep the keys away.
        match self.metadata.as_ref().map(|metadata| metadata.content(now)) {
            Some(Content::Pending) => Content::Pending,
            Some(Content::Unavailable { retry_after }) => Content::Unavailable { retry_after },
            Some(Content::Usable(_)) | None => jwks,
        }
    }

    /// A number that changes with the keys: what was verified with others is void.
    pub(crate) const fn generation(&self) -> u64 {
        self.jwks.generation()
    }

    /// A number that changes when an attempt of any worker is over: requests that wait look again.
    pub(crate) fn attempts(&self) -> u64 {
        self.jwks.attempts().wrapping_add(self.metadata.as_ref().map_or(0, Polled::attempts))
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
        match &self.metadata {
            None => jwks,
            // Keys cannot be fetched without: their own impatience changes nothing.
            Some(metadata) if matches!(metadata.state(now), State::Unavailable { .. }) => {
                metadata.next_poll(now)
            }
            Some(metadata) => jwks.min(metadata.next_poll(now)),
        }
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Events {
        let metadata = self.metadata.as_mut().map(Polled::take_events);
        self.jwks.take_events().plus(&metadata.unwrap_or_default())
    }

    /// Who has fetched the keys tells, for all workers, which of them are no good.
    fn tell_skipped(&self, host: &mut dyn Host) {
        let Some(Skipped { count, problem: Some(problem) }) = self.jwks.last().map(|set| &set.skipped) else {
            return;
        };
        let title = self.jwks.title();
        host.log(
            Level::Warn,
            &format!("{title}: {count} keys left out, the first for this reason: {problem}"),
        );
    }
}

fn jwk_set(
    settings: Settings,
    identity: &[&str],
    allowed: Option<&[Algorithm]>,
    max_keys: usize,
) -> Polled<JwkSet> {
    let names = allowed.iter().copied().flatten().map(|algorithm| algorithm.name());
    let reader = format!("{max_keys} {}", names.collect::<Vec<_>>().join(" "));
    let allowed = allowed.map(<[Algorithm]>::to_vec);
    Polled::new("jwks", settings, &[identity, &[&reader]].concat(), move |bytes| {
        let (keys, skipped) = KeySet::from_document(bytes, allowed.as_deref(), max_keys)?;
        Ok(JwkSet { keys, skipped })
    })
}

#[cfg(test)]
mod tests;
