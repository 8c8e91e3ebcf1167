use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{
    Action, ConfigError, Counter, Headers, Host, HttpFilter, LocalReply, StreamId, UnixTime, parse_config,
};

use crate::JwtError;
use crate::config::JwtAuthConfig;
use crate::policy::{Need, Policy};
use crate::provider::reads_as;
use crate::source::Source;

/// The filter: admits a request on the strength of a JSON Web Token.
#[derive(Debug)]
pub struct JwtAuth {
    policy: Policy,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    allowed: Counter,
    denied: Counter,
    not_required: Counter,
    shadow_denied: Counter,
}

/// How a request got past.
enum Pass {
    /// With a token.
    Admitted,
    /// No rule asked for one.
    NotRequired,
}

impl HttpFilter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = ();

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let policy = parse_config::<JwtAuthConfig>(configuration)?.try_into()?;
        Ok(Self { policy, counters: Counters::default() })
    }

    fn start(&mut self, host: &mut dyn Host) {
        self.counters = Counters {
            allowed: host.counter("portcullis_jwt_auth_allowed_total"),
            denied: host.counter("portcullis_jwt_auth_denied_total"),
            not_required: host.counter("portcullis_jwt_auth_not_required_total"),
            shadow_denied: host.counter("portcullis_jwt_auth_shadow_denied_total"),
        };
    }

    fn on_request_headers(
        &mut self,
        _: (StreamId, &mut ()),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        self.sanitize(request);
        let error = match self.decide(request, host) {
            Ok(pass) => {
                host.add(self.counter(&pass), 1);
                return Ok(Action::Continue);
            }
            Err(error) => error,
        };
        if self.policy.shadow {
            host.add(self.counters.shadow_denied, 1);
            host.log(Level::Info, &format!("jwt-auth: shadow: would deny with {}", error.row().code));
            return Ok(Action::Continue);
        }
        host.add(self.counters.denied, 1);
        Err(error.reply(&self.policy.realm, self.policy.format, is_grpc(request)))
    }
}

impl JwtAuth {
    /// Removes what only we may say, on every route: a client must not bring its own claims.
    fn sanitize(&self, request: &mut Headers) {
        for mapped in self.policy.providers.iter().flat_map(|provider| &provider.claim_headers) {
            let names = request.iter().map(|(name, _)| name).filter(|name| reads_as(name, &mapped.header));
            let spoofed: Vec<_> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            spoofed.iter().for_each(|name| request.remove(name));
        }
    }

    fn decide(&self, request: &mut Headers, host: &mut dyn Host) -> Result<Pass, JwtError> {
        match self.policy.rules.select(request, host)? {
            Need::Nothing => Ok(Pass::NotRequired),
            Need::Nobody => Err(JwtError::Denied),
            Need::AnyOf(providers) => self.admit(providers, request, host.now()),
        }
    }

    fn admit(&self, allowed: &[usize], request: &mut Headers, now: UnixTime) -> Result<Pass, JwtError> {
        let providers = || allowed.iter().filter_map(|index| self.policy.providers.get(*index));
        let (source, token) = only_token(providers().flat_map(|provider| &provider.sources), request)?;
        let mut failure = JwtError::Missing;
        for provider in providers() {
            match provider.admit(source, &token, request, now) {
                Ok(()) => return Ok(Pass::Admitted),
                Err(error) if error.says_more_than(failure) => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    fn counter(&self, pass: &Pass) -> Counter {
        match pass {
            Pass::Admitted => self.counters.allowed,
            Pass::NotRequired => self.counters.not_required,
        }
    }
}

/// The token of the request. Two are one too many (RFC 6750 section 2): who knows which one the upstream reads.
fn only_token<'a>(
    sources: impl Iterator<Item = &'a Source>,
    request: &Headers,
) -> Result<(&'a Source, Vec<u8>), JwtError> {
    let mut seen: Vec<&Source> = Vec::new();
    let mut found = None;
    for source in sources {
        if seen.contains(&source) {
            continue;
        }
        seen.push(source);
        for token in source.tokens(request) {
            if found.replace((source, token.to_vec())).is_some() {
                return Err(JwtError::Multiple);
            }
        }
    }
    found.ok_or(JwtError::Missing)
}
