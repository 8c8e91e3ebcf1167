//! Whether a request passes: the requirement that it falls under, over the tokens that it carries.

use std::sync::Arc;

use log::Level;
use portcullis_kit::{Headers, Host, StreamId, UnixTime};

use crate::binding::Presented;
use crate::claims::Claims;
use crate::denial::{Awaited, Denial, Failure};
use crate::introspection::Asked;
use crate::metrics::Metrics;
use crate::outputs::Rendered;
use crate::policy::{Need, Policy, Rule, Wanted};
use crate::provider::Provider;
use crate::source::Source;
use crate::token::Token;
use crate::token_cache::{TokenCache, Verdict};
use crate::trust::Trust;
use crate::{HostCrypto, Jws, JwtError};

/// Decides about one request.
pub(crate) struct Decision<'a> {
    pub(crate) policy: &'a Policy,
    /// What the tokens of each provider are checked against.
    pub(crate) trust: &'a mut [Trust],
    pub(crate) crypto: &'a HostCrypto,
    pub(crate) cache: &'a mut TokenCache,
    pub(crate) metrics: &'a Metrics,
    pub(crate) request: &'a Headers,
    pub(crate) stream: StreamId,
    pub(crate) host: &'a mut dyn Host,
    pub(crate) now: UnixTime,
}

/// What follows for the request from one token that was accepted.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) provider: usize,
    /// The place where the token was, among those of the provider.
    pub(crate) source: Option<usize>,
    pub(crate) rendered: Arc<Rendered>,
    /// The header that says `false`, where nobody has checked the token.
    pub(crate) unverified: Option<String>,
}

/// One token that was accepted.
struct Admission<'a> {
    provider: usize,
    claims: Arc<Claims>,
    found: Found<'a>,
    rendered: Arc<Rendered>,
    unverified: Option<&'a str>,
}

/// A token and where it was found.
#[derive(Clone, Copy)]
struct Found<'a> {
    source: &'a Source,
    bytes: &'a [u8],
}

impl<'a> Decision<'a> {
    /// Whether the request has what its rule asks for: the tokens that let it pass, or why it does not.
    pub(crate) fn decide(&mut self, rule: Rule<'a>) -> Result<Vec<Admitted>, Failure> {
        let admissions = self.meets(rule.need)?;
        if let Some(condition) = rule.authorize {
            if admissions.is_empty() {
                return Err(JwtError::Missing.into());
            }
            for admission in &admissions {
                let claims = admission.claims.members();
                let checked = condition.check(claims, self.request, self.host);
                checked.map_err(|refusal| Failure::from(refusal).of(admission.provider))?;
            }
        }
        // A proof of possession is good for one time: it comes when nothing else can go wrong, and nothing is waited for.
        match admissions.iter().try_for_each(|admission| self.is_the_clients(admission)) {
            Ok(()) => Ok(admissions.iter().map(|admission| self.admitted(admission)).collect()),
            Err(_) if rule.need.lets_failures_pass() => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    fn admitted(&self, admission: &Admission<'_>) -> Admitted {
        let provider = self.policy.providers.get(admission.provider);
        let sources = provider.map(|provider| provider.sources.as_slice()).unwrap_or_default();
        Admitted {
            provider: admission.provider,
            source: sources.iter().position(|source| source == admission.found.source),
            rendered: admission.rendered.clone(),
            unverified: admission.unverified.map(str::to_owned),
        }
    }

    fn meets(&mut self, need: &'a Need) -> Result<Vec<Admission<'a>>, Failure> {
        match need {
            Need::Nothing | Need::Missing | Need::MissingOrFailed => Ok(Vec::new()),
            Need::Nobody => Err(JwtError::Denied.into()),
            Need::Token(wanted) => {
                let found = self.only_token(std::slice::from_ref(need))?;
                self.admit(wanted, found).map(|admission| vec![admission])
            }
            Need::All(needs) => self.all(needs),
            Need::Any(needs) => self.any(needs),
            Need::Unverified { provider, status_header } => Ok(self.extract(*provider, status_header)),
        }
    }

    /// A wrong token says more than a missing one, and what has to be waited for comes last.
    fn all(&mut self, needs: &'a [Need]) -> Result<Vec<Admission<'a>>, Failure> {
        let (mut admissions, mut worst, mut waits) = (Vec::new(), None::<Failure>, None);
        for need in needs {
            match self.meets(need) {
                Ok(more) => admissions.extend(more),
                Err(wait @ Failure::Wait(_)) => waits = Some(wait),
                Err(failure) => {
                    worst = Some(match worst {
                        Some(worse) => worse.or_worse(failure),
                        None => failure,
                    });
                }
            }
        }
        match worst.or(waits) {
            Some(failure) => Err(failure),
            None => Ok(admissions),
        }
    }

    fn any(&mut self, needs: &'a [Need]) -> Result<Vec<Admission<'a>>, Failure> {
        let is_open = needs.iter().any(|need| matches!(need, Need::MissingOrFailed));
        let found = match self.only_token(needs) {
            Ok(found) => found,
            Err(_) if is_open => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut failure = Failure::from(JwtError::Missing);
        for need in needs {
            let met = match need {
                Need::Token(wanted) => self.admit(wanted, found).map(|admission| vec![admission]),
                Need::Missing | Need::MissingOrFailed => continue,
                other => self.meets(other),
            };
            match met {
                Ok(admissions) => return Ok(admissions),
                Err(other) => failure = failure.or_worse(other),
            }
        }
        let may_miss = needs.iter().any(|need| matches!(need, Need::Missing));
        match (may_miss && failure.is_missing()) || (is_open && !matches!(failure, Failure::Wait(_))) {
            true => Ok(Vec::new()),
            false => Err(failure),
        }
    }

    /// The token in all the places of the providers named directly. Two are one too many (RFC 6750 section 2): who knows which one
    /// the upstream reads.
    fn only_token(&self, needs: &[Need]) -> Result<Option<Found<'a>>, JwtError> {
        let (policy, request) = (self.policy, self.request);
        let providers = needs.iter().filter_map(|need| match need {
            Need::Token(wanted) => policy.providers.get(wanted.provider),
            _ => None,
        });
        let mut seen: Vec<&Source> = Vec::new();
        let mut found = None;
        for source in providers.flat_map(|provider| &provider.sources) {
            if seen.contains(&source) {
                continue;
            }
            seen.push(source);
            for bytes in source.tokens(request) {
                if found.replace(Found { source, bytes }).is_some() {
                    return Err(JwtError::Multiple);
                }
            }
        }
        Ok(found)
    }

    fn admit(&mut self, wanted: &Wanted, found: Option<Found<'a>>) -> Result<Admission<'a>, Failure> {
        let policy = self.policy;
        let Some(provider) = policy.providers.get(wanted.provider) else {
            return Err(JwtError::Denied.into());
        };
        let admitted = match found.filter(|found| provider.sources.contains(found.source)) {
            None => Err(JwtError::Missing.into()),
            Some(found) if self.is_asked(wanted.provider) => self.introspected(wanted, provider, found),
            Some(found) => self.signed(wanted, provider, found),
        };
        admitted.map_err(|failure| {
            if let Failure::Denied(denial) = &failure {
                provider.outputs.report_failure(denial.error, self.host);
            }
            failure.of(wanted.provider)
        })
    }

    fn is_asked(&mut self, provider: usize) -> bool {
        self.trust.get_mut(provider).is_some_and(|trust| trust.introspection().is_some())
    }

    /// A token that an authorization server answers for.
    fn introspected(
        &mut self,
        wanted: &Wanted,
        provider: &'a Provider,
        found: Found<'a>,
    ) -> Result<Admission<'a>, Failure> {
        if self.is_somebody_elses(provider, found.bytes) {
            return Err(JwtError::IssuerNotAllowed.into());
        }
        let trust = self.trust.get_mut(wanted.provider).ok_or(JwtError::Denied)?;
        let introspection = trust.introspection().ok_or(JwtError::Denied)?;
        let (claims, rendered) = match introspection.ask(found.bytes, self.stream, self.now, self.host) {
            Asked::Active(claims) => {
                provider.check_claims(&claims, &wanted.audiences, self.now)?;
                let rendered = provider.outputs.render_claims(&claims)?;
                (claims, rendered)
            }
            Asked::Unchecked => (Arc::default(), Rendered::default()),
            Asked::Waiting => return Err(Failure::Wait(Awaited::Anything)),
            Asked::Denied { error, retry_after } => {
                return Err(Failure::Denied(Denial { retry_after, ..error.into() }));
            }
        };
        let trust = self.trust.get_mut(wanted.provider).ok_or(JwtError::Denied)?;
        // It is signed with no key that a list could name.
        if trust.has_revoked(&[String::new()], claims.members(), self.host)? {
            return Err(JwtError::Revoked.into());
        }
        self.authorized(provider, &claims)?;
        let rendered = Arc::new(rendered);
        Ok(Admission { provider: wanted.provider, claims, found, rendered, unverified: None })
    }

    /// Whether a token names an issuer that this authorization server does not speak for: it could use the token itself.
    fn is_somebody_elses(&self, provider: &Provider, bytes: &[u8]) -> bool {
        let Some(claims) = Jws::parse(bytes).and_then(|jws| jws.claims()).ok() else { return false };
        let Some(issuer) = claims.get("iss").and_then(|issuer| issuer.as_str()) else { return false };
        let others = self.policy.providers.iter().filter(|other| other.name != provider.name);
        !provider.issuer.is(issuer) || others.into_iter().any(|other| other.issuer.is_named(issuer))
    }

    /// A token whose signature says that it is the issuer's.
    fn signed(
        &mut self,
        wanted: &Wanted,
        provider: &'a Provider,
        found: Found<'a>,
    ) -> Result<Admission<'a>, Failure> {
        let (token, verdict) = self.verdict(wanted, provider, found.bytes)?;
        let Verdict::Verified { key, outputs, .. } = verdict else {
            return Err(JwtError::SignatureInvalid.into());
        };
        let trust = self.trust.get_mut(wanted.provider).ok_or(JwtError::Denied)?;
        if trust.lists_revoked_tokens() {
            let names = trust.keys(self.host)?.kids_of(key).map(str::to_owned);
            let kids: Vec<_> = names.chain(token.key_id.clone()).collect();
            if trust.has_revoked(&kids, token.claims.members(), self.host)? {
                return Err(JwtError::Revoked.into());
            }
        }
        self.authorized(provider, &token.claims)?;
        let (claims, rendered) = (token.claims.clone(), outputs?);
        Ok(Admission { provider: wanted.provider, claims, found, rendered, unverified: None })
    }

    /// Whether a token that is right says what the provider asks for.
    fn authorized(&mut self, provider: &Provider, claims: &Claims) -> Result<(), Failure> {
        match &provider.authorize {
            Some(condition) => Ok(condition.check(claims.members(), self.request, self.host)?),
            None => Ok(()),
        }
    }

    /// Checks what a token says and its signature, unless it is remembered what that is worth.
    fn verdict(
        &mut self,
        wanted: &Wanted,
        provider: &Provider,
        bytes: &[u8],
    ) -> Result<(Arc<Token>, Verdict), Failure> {
        let known = self.cache.find(bytes);
        let verdict = known.and_then(|entry| entry.verdict(wanted.provider)).cloned();
        let mut jws = None;
        let token = match known {
            Some(entry) => entry.token.clone(),
            None => Arc::new(Token::new(jws.insert(Jws::parse(bytes)?))?),
        };
        let checked = provider.check(&token, &wanted.audiences, self.now);
        if checked == Err(JwtError::Expired) {
            self.cache.forget(bytes);
        }
        checked?;
        let trust = self.trust.get_mut(wanted.provider).ok_or(JwtError::Denied)?;
        // Looking for the keys may bring newer ones.
        trust.keys(self.host)?;
        let generation = trust.generation();
        let keys = trust.keys(self.host)?;
        if let Some(verdict) = verdict.filter(|verdict| verdict.holds(keys, generation)) {
            self.host.add(self.metrics.cache_hit, 1);
            return Ok((token, verdict));
        }
        self.host.add(self.metrics.cache_miss, 1);
        let jws = match jws {
            Some(jws) => jws,
            None => Jws::parse(bytes)?,
        };
        let verdict = self.verify(wanted.provider, provider, &token, &jws)?;
        self.cache.remember(bytes, &token, wanted.provider, verdict.clone());
        Ok((token, verdict))
    }

    fn verify(
        &mut self,
        index: usize,
        provider: &Provider,
        token: &Token,
        jws: &Jws<'_>,
    ) -> Result<Verdict, Failure> {
        let trust = self.trust.get_mut(index).ok_or(JwtError::Denied)?;
        let keys = trust.keys_for(token, self.host)?;
        let start = self.host.stopwatch();
        let result = keys.verify(jws, self.crypto, self.host);
        let took = self.host.stopwatch().saturating_sub(start);
        self.host.record(self.metrics.verification, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let generation = trust.generation();
        match result {
            Ok(key) => {
                let outputs = provider.outputs.render((&token.claims, &token.header), jws.payload);
                let outputs = outputs.map(Arc::new);
                Ok(Verdict::Verified { generation, key, outputs })
            }
            Err(JwtError::SignatureInvalid) => Ok(Verdict::SignatureInvalid { generation }),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a bound token is the client's.
    fn is_the_clients(&mut self, admission: &Admission<'_>) -> Result<(), Failure> {
        if admission.unverified.is_some() {
            return Ok(());
        }
        let provider = self.policy.providers.get(admission.provider).ok_or(JwtError::Denied)?;
        let Found { source, bytes } = admission.found;
        let presented = Presented { token: bytes, scheme: source.scheme() };
        let cnf = admission.claims.get("cnf");
        let checked = provider.binding.check(cnf, presented, self.request, self.host);
        checked.map_err(|error| {
            provider.outputs.report_failure(error.error, self.host);
            self.host
                .log(Level::Debug, &format!("jwt-auth: the token is not the client's: {}", error.reason));
            Failure::from(error).of(admission.provider)
        })
    }

    /// The claims of a token that nobody checks. Whatever is wrong with it, the request passes as it came.
    fn extract(&mut self, index: usize, status_header: &'a str) -> Vec<Admission<'a>> {
        let policy = self.policy;
        let Some(provider) = policy.providers.get(index) else { return Vec::new() };
        let wanted = [Need::Token(Wanted { provider: index, audiences: Vec::new() })];
        let Ok(Some(found)) = self.only_token(&wanted) else { return Vec::new() };
        let read = Jws::parse(found.bytes).and_then(|mut jws| {
            let token = Token::new(&mut jws)?;
            let rendered = provider.outputs.render((&token.claims, &token.header), jws.payload)?;
            Ok((token.claims, Arc::new(rendered)))
        });
        match read {
            Ok((claims, rendered)) => {
                let unverified = Some(status_header);
                vec![Admission { provider: index, claims, found, rendered, unverified }]
            }
            Err(error) => {
                provider.outputs.report_failure(error, self.host);
                Vec::new()
            }
        }
    }
}
