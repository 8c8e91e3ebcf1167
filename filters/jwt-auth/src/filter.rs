use std::time::Duration;

use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{
    Action, CallId, ConfigError, Headers, Host, HttpAnswer, HttpFilter, LocalReply, StreamId, UnixTime,
    parse_config,
};

use crate::config::JwtAuthConfig;
use crate::decide::{Admitted, Decision};
use crate::denial::{Awaited, Denial, Failure};
use crate::metrics::Metrics;
use crate::outputs::reads_as;
use crate::policy::{Need, Policy, Rule};
use crate::token_cache::TokenCache;
use crate::trust::Trust;
use crate::waiting::{Refused, Waiting};
use crate::{HostCrypto, JwtError};

/// The time between two looks at what is being fetched, while requests wait for it.
const WATCHFUL: Duration = Duration::from_millis(20);

/// The filter: admits a request on the strength of a JSON Web Token.
#[derive(Debug)]
pub struct JwtAuth {
    policy: Policy,
    /// What the tokens of each provider are checked against.
    trust: Vec<Trust>,
    crypto: HostCrypto,
    cache: TokenCache,
    waiting: Waiting,
    metrics: Metrics,
    tick: Duration,
    /// Whether the log has it that the proxy refuses what is done for requests that pass: not once for each of them.
    has_complained: bool,
}

/// What is kept of a request that waits: since when.
#[derive(Debug, Default)]
pub struct Stream {
    waits_since: Option<UnixTime>,
}

impl HttpFilter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let (policy, trust) = Policy::new(parse_config::<JwtAuthConfig>(configuration)?)?;
        Ok(Self {
            cache: TokenCache::new(&policy.cache),
            policy,
            trust,
            crypto: HostCrypto::NONE,
            waiting: Waiting::default(),
            metrics: Metrics::default(),
            tick: Duration::ZERO,
            has_complained: false,
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        let providers = self.policy.providers.iter().map(|provider| provider.name.as_str());
        self.metrics = Metrics::new(&self.policy.stat_prefix, providers, host);
        self.crypto = HostCrypto::probe(host);
        // Envoy takes no calls yet.
        if self.trust.iter().any(Trust::is_fetched) {
            self.tick = WATCHFUL;
        }
    }

    fn on_request_headers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        self.sanitize(request);
        if self.policy.bypass_cors_preflight && is_cors_preflight(request) {
            host.add(self.metrics.cors_preflight, 1);
            return Ok(Action::Continue);
        }
        match self.decide(id, request, host) {
            Ok(None) => host.add(self.metrics.not_required, 1),
            Ok(Some(admitted)) => {
                host.add(self.metrics.allowed, 1);
                admitted.iter().for_each(|admitted| self.apply(admitted, request, host));
            }
            Err(Failure::Denied(denial)) => return self.deny(&denial, request, host),
            Err(Failure::Wait(awaited)) => return self.wait(awaited, (id, stream), request, host),
        }
        Ok(Action::Continue)
    }

    fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let mut woken = Vec::new();
        for trust in &mut self.trust {
            if let Some(streams) = trust.on_introspected(call, answer, host) {
                woken = streams;
                break;
            }
            if trust.on_answer(call, answer, host) {
                break;
            }
        }
        self.waiting.forget(&woken);
        woken.extend(self.look_again(host));
        woken
    }

    fn on_end(&mut self, (stream, _): (StreamId, Stream), _: &mut dyn Host) {
        self.waiting.forget(&[stream]);
        for trust in &mut self.trust {
            if let Some(introspection) = trust.introspection() {
                introspection.forget(stream);
            }
        }
    }

    fn tick(&self) -> Duration {
        self.tick
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        self.trust.iter_mut().for_each(|trust| trust.poll(host));
        self.look_again(host)
    }
}

impl JwtAuth {
    /// Removes what only we may say, on every route: a client must not bring its own claims.
    fn sanitize(&self, request: &mut Headers) {
        let reserved = &self.policy.reserved;
        if reserved.is_empty() {
            return;
        }
        let names = request.iter().map(|(name, _)| name);
        let spoofed = names.filter(|name| reserved.iter().any(|header| reads_as(name, header)));
        let spoofed: Vec<_> = spoofed.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        spoofed.iter().for_each(|name| request.remove(name));
    }

    /// The tokens that let a request pass; `None` where it needs none.
    fn decide(
        &mut self,
        stream: StreamId,
        request: &Headers,
        host: &mut dyn Host,
    ) -> Result<Option<Vec<Admitted>>, Failure> {
        let rule = match self.policy.rules.select(request, host).map_err(JwtError::from)? {
            Some((need, condition)) => Rule { need, authorize: condition.as_ref() },
            None => Rule { need: self.policy.unmatched(host), authorize: None },
        };
        if matches!(rule.need, Need::Nothing) {
            return Ok(None);
        }
        let now = host.now();
        let mut decision = Decision {
            policy: &self.policy,
            trust: &mut self.trust,
            crypto: &self.crypto,
            cache: &mut self.cache,
            metrics: &self.metrics,
            request,
            stream,
            host,
            now,
        };
        decision.decide(rule).map(Some)
    }

    fn apply(&mut self, admitted: &Admitted, request: &mut Headers, host: &mut dyn Host) {
        let Some(provider) = self.policy.providers.get(admitted.provider) else { return };
        if admitted.unverified.is_none() {
            self.metrics.admitted(admitted.provider, host);
            let source = admitted.source.and_then(|at| provider.sources.get(at));
            if let Some(source) = source.filter(|_| !provider.forward) {
                source.strip(request);
            }
        }
        let mut problem = admitted.rendered.apply(request, host);
        if let Some(header) = &admitted.unverified {
            request.set(header, b"false");
        }
        if provider.clear_route_cache
            && let Err(error) = host.foreign("clear_route_cache", b"")
        {
            problem = Some(format!("the route was not picked anew: {error}"));
        }
        if let Some(problem) = problem.filter(|_| !std::mem::replace(&mut self.has_complained, true)) {
            host.log(Level::Warn, &format!("jwt-auth: {problem}; said once"));
        }
    }

    fn deny(
        &mut self,
        denial: &Denial,
        request: &Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        self.metrics.denied_for(denial.provider, denial.error, host);
        if self.policy.shadow {
            host.add(self.metrics.shadow_denied, 1);
            let (code, token) = (denial.error.row().code, self.policy.token_hash(denial, request));
            host.log(Level::Debug, &format!("jwt-auth: shadow: would deny with {code}{token}"));
            return Ok(Action::Continue);
        }
        host.add(self.metrics.denied, 1);
        let provider = denial.provider.and_then(|index| self.policy.providers.get(index));
        let dpop_algorithms = provider.and_then(|provider| provider.binding.dpop_algorithms());
        Err(self.policy.reply.render(denial, dpop_algorithms.as_deref(), is_grpc(request)))
    }

    /// Lets a request wait until what decides has been fetched. In shadow mode nobody waits: the request passes undecided.
    fn wait(
        &mut self,
        awaited: Awaited,
        (id, stream): (StreamId, &mut Stream),
        request: &Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        if self.policy.shadow {
            host.add(self.metrics.shadow_undecided, 1);
            return Ok(Action::Continue);
        }
        let now = host.now();
        let since = *stream.waits_since.get_or_insert(now);
        let error = match self.waiting.add((id, awaited), self.attempts(), since, now) {
            Ok(()) => {
                host.add(self.metrics.waited, 1);
                self.tick = WATCHFUL;
                return Ok(Action::Pause);
            }
            Err(Refused::TooLong) => JwtError::KeysUnavailable,
            Err(Refused::TooMany) if awaited == Awaited::NewerKeys => JwtError::KeyNotFound,
            Err(Refused::TooMany) => JwtError::TooManyWaiting,
        };
        let retry_after = Some(Duration::from_secs(1));
        self.deny(&Denial { retry_after, ..error.into() }, request, host)
    }

    /// The requests whose wait is over, once something may have been fetched.
    fn look_again(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let now = host.now();
        for (index, trust) in self.trust.iter_mut().enumerate() {
            self.metrics.fetched(index, trust, host);
        }
        let due = self.waiting.due(self.attempts(), now);
        let calm = self.trust.iter().filter_map(|trust| trust.next_poll(now)).min().unwrap_or_default();
        self.tick = if self.waiting.is_empty() { calm } else { WATCHFUL };
        due
    }

    /// A number that changes when an attempt to fetch is over.
    fn attempts(&self) -> u64 {
        self.trust.iter().map(Trust::attempts).fold(0, u64::wrapping_add)
    }
}

/// A browser's question whether it may ask (Fetch standard, "CORS-preflight request").
fn is_cors_preflight(request: &Headers) -> bool {
    let has = |name: &str| request.first(name).is_some_and(|value| !value.is_empty());
    request.only(":method") == Some(b"OPTIONS") && has("origin") && has("access-control-request-method")
}
