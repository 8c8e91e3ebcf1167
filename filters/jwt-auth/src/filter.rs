use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{Action, ConfigError, Headers, Host, HttpFilter, LocalReply, StreamId, parse_config};

use crate::config::JwtAuthConfig;
use crate::decide::{Admission, Decision};
use crate::denial::{Denial, Failure};
use crate::host_crypto::HostCrypto;
use crate::metrics::Metrics;
use crate::outputs::reads_as;
use crate::policy::{Need, Policy};
use crate::token_cache::TokenCache;
use crate::{JwtError, KeySet};

/// The filter: admits a request on the strength of a JSON Web Token.
#[derive(Debug)]
pub struct JwtAuth {
    policy: Policy,
    /// The keys of each provider.
    keys: Vec<KeySet>,
    crypto: HostCrypto,
    cache: TokenCache,
    metrics: Metrics,
}

impl HttpFilter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = ();

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let (policy, keys) = Policy::new(parse_config::<JwtAuthConfig>(configuration)?)?;
        let cache = TokenCache::new(&policy.cache);
        Ok(Self { policy, keys, crypto: HostCrypto::NONE, cache, metrics: Metrics::default() })
    }

    fn start(&mut self, host: &mut dyn Host) {
        let providers = self.policy.providers.iter().map(|provider| provider.name.as_str());
        self.metrics = Metrics::new(&self.policy.stat_prefix, providers, host);
        self.crypto = HostCrypto::probe(host);
    }

    fn on_request_headers(
        &mut self,
        _: (StreamId, &mut ()),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        self.sanitize(request);
        if self.policy.bypass_cors_preflight && is_cors_preflight(request) {
            host.add(self.metrics.cors_preflight, 1);
            return Ok(Action::Continue);
        }
        match self.decide(request, host) {
            Ok(None) => host.add(self.metrics.not_required, 1),
            Ok(Some(admissions)) => {
                host.add(self.metrics.allowed, 1);
                admissions.iter().for_each(|admission| self.apply(admission, request, host));
            }
            Err(Failure::Denied(denial)) => return self.deny(&denial, request, host),
        }
        Ok(Action::Continue)
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
    fn decide(&mut self, request: &Headers, host: &mut dyn Host) -> Result<Option<Vec<Admission>>, Failure> {
        let need = match self.policy.rules.select(request, host).map_err(JwtError::from)? {
            Some(need) => need,
            None => self.policy.unmatched(host),
        };
        if matches!(need, Need::Nothing) {
            return Ok(None);
        }
        let now = host.now();
        let mut decision = Decision {
            policy: &self.policy,
            keys: &self.keys,
            crypto: &self.crypto,
            cache: &mut self.cache,
            metrics: &self.metrics,
            request,
            host,
            now,
        };
        decision.meets(need).map(Some)
    }

    fn apply(&self, admission: &Admission, request: &mut Headers, host: &mut dyn Host) {
        let Some(provider) = self.policy.providers.get(admission.provider) else { return };
        if !provider.forward {
            admission.source.strip(request);
        }
        admission.rendered.apply(request, host);
        match &admission.unverified {
            Some(header) => request.set(header, b"false"),
            None => self.metrics.admitted(admission.provider, host),
        }
        if provider.clear_route_cache
            && let Err(error) = host.foreign("clear_route_cache", b"")
        {
            host.log(Level::Warn, &format!("jwt-auth: the route was not picked anew: {error}"));
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
            host.log(Level::Info, &format!("jwt-auth: shadow: would deny with {}", denial.error.row().code));
            return Ok(Action::Continue);
        }
        host.add(self.metrics.denied, 1);
        Err(self.policy.reply.render(denial, is_grpc(request)))
    }
}

impl Policy {
    /// What a request needs that no rule matches.
    fn unmatched(&self, host: &mut dyn Host) -> &Need {
        let Some((name, needs)) = &self.by_filter_state else { return &self.otherwise };
        let value = match name.strip_prefix("wasm.") {
            Some(property) => host.property(&[property]),
            None => host.property(&["filter_state", name]),
        };
        let found = needs.iter().find(|(text, _)| value.as_deref() == Some(text.as_bytes()));
        found.map_or(&self.otherwise, |(_, need)| need)
    }
}

/// A browser's question whether it may ask (Fetch standard, "CORS-preflight request").
fn is_cors_preflight(request: &Headers) -> bool {
    let has = |name: &str| request.first(name).is_some_and(|value| !value.is_empty());
    request.only(":method") == Some(b"OPTIONS") && has("origin") && has("access-control-request-method")
}
