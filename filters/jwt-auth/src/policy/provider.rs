use std::sync::Arc;
use std::time::Duration;

use portcullis_kit::rules::{Text, TextMatch, is_token};
use portcullis_kit::{ConfigError, Span};

use super::header_name;
use crate::claim_path::ClaimPath;
use crate::config::{
    ClaimToHeader, FilterStateConfig, JwksSource, PayloadHeader, ProviderConfig, RevocationConfig,
};
use crate::introspection::{FailureMode, Introspection, IntrospectionConfig};
use crate::jws::media_type;
use crate::outputs::{self, ClaimHeader, Outputs, reads_as};
use crate::provider::{Issuer, Provider};
use crate::remote::{Discovery, FetchedDocument, RemoteJwks, RemoteKeys};
use crate::revocation::Revoked;
use crate::source::Source;
use crate::trust::{FetchedList, KeySource, Trust};
use crate::{Algorithm, Binding, Condition, ConditionConfig, KeySet, SenderConstraintConfig};

/// Beyond this, expiry would mean little.
const MAX_SKEW: Span = Span::from_secs(3600);

impl Provider {
    /// Validates a provider, and reads its keys.
    pub(super) fn new(config: ProviderConfig) -> Result<(Self, Trust), ConfigError> {
        if config.name.is_empty() {
            return Err(ConfigError::at("name", "empty; write the text that rules refer to"));
        }
        nothing_is_empty(&config)?;
        if config.clock_skew > MAX_SKEW {
            let problem =
                format!("{}; clocks that differ by more than {MAX_SKEW} need mending", config.clock_skew);
            return Err(ConfigError::at("clock_skew", problem));
        }
        let uses_dpop = config.sender_constraint.as_ref().is_some_and(|binding| binding.dpop.is_some());
        let is_asked = config.introspection.is_some();
        for (member, is_there) in
            [("algorithms", config.algorithms.is_some()), ("types", config.types.is_some())]
        {
            if is_asked && is_there {
                let problem =
                    "an authorization server says neither alg nor typ of a token; leave the member out";
                return Err(ConfigError::at(member, problem));
            }
        }
        let issuer = issuer(config.issuer, config.issuers, config.issuer_prefix, is_asked)?;
        let allowed = config.algorithms.as_deref();
        let keys = match (config.jwks, config.introspection) {
            (Some(jwks), None) => keys(jwks, allowed, &issuer).map_err(|error| error.under("jwks"))?,
            (None, Some(asked)) => introspection(asked).map_err(|error| error.under("introspection"))?,
            (None, None) => {
                return Err(ConfigError::at("jwks", "missing; write where its keys are, or introspection"));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::at("introspection", "there is jwks too; keep one"));
            }
        };
        let (revoked, fetched_list) = revocation(config.revocation).map_err(|e| e.under("revocation"))?;
        let provider = Self {
            issuer,
            name: config.name,
            audiences: config.audiences,
            subjects: subjects(config.subjects)?,
            algorithms: config.algorithms,
            types: config.types.map(|types| types.iter().map(|typ| media_type(typ)).collect()),
            sources: sources(config.from, uses_dpop)?,
            forward: config.forward,
            clock_skew: config.clock_skew.0,
            require_expiration: config.require_expiration.unwrap_or(!is_asked),
            max_lifetime: max_lifetime(config.max_lifetime)?,
            outputs: outputs(config.claims_to_headers, config.payload_header, config.filter_state)?,
            authorize: config.authorize.map(condition).transpose()?,
            binding: binding(config.sender_constraint)?,
            clear_route_cache: config.clear_route_cache,
            is_introspected: is_asked,
        };
        Ok((provider, Trust::new(keys, revoked, fetched_list)))
    }
}

fn nothing_is_empty(config: &ProviderConfig) -> Result<(), ConfigError> {
    for (member, is_empty) in [
        ("algorithms", config.algorithms.as_ref().is_some_and(Vec::is_empty)),
        ("from", config.from.as_ref().is_some_and(Vec::is_empty)),
        ("issuers", config.issuers.as_ref().is_some_and(Vec::is_empty)),
        ("subjects", config.subjects.as_ref().is_some_and(Vec::is_empty)),
        ("types", config.types.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if is_empty {
            let problem = "empty, so no token could pass; name one or leave the member out";
            return Err(ConfigError::at(member, problem));
        }
    }
    Ok(())
}

fn issuer(
    one: Option<String>,
    several: Option<Vec<String>>,
    prefix: Option<String>,
    is_asked: bool,
) -> Result<Issuer, ConfigError> {
    let (member, issuer) = match (one, several, prefix) {
        (Some(one), None, None) => ("issuer", Issuer::OneOf(vec![one])),
        (None, Some(several), None) => ("issuers", Issuer::OneOf(several)),
        (None, None, Some(prefix)) => ("issuer_prefix", Issuer::Prefix(prefix)),
        (None, None, None) if is_asked => return Ok(Issuer::Any),
        (None, None, None) => {
            return Err(ConfigError::at(
                "issuer",
                "missing; write the iss of the tokens, in issuers several",
            ));
        }
        _ => {
            let problem = "more than one of issuer, issuers and issuer_prefix; keep one";
            return Err(ConfigError::at("issuer", problem));
        }
    };
    let is_empty = match &issuer {
        Issuer::OneOf(names) => names.iter().any(String::is_empty),
        Issuer::Prefix(prefix) => prefix.is_empty(),
        Issuer::Any => false,
    };
    match is_empty {
        true => Err(ConfigError::at(member, "empty; write the iss of the tokens")),
        false => Ok(issuer),
    }
}

fn subjects(configured: Option<Vec<TextMatch>>) -> Result<Vec<Text>, ConfigError> {
    let subjects = configured.into_iter().flatten().enumerate();
    subjects.map(|(at, text)| Text::new(text).map_err(|e| e.under(&format!("subjects[{at}]")))).collect()
}

fn max_lifetime(configured: Option<Span>) -> Result<Option<Duration>, ConfigError> {
    match configured {
        Some(span) if span.0.is_zero() => {
            Err(ConfigError::at("max_lifetime", "0s, so no token could pass; write how far away exp may be"))
        }
        span => Ok(span.map(|span| span.0)),
    }
}

fn condition(config: ConditionConfig) -> Result<Condition, ConfigError> {
    Condition::try_from(config).map_err(|error| error.under("authorize"))
}

fn binding(config: Option<SenderConstraintConfig>) -> Result<Binding, ConfigError> {
    let binding = config.map(Binding::try_from).transpose();
    binding.map(Option::unwrap_or_default).map_err(|error| error.under("sender_constraint"))
}

fn keys(
    source: JwksSource,
    allowed: Option<&[Algorithm]>,
    issuer: &Issuer,
) -> Result<KeySource, ConfigError> {
    match source {
        JwksSource::Inline(jwks) => {
            let keys = KeySet::from_jwks(&jwks.keys, allowed).map_err(|error| error.under("inline"))?;
            Ok(KeySource::Inline(keys))
        }
        JwksSource::Remote(remote) => {
            let remote = RemoteJwks::try_from(remote).map_err(|error| error.under("remote"))?;
            Ok(KeySource::Remote(Box::new(RemoteKeys::at_uri(&remote, allowed))))
        }
        JwksSource::Discovery(discovery) => {
            let only = match issuer {
                Issuer::OneOf(names) => names.first().filter(|_| names.len() == 1),
                Issuer::Prefix(_) | Issuer::Any => None,
            };
            let problem =
                "the metadata are those of one issuer; write issuer, or remote with the URI of the keys";
            let issuer = only.ok_or_else(|| ConfigError::at("discovery", problem))?;
            let discovery = Discovery::new(&discovery, issuer).map_err(|error| error.under("discovery"))?;
            Ok(KeySource::Remote(Box::new(RemoteKeys::discovered(discovery, allowed))))
        }
    }
}

fn introspection(config: IntrospectionConfig) -> Result<KeySource, ConfigError> {
    Ok(KeySource::Asked(Box::new(Introspection::new(config)?)))
}

fn revocation(
    config: Option<RevocationConfig>,
) -> Result<(Option<Revoked>, Option<FetchedList>), ConfigError> {
    let Some(config) = config else { return Ok((None, None)) };
    if config.inline.is_none() && config.remote.is_none() {
        return Err(ConfigError::at("", "neither inline nor remote; write one, or leave revocation out"));
    }
    let inline = config.inline.map(Revoked::try_from).transpose().map_err(|error| error.under("inline"))?;
    let remote = config.remote.map(FetchedDocument::try_from).transpose();
    let remote = remote.map_err(|error| error.under("remote"))?;
    let fails_open = config.failure_mode == FailureMode::Allow;
    Ok((inline, remote.map(|remote| FetchedList::new(&remote, fails_open))))
}

fn sources(configured: Option<Vec<Source>>, uses_dpop: bool) -> Result<Vec<Source>, ConfigError> {
    let mut sources = configured.unwrap_or_else(|| Source::authorization(uses_dpop));
    for (index, source) in sources.iter_mut().enumerate() {
        let path = format!("from[{index}]");
        match source {
            Source::Header(header) => {
                header.name =
                    header_name(&header.name).map_err(|error| error.under(&format!("{path}.header.name")))?;
                if header.scheme.as_ref().is_some_and(|scheme| !is_token(scheme)) {
                    let problem = "not a scheme; write one such as Bearer, or leave the member out";
                    return Err(ConfigError::at(format!("{path}.header.scheme"), problem));
                }
            }
            Source::Query(name) | Source::Cookie(name) if !is_name(name) => {
                return Err(ConfigError::at(
                    path,
                    format!("{name:?} is not a name; write letters, digits and -._~"),
                ));
            }
            Source::Query(_) | Source::Cookie(_) => {}
        }
    }
    for (index, source) in sources.iter().enumerate() {
        if sources.iter().take(index).any(|other| other == source) {
            return Err(ConfigError::at(format!("from[{index}]"), "the same place twice; leave one out"));
        }
    }
    Ok(sources)
}

fn outputs(
    claims: Vec<ClaimToHeader>,
    payload: Option<PayloadHeader>,
    state: FilterStateConfig,
) -> Result<Outputs, ConfigError> {
    let claim_headers = claim_headers(claims)?;
    let payload_header = payload.map(|header| payload_header(header, &claim_headers)).transpose()?;
    let name = |member: &str, name: Option<String>| match name {
        Some(name) if !is_name(&name) => {
            let path = format!("filter_state.{member}");
            Err(ConfigError::at(path, format!("{name:?} is not a name; write letters, digits and -._~")))
        }
        name => Ok(name.map(Arc::from)),
    };
    let (payload_state, header_state) = (name("payload", state.payload)?, name("header", state.header)?);
    let failure_state = name("failure", state.failure)?;
    let mut names: Vec<_> = [&payload_state, &header_state, &failure_state].into_iter().flatten().collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(ConfigError::at("filter_state", "one name for two things; give each its own"));
    }
    Ok(Outputs {
        claim_headers,
        payload_header,
        payload_state,
        header_state,
        failure_state,
        space_delimited: state.space_delimited_claims,
    })
}

fn claim_headers(configured: Vec<ClaimToHeader>) -> Result<Vec<ClaimHeader>, ConfigError> {
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (index, mapping) in configured.into_iter().enumerate() {
        let at = format!("claims_to_headers[{index}]");
        let claim = ClaimPath::new("claim", mapping.claim, mapping.path).map_err(|error| error.under(&at))?;
        let path = format!("{at}.header");
        let header = header_name(&mapping.header).map_err(|error| error.under(&path))?;
        if headers.iter().any(|other| reads_as(other.header.as_bytes(), &header)) {
            return Err(ConfigError::at(
                path,
                format!("{header:?} already carries another claim; name another header"),
            ));
        }
        headers.push(ClaimHeader { claim, header: header.into() });
    }
    Ok(headers)
}

fn payload_header(
    config: PayloadHeader,
    claims: &[ClaimHeader],
) -> Result<outputs::PayloadHeader, ConfigError> {
    let name = header_name(&config.name).map_err(|error| error.under("payload_header.name"))?;
    if claims.iter().any(|other| reads_as(other.header.as_bytes(), &name)) {
        let problem = format!("{name:?} already carries a claim; name another header");
        return Err(ConfigError::at("payload_header.name", problem));
    }
    Ok(outputs::PayloadHeader { name: name.into(), padded: config.padded })
}

/// A name that needs no escapes in a query or a cookie.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
