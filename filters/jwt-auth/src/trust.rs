//! What the tokens of one provider are checked against: its keys and the list of those that are revoked. Some of it is fetched.

use std::time::Duration;

use portcullis_kit::{CallId, Host, HttpAnswer, StreamId, UnixTime};
use serde_json::{Map, Value};

use crate::denial::{Awaited, Denial, Failure};
use crate::introspection::Introspection;
use crate::remote::{Content, Events, FetchedDocument, Keys, Polled, Refetch, RemoteKeys};
use crate::revocation::Revoked;
use crate::token::Token;
use crate::{JwtError, KeySet};

/// What the tokens of one provider are checked against.
#[derive(Debug)]
pub(crate) struct Trust {
    keys: KeySource,
    revoked: Option<Revoked>,
    fetched_list: Option<FetchedList>,
}

/// Where the keys come from.
#[derive(Debug)]
pub(crate) enum KeySource {
    Inline(KeySet),
    Remote(Box<RemoteKeys>),
    /// There are none: an authorization server is asked about each token.
    Asked(Box<Introspection>),
}

/// A revocation list that is fetched.
#[derive(Debug)]
pub(crate) struct FetchedList {
    polled: Polled<Revoked>,
    /// Whether requests pass while there is no list.
    fails_open: bool,
}

/// What has happened to the documents of a provider since somebody looked last.
pub(crate) struct Happened {
    pub(crate) jwks: Events,
    pub(crate) revocation: Events,
}

impl Trust {
    pub(crate) fn new(keys: KeySource, revoked: Option<Revoked>, fetched_list: Option<FetchedList>) -> Self {
        Self { keys, revoked, fetched_list }
    }

    /// The keys, whatever token they are for.
    pub(crate) fn keys(&mut self, host: &mut dyn Host) -> Result<&KeySet, Failure> {
        match &mut self.keys {
            KeySource::Inline(keys) => Ok(keys),
            KeySource::Remote(remote) => usable(remote, host),
            KeySource::Asked(_) => Err(JwtError::KeyNotFound.into()),
        }
    }

    /// The authorization server that is asked instead.
    pub(crate) fn introspection(&mut self) -> Option<&mut Introspection> {
        match &mut self.keys {
            KeySource::Asked(introspection) => Some(introspection),
            _ => None,
        }
    }

    /// The keys for this token: newer ones are asked for where it names one that nobody knows.
    pub(crate) fn keys_for(&mut self, token: &Token, host: &mut dyn Host) -> Result<&KeySet, Failure> {
        if let KeySource::Remote(remote) = &mut self.keys {
            let (kid, algorithm) = (token.key_id.as_deref(), token.algorithm);
            let keys = usable(remote, host)?;
            let (is_known, may_fit) = (keys.knows(kid, algorithm), keys.may_fit(kid, algorithm));
            // Where a key without a name may be the one, nobody waits to find out whether another came.
            if !is_known && remote.refetch(host) == Refetch::UnderWay && !may_fit {
                return Err(Failure::Wait(Awaited::NewerKeys));
            }
        }
        self.keys(host)
    }

    /// A number that changes with the keys, once they are [usable](Self::keys).
    pub(crate) fn generation(&self) -> u64 {
        match &self.keys {
            KeySource::Inline(_) | KeySource::Asked(_) => 0,
            KeySource::Remote(remote) => remote.generation(),
        }
    }

    /// Whether there is a list of revoked tokens.
    pub(crate) fn lists_revoked_tokens(&self) -> bool {
        self.revoked.is_some() || self.fetched_list.is_some()
    }

    /// Whether a token is revoked: one with this payload, signed with the key of these names.
    pub(crate) fn has_revoked(
        &mut self,
        kids: &[String],
        payload: &Map<String, Value>,
        host: &mut dyn Host,
    ) -> Result<bool, Failure> {
        let refuses = |revoked: &Revoked| match kids {
            [] => revoked.refuses(None, payload),
            kids => kids.iter().any(|kid| revoked.refuses(Some(kid), payload)),
        };
        if self.revoked.as_ref().is_some_and(refuses) {
            return Ok(true);
        }
        let Some(list) = &mut self.fetched_list else { return Ok(false) };
        Ok(list.usable(host)?.is_some_and(refuses))
    }

    /// Whether anything is fetched.
    pub(crate) fn is_fetched(&self) -> bool {
        !matches!(self.keys, KeySource::Inline(_)) || self.fetched_list.is_some()
    }

    /// Picks up what other workers have fetched, and fetches what is due.
    pub(crate) fn poll(&mut self, host: &mut dyn Host) {
        if let KeySource::Remote(remote) = &mut self.keys {
            remote.poll(host);
        }
        if let Some(list) = &mut self.fetched_list {
            list.polled.poll(host);
        }
    }

    /// Takes the answer to a call. Whether it was one of these.
    pub(crate) fn on_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> bool {
        if let KeySource::Remote(remote) = &mut self.keys
            && remote.on_answer(call, answer, host)
        {
            return true;
        }
        self.fetched_list.as_mut().is_some_and(|list| list.polled.on_answer(call, answer, host))
    }

    /// Takes the answer about a token: the requests that wait for it. `None` where it is not one.
    pub(crate) fn on_introspected(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        host: &mut dyn Host,
    ) -> Option<Vec<StreamId>> {
        let now = host.now();
        self.introspection()?.on_answer(call, answer, now, host)
    }

    /// A number that changes when an attempt to fetch is over: requests that wait look again.
    pub(crate) fn attempts(&self) -> u64 {
        let keys = self.remote().map_or(0, RemoteKeys::attempts);
        keys.wrapping_add(self.fetched_list.as_ref().map_or(0, |list| list.polled.attempts()))
    }

    /// How long the next [`poll`](Self::poll) can wait.
    pub(crate) fn next_poll(&self, now: UnixTime) -> Option<Duration> {
        let keys = match &self.keys {
            KeySource::Inline(_) => None,
            KeySource::Remote(remote) => Some(remote.next_poll(now)),
            // Nothing is due; what was counted is to be seen.
            KeySource::Asked(_) => Some(Duration::from_secs(1)),
        };
        keys.into_iter().chain(self.fetched_list.as_ref().map(|list| list.polled.next_poll(now))).min()
    }

    /// How long ago the server has confirmed the keys, if they are fetched.
    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        self.remote()?.age(now)
    }

    /// Whether half of the time is over for which fetched keys are used that are no longer fresh.
    pub(crate) fn is_past_half_stale(&self, now: UnixTime) -> bool {
        self.remote().is_some_and(|remote| remote.is_past_half_stale(now))
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Happened {
        let jwks = match &mut self.keys {
            KeySource::Inline(_) | KeySource::Asked(_) => Events::default(),
            KeySource::Remote(remote) => remote.take_events(),
        };
        let revocation = self.fetched_list.as_mut().map(|list| list.polled.take_events());
        Happened { jwks, revocation: revocation.unwrap_or_default() }
    }

    fn remote(&self) -> Option<&RemoteKeys> {
        match &self.keys {
            KeySource::Inline(_) | KeySource::Asked(_) => None,
            KeySource::Remote(remote) => Some(remote),
        }
    }
}

fn usable<'k>(remote: &'k mut RemoteKeys, host: &mut dyn Host) -> Result<&'k KeySet, Failure> {
    let now = host.now();
    if matches!(remote.keys(now), Keys::Pending) {
        remote.poll(host);
    }
    match remote.keys(now) {
        Keys::Usable(keys) => Ok(keys),
        Keys::Pending => Err(Failure::Wait(Awaited::Anything)),
        Keys::Unavailable { retry_after } => Err(unavailable(JwtError::KeysUnavailable, retry_after)),
    }
}

impl FetchedList {
    pub(crate) fn new(fetched: &FetchedDocument, fails_open: bool) -> Self {
        let identity = fetched.uri.identity();
        let mut polled =
            Polled::new("revocation", fetched.settings.clone(), &[&identity], Revoked::from_document);
        polled.set_uri(Some(&fetched.uri));
        Self { polled, fails_open }
    }

    fn usable(&mut self, host: &mut dyn Host) -> Result<Option<&Revoked>, Failure> {
        let now = host.now();
        if matches!(self.polled.content(now), Content::Pending) {
            self.polled.poll(host);
        }
        match self.polled.content(now) {
            Content::Usable(revoked) => Ok(Some(revoked)),
            Content::Pending => Err(Failure::Wait(Awaited::Anything)),
            Content::Unavailable { .. } if self.fails_open => Ok(None),
            Content::Unavailable { retry_after } => {
                Err(unavailable(JwtError::RevocationUnavailable, retry_after))
            }
        }
    }
}

fn unavailable(error: JwtError, retry_after: Duration) -> Failure {
    Failure::Denied(Denial { retry_after: Some(retry_after), ..error.into() })
}
