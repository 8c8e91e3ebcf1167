//! Tokens that only their issuer can read, or that it may revoke: the authorization server is asked (RFC 7662).
//!
//! Requests with the same token share one call and wait for it; what the server said is remembered for a bounded time, never past
//! the token's `exp`. A server that fails is spared for a while ([`Circuit`]); who may pass then is up to the configuration. Answers
//! in the form of a JWT (RFC 9701) are not understood, and count as failures.

mod answer;
mod config;
mod request;
mod secret;
#[cfg(test)]
mod tests;
mod verdicts;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Circuit, ConfigError, Host, HttpAnswer, StreamId, UnixTime};

use crate::claims::Claims;
use crate::{JwtError, MAX_TOKEN};
use answer::{Failure, Verdict};
use config::Settings;
pub(crate) use config::{FailureMode, IntrospectionConfig};
use request::is_b64token;
pub(crate) use secret::Secret;
use verdicts::Verdicts;

/// For how long a token whose call has failed is not asked about again, and the least that a client is told to wait.
const FAILED: Duration = Duration::from_secs(1);

/// What one authorization server says of tokens, as one worker knows it.
pub(crate) struct Introspection {
    settings: Settings,
    /// The calls under way, by token.
    calls: BTreeMap<Box<[u8]>, Call>,
    /// How many requests wait for them.
    waiting: usize,
    verdicts: Verdicts,
    circuit: Circuit<Failure>,
    events: Events,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    streams: Vec<StreamId>,
}

/// What becomes of a request with a token.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// The server vouches for the token. Its claims have the right types; whether they are the right claims is not checked here.
    Active(Arc<Claims>),
    /// The server is being asked: the request has to wait until [`Introspection::on_answer`] names it, and then ask again.
    Waiting,
    /// Nobody could be asked, and the configuration lets the request pass without claims.
    Unchecked,
    /// It does not pass.
    Denied {
        /// Why not.
        error: JwtError,
        /// When to try again.
        retry_after: Option<Duration>,
    },
}

/// What has happened, to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// Requests whose answer was there.
    pub(crate) known: u32,
    /// Calls that were made.
    pub(crate) calls: u32,
    /// Calls that failed, or could not be made.
    pub(crate) failures: u32,
}

impl Introspection {
    /// Validates the configuration; nothing is known yet.
    pub(crate) fn new(config: IntrospectionConfig) -> Result<Self, ConfigError> {
        let settings = Settings::try_from(config)?;
        Ok(Self {
            verdicts: Verdicts::new(settings.max_bytes, settings.max_waiting),
            settings,
            calls: BTreeMap::new(),
            waiting: 0,
            circuit: Circuit::default(),
            events: Events::default(),
        })
    }

    /// What is known of a token, or else asks the server.
    ///
    /// A request that [`on_answer`](Self::on_answer) has named finds the answer, also where nothing is remembered, and also when it
    /// has to wait for something else before it asks once more: nobody asks twice.
    pub(crate) fn ask(
        &mut self,
        token: &[u8],
        stream: StreamId,
        now: UnixTime,
        host: &mut dyn Host,
    ) -> Asked {
        if token.len() > MAX_TOKEN {
            return Asked::denied(JwtError::TooLarge);
        }
        if !is_b64token(token) {
            return Asked::denied(JwtError::Malformed);
        }
        let Some(verdict) = self.verdicts.find(token, stream, now) else {
            return self.wait_for(token, stream, now, host);
        };
        self.events.known += 1;
        match verdict {
            Verdict::Active(claims) => Asked::Active(claims.clone()),
            Verdict::Refused(error) => Asked::denied(*error),
            Verdict::Failed(failure) => {
                let failure = *failure;
                self.unchecked(failure, now)
            }
        }
    }

    /// Takes the answer to a call, and names the requests that have waited for it. `None`: the call was not made here.
    pub(crate) fn on_answer(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        now: UnixTime,
        host: &mut dyn Host,
    ) -> Option<Vec<StreamId>> {
        let token = self.calls.iter().find(|(_, own)| own.id == call).map(|(token, _)| token.clone())?;
        let Call { streams, .. } = self.calls.remove(&token)?;
        self.waiting = self.waiting.saturating_sub(streams.len());
        let verdict = Verdict::read(answer);
        match &verdict {
            Verdict::Failed(failure) => self.failed(*failure, now, host),
            Verdict::Active(_) | Verdict::Refused(_) => self.circuit.succeeded(),
        }
        let until = self.settings.until(&verdict, now);
        self.verdicts.insert(&token, verdict, (now, until), &streams);
        Some(streams)
    }

    /// Forgets a request whose client has left: its place is for another.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        for call in self.calls.values_mut() {
            let before = call.streams.len();
            call.streams.retain(|other| *other != stream);
            self.waiting = self.waiting.saturating_sub(before - call.streams.len());
        }
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Events {
        std::mem::take(&mut self.events)
    }

    /// Joins those who wait for the answer about this token, or asks for it.
    fn wait_for(&mut self, token: &[u8], stream: StreamId, now: UnixTime, host: &mut dyn Host) -> Asked {
        let call = self.calls.get_mut(token);
        if call.as_ref().is_some_and(|call| call.streams.contains(&stream)) {
            return Asked::Waiting;
        }
        // Whoever can send many requests can bring this about: it lets nobody in, whatever the failure mode.
        if self.waiting >= self.settings.max_waiting {
            return Asked::Denied { error: JwtError::TooManyWaiting, retry_after: Some(FAILED) };
        }
        if let Some(call) = call {
            call.streams.push(stream);
        } else {
            let id = match self.call(token, now, host) {
                Ok(id) => id,
                Err(failure) => return self.unchecked(failure, now),
            };
            self.calls.insert(token.into(), Call { id, streams: vec![stream] });
        }
        self.waiting += 1;
        Asked::Waiting
    }

    fn call(&mut self, token: &[u8], now: UnixTime, host: &mut dyn Host) -> Result<CallId, Failure> {
        self.circuit.admit(now)?;
        self.events.calls += 1;
        self.settings.request.send(token, host).map_err(|_| {
            self.failed(Failure::Unreachable, now, host);
            Failure::Unreachable
        })
    }

    /// Notes a failure. One that may be due to the token is an answer, as far as the server's health goes.
    fn failed(&mut self, failure: Failure, now: UnixTime, host: &mut dyn Host) {
        self.events.failures += 1;
        let level = match failure.is_about_token() {
            true => {
                self.circuit.succeeded();
                Level::Debug
            }
            false if self.circuit.failed(failure, now) => Level::Warn,
            false => Level::Debug,
        };
        host.log(level, &format!("jwt-auth: introspection at {}: {failure}", self.settings.request.uri()));
    }

    /// What becomes of a request whose token nobody has said anything about.
    fn unchecked(&self, failure: Failure, now: UnixTime) -> Asked {
        if self.settings.failure_mode == FailureMode::Allow && failure.is_outage() {
            return Asked::Unchecked;
        }
        let retry_after = Some(self.circuit.wait(now).max(FAILED));
        Asked::Denied { error: JwtError::IntrospectionUnavailable, retry_after }
    }
}

impl Settings {
    /// Up to when an answer is for everybody.
    fn until(&self, verdict: &Verdict, now: UnixTime) -> UnixTime {
        match verdict {
            Verdict::Active(claims) => {
                let until = now.saturating_add(self.ttl);
                claims.expires().map_or(until, |expires| until.min(expires))
            }
            Verdict::Refused(_) => now.saturating_add(self.inactive_ttl),
            Verdict::Failed(_) => now.saturating_add(FAILED),
        }
    }
}

impl Asked {
    const fn denied(error: JwtError) -> Self {
        Self::Denied { error, retry_after: None }
    }
}

impl fmt::Debug for Introspection {
    /// Shows who is asked, and no token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} calls under way, {:?}", self.settings, self.calls.len(), self.verdicts)
    }
}
