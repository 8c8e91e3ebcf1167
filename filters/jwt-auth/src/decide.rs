//! Whether a request passes: the requirement that it falls under, over the tokens that it carries.

use std::sync::Arc;

use portcullis_kit::{Headers, Host, UnixTime};

use crate::denial::Failure;
use crate::host_crypto::HostCrypto;
use crate::metrics::Metrics;
use crate::outputs::Rendered;
use crate::policy::{Need, Policy, Wanted};
use crate::provider::Provider;
use crate::source::Source;
use crate::token::Token;
use crate::token_cache::{TokenCache, Verdict};
use crate::{Jws, JwtError, KeySet};

/// Decides about one request.
pub(crate) struct Decision<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) keys: &'a [KeySet],
    pub(crate) crypto: &'a HostCrypto,
    pub(crate) cache: &'a mut TokenCache,
    pub(crate) metrics: &'a Metrics,
    pub(crate) request: &'a Headers,
    pub(crate) host: &'a mut dyn Host,
    pub(crate) now: UnixTime,
}

/// One token that was accepted, and what follows for the request.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) provider: usize,
    pub(crate) source: Source,
    pub(crate) rendered: Arc<Rendered>,
    /// The header that says `false`, where nobody has checked the token.
    pub(crate) unverified: Option<String>,
}

/// A token and where it was found.
type Presented<'r> = Option<(&'r Source, &'r [u8])>;

impl<'a> Decision<'a> {
    /// Whether the request has what it needs: the tokens that let it pass, or why it does not.
    pub(crate) fn meets(&mut self, need: &'a Need) -> Result<Vec<Admission>, Failure> {
        match need {
            Need::Nothing | Need::Missing | Need::MissingOrFailed => Ok(Vec::new()),
            Need::Nobody => Err(JwtError::Denied.into()),
            Need::Token(wanted) => {
                let presented = self.only_token(std::slice::from_ref(need))?;
                self.admit(wanted, presented).map(|admission| vec![admission])
            }
            Need::All(needs) => {
                let met = needs.iter().map(|need| self.meets(need)).collect::<Result<Vec<_>, _>>()?;
                Ok(met.into_iter().flatten().collect())
            }
            Need::Any(needs) => self.any(needs),
            Need::Unverified { provider, status_header } => Ok(self.extract(*provider, status_header)),
        }
    }

    fn any(&mut self, needs: &'a [Need]) -> Result<Vec<Admission>, Failure> {
        let is_open = needs.iter().any(|need| matches!(need, Need::MissingOrFailed));
        let presented = match self.only_token(needs) {
            Ok(presented) => presented,
            Err(_) if is_open => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut failure = Failure::from(JwtError::Missing);
        for need in needs {
            let met = match need {
                Need::Token(wanted) => self.admit(wanted, presented).map(|admission| vec![admission]),
                Need::Missing | Need::MissingOrFailed => continue,
                other => self.meets(other),
            };
            match met {
                Ok(admissions) => return Ok(admissions),
                Err(other) => failure = failure.or_worse(other),
            }
        }
        let may_miss = needs.iter().any(|need| matches!(need, Need::Missing));
        match is_open || (may_miss && failure.is_missing()) {
            true => Ok(Vec::new()),
            false => Err(failure),
        }
    }

    /// The token in all the places of the providers named directly. Two are one too many (RFC 6750 section 2): who knows which one
    /// the upstream reads.
    fn only_token(&self, needs: &[Need]) -> Result<Presented<'a>, JwtError> {
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
            for token in source.tokens(request) {
                if found.replace((source, token)).is_some() {
                    return Err(JwtError::Multiple);
                }
            }
        }
        Ok(found)
    }

    fn admit(&mut self, wanted: &Wanted, presented: Presented<'_>) -> Result<Admission, Failure> {
        let policy = self.policy;
        let Some(provider) = policy.providers.get(wanted.provider) else {
            return Err(JwtError::Denied.into());
        };
        let presented = presented.filter(|(source, _)| provider.sources.contains(source));
        let result = match presented {
            None => Err(JwtError::Missing.into()),
            Some((source, token)) => self.verified(wanted, provider, token).map(|rendered| Admission {
                provider: wanted.provider,
                source: source.clone(),
                rendered,
                unverified: None,
            }),
        };
        result.map_err(|failure| {
            let Failure::Denied(denial) = &failure;
            provider.outputs.report_failure(denial.error, self.host);
            failure.of(wanted.provider)
        })
    }

    /// Checks a token, and remembers what its signature is worth.
    fn verified(
        &mut self,
        wanted: &Wanted,
        provider: &Provider,
        bytes: &[u8],
    ) -> Result<Arc<Rendered>, Failure> {
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
        let keys = self.keys.get(wanted.provider).ok_or(JwtError::KeyNotFound)?;
        let verdict = match verdict.filter(|verdict| verdict.holds(keys)) {
            Some(verdict) => {
                self.host.add(self.metrics.cache_hit, 1);
                verdict
            }
            None => {
                self.host.add(self.metrics.cache_miss, 1);
                let jws = match jws {
                    Some(jws) => jws,
                    None => Jws::parse(bytes)?,
                };
                let verdict = self.verify(provider, keys, &token, &jws)?;
                self.cache.remember(bytes, &token, wanted.provider, verdict.clone());
                verdict
            }
        };
        match verdict {
            Verdict::Verified { outputs, .. } => Ok(outputs?),
            Verdict::SignatureInvalid { .. } => Err(JwtError::SignatureInvalid.into()),
        }
    }

    fn verify(
        &mut self,
        provider: &Provider,
        keys: &KeySet,
        token: &Token,
        jws: &Jws<'_>,
    ) -> Result<Verdict, JwtError> {
        let start = self.host.monotonic();
        let result = keys.verify(jws).map(|()| crate::key_set::KeyId::default());
        let took = self.host.monotonic().saturating_sub(start);
        self.host.record(self.metrics.verification, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        match result {
            Ok(key) => {
                let outputs = provider.outputs.render(token, jws.payload).map(Arc::new);
                Ok(Verdict::Verified { key, outputs })
            }
            Err(JwtError::SignatureInvalid) => Ok(Verdict::SignatureInvalid { generation: 0 }),
            Err(error) => Err(error),
        }
    }

    /// The claims of a token that nobody checks. Whatever is wrong with it, the request passes as it came.
    fn extract(&mut self, provider: usize, status_header: &str) -> Vec<Admission> {
        let Some(it) = self.policy.providers.get(provider) else { return Vec::new() };
        let wanted = [Need::Token(Wanted { provider, audiences: Vec::new() })];
        let Ok(Some((source, bytes))) = self.only_token(&wanted) else { return Vec::new() };
        let rendered = Jws::parse(bytes).and_then(|mut jws| {
            let token = Token::new(&mut jws)?;
            it.outputs.render(&token, jws.payload)
        });
        match rendered {
            Ok(rendered) => vec![Admission {
                provider,
                source: source.clone(),
                rendered: Arc::new(rendered),
                unverified: Some(status_header.to_owned()),
            }],
            Err(error) => {
                it.outputs.report_failure(error, self.host);
                Vec::new()
            }
        }
    }
}
