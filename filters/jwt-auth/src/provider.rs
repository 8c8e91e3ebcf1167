use std::time::Duration;

use portcullis_kit::UnixTime;
use portcullis_kit::rules::Text;

use crate::claims::Claims;
use crate::outputs::Outputs;
use crate::source::Source;
use crate::token::Token;
use crate::{Algorithm, Binding, Condition, JwtError};

/// The `typ` values of tokens that are meant to grant access: RFC 7519 section 5.1, RFC 9068 section 2.1.
const ACCESS_TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// One issuer, or several with the same keys, whose tokens are accepted, validated.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) issuer: Issuer,
    /// Empty: any.
    pub(crate) audiences: Vec<String>,
    /// Empty: any.
    pub(crate) subjects: Vec<Text>,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// Lower case, without `application/`; `None` accepts [`ACCESS_TYPES`] and no `typ` at all.
    pub(crate) types: Option<Vec<String>>,
    pub(crate) sources: Vec<Source>,
    pub(crate) forward: bool,
    pub(crate) clock_skew: Duration,
    pub(crate) require_expiration: bool,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) outputs: Outputs,
    pub(crate) authorize: Option<Condition>,
    pub(crate) binding: Binding,
    pub(crate) clear_route_cache: bool,
    /// Whether an authorization server answers for its tokens.
    pub(crate) is_introspected: bool,
}

/// Which `iss` is the provider's.
#[derive(Debug)]
pub(crate) enum Issuer {
    OneOf(Vec<String>),
    Prefix(String),
    /// Whoever answers for the tokens knows only its own.
    Any,
}

impl Issuer {
    /// Whether the configuration names this issuer.
    pub(crate) fn is_named(&self, issuer: &str) -> bool {
        !matches!(self, Self::Any) && self.is(issuer)
    }

    pub(crate) fn is(&self, issuer: &str) -> bool {
        match self {
            Self::OneOf(names) => names.iter().any(|name| name == issuer),
            Self::Prefix(prefix) => issuer.starts_with(prefix.as_str()),
            Self::Any => true,
        }
    }
}

impl Provider {
    /// Checks what a token says, the cheap things first; only its signature makes it true. `audiences` are those of the
    /// requirement.
    pub(crate) fn check(&self, token: &Token, audiences: &[String], now: UnixTime) -> Result<(), JwtError> {
        if !token.claims.issuer().is_some_and(|issuer| self.issuer.is(issuer)) {
            return Err(JwtError::IssuerNotAllowed);
        }
        if self.algorithms.as_ref().is_some_and(|allowed| !allowed.contains(&token.algorithm)) {
            return Err(JwtError::AlgorithmNotAllowed);
        }
        if !self.accepts_type(token.typ.as_deref()) {
            return Err(JwtError::TypeNotAllowed);
        }
        self.check_claims(&token.claims, audiences, now)
    }

    /// Checks claims. An authorization server that answers for a token need not say who issued it (RFC 7662 section 2.2).
    pub(crate) fn check_claims(
        &self,
        claims: &Claims,
        audiences: &[String],
        now: UnixTime,
    ) -> Result<(), JwtError> {
        if claims.issuer().is_some_and(|issuer| !self.issuer.is(issuer)) {
            return Err(JwtError::IssuerNotAllowed);
        }
        claims.check_time(now, self.clock_skew, self.require_expiration)?;
        if self.max_lifetime.is_some_and(|longest| !claims.expires_within(now, longest)) {
            return Err(JwtError::LifetimeTooLong);
        }
        if !audiences.is_empty() && !claims.is_for(audiences) {
            return Err(JwtError::AudienceNotAllowed);
        }
        if !self.subjects.is_empty() && !claims.subject().is_some_and(|subject| self.is_subject(subject)) {
            return Err(JwtError::SubjectNotAllowed);
        }
        Ok(())
    }

    fn accepts_type(&self, typ: Option<&str>) -> bool {
        match (&self.types, typ) {
            (None, None) => true,
            (None, Some(typ)) => ACCESS_TYPES.contains(&typ),
            (Some(types), Some(typ)) => types.iter().any(|accepted| accepted == typ),
            (Some(_), None) => false,
        }
    }

    fn is_subject(&self, subject: &str) -> bool {
        self.subjects.iter().any(|text| text.matches(subject.as_bytes()))
    }
}
