//! The configuration once it has been checked: after this, nothing in it can be wrong.

use portcullis_kit::rules::{Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, ReplyFormat, Span};

use crate::KeySet;
use crate::config::{
    ClaimToHeader, JwksSource, JwtAuthConfig, Mode, ProviderConfig, Requirement, RuleConfig,
};
use crate::jws::media_type;
use crate::provider::{ClaimHeader, Provider, reads_as};
use crate::source::Source;

/// Beyond this, expiry would mean little.
const MAX_SKEW: Span = Span::from_secs(3600);

/// A validated [`JwtAuthConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) providers: Vec<Provider>,
    pub(crate) rules: Rules<Need>,
    pub(crate) shadow: bool,
    pub(crate) format: ReplyFormat,
    pub(crate) realm: String,
}

/// A validated [`Requirement`].
#[derive(Debug)]
pub(crate) enum Need {
    Nothing,
    Nobody,
    /// A token of any of these, by index.
    AnyOf(Vec<usize>),
}

impl TryFrom<JwtAuthConfig> for Policy {
    type Error = ConfigError;

    fn try_from(config: JwtAuthConfig) -> Result<Self, ConfigError> {
        if config.providers.is_empty() {
            return Err(ConfigError::at("providers", "empty; name at least one issuer and its keys"));
        }
        let mut providers: Vec<Provider> = Vec::new();
        for (index, provider) in config.providers.into_iter().enumerate() {
            let path = format!("providers[{index}]");
            if providers.iter().any(|other| other.name == provider.name) {
                let problem =
                    format!("{:?} is the name of another provider too; give each its own", provider.name);
                return Err(ConfigError::at(format!("{path}.name"), problem));
            }
            providers.push(provider.try_into().map_err(|error: ConfigError| error.under(&path))?);
        }
        claim_headers_are_free(&providers, &config.rules)?;
        let rules = config.rules.into_iter().enumerate().map(|(index, rule)| {
            let path = format!("rules[{index}]");
            let matcher = Matcher::try_from(rule.matches).map_err(|e| e.under(&format!("{path}.match")))?;
            if matcher.is_by_route() {
                nothing_reroutes(&providers).map_err(|error| error.under(&format!("{path}.match")))?;
            }
            Ok((matcher, rule.require.resolve(&providers, &format!("{path}.require"))?))
        });
        let rules = Rules::new(
            rules.collect::<Result<_, ConfigError>>()?,
            config.otherwise.resolve(&providers, "otherwise")?,
        );
        if !config.reply.realm.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\')) {
            let problem = format!("{:?}; write printable ASCII without \" and \\", config.reply.realm);
            return Err(ConfigError::at("reply.realm", problem));
        }
        let shadow = config.mode == Mode::Shadow;
        Ok(Self { providers, rules, shadow, format: config.reply.format, realm: config.reply.realm })
    }
}

impl TryFrom<ProviderConfig> for Provider {
    type Error = ConfigError;

    fn try_from(config: ProviderConfig) -> Result<Self, ConfigError> {
        for (member, value) in [("name", &config.name), ("issuer", &config.issuer)] {
            if value.is_empty() {
                return Err(ConfigError::at(member, "empty; write the text that tokens and rules refer to"));
            }
        }
        for (member, is_empty) in [
            ("algorithms", config.algorithms.as_ref().is_some_and(Vec::is_empty)),
            ("types", config.types.as_ref().is_some_and(Vec::is_empty)),
            ("from", config.from.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if is_empty {
                return Err(ConfigError::at(
                    member,
                    "empty, so no token could pass; name one or leave the member out",
                ));
            }
        }
        if config.clock_skew > MAX_SKEW {
            let problem =
                format!("{}; clocks that differ by more than {MAX_SKEW} need mending", config.clock_skew);
            return Err(ConfigError::at("clock_skew", problem));
        }
        let JwksSource::Inline(jwks) = &config.jwks;
        let keys = KeySet::from_jwks(&jwks.keys, config.algorithms.as_deref());
        Ok(Self {
            name: config.name,
            issuer: config.issuer,
            audiences: config.audiences,
            keys: keys.map_err(|error| error.under("jwks.inline"))?,
            algorithms: config.algorithms,
            types: config.types.map(|types| types.iter().map(|typ| media_type(typ)).collect()),
            sources: sources(config.from)?,
            forward: config.forward,
            clock_skew: config.clock_skew.0,
            require_expiration: config.require_expiration,
            claim_headers: claim_headers(config.claims_to_headers)?,
        })
    }
}

impl Requirement {
    fn resolve(self, providers: &[Provider], path: &str) -> Result<Need, ConfigError> {
        let index = |name: &str, path: &str| {
            providers.iter().position(|provider| provider.name == name).ok_or_else(|| {
                let names: Vec<_> = providers.iter().map(|provider| provider.name.as_str()).collect();
                ConfigError::at(path, format!("{name:?} is no provider; there is {}", names.join(", ")))
            })
        };
        match self {
            Self::None => Ok(Need::Nothing),
            Self::Deny => Ok(Need::Nobody),
            Self::Provider(name) => Ok(Need::AnyOf(vec![index(&name, &format!("{path}.provider"))?])),
            Self::Any(names) if names.is_empty() => Err(ConfigError::at(
                format!("{path}.any"),
                "empty, so nobody could pass; name providers, or write deny",
            )),
            Self::Any(names) => {
                let indices =
                    names.iter().enumerate().map(|(at, name)| index(name, &format!("{path}.any[{at}]")));
                Ok(Need::AnyOf(indices.collect::<Result<_, _>>()?))
            }
        }
    }
}

/// Envoy picks the route anew after a filter has changed the request headers, and a decision by the first route would hold for
/// another. So nothing may be changed where a rule decides by route or cluster.
fn nothing_reroutes(providers: &[Provider]) -> Result<(), ConfigError> {
    let changes = |provider: &&Provider| !provider.forward || !provider.claim_headers.is_empty();
    let Some(provider) = providers.iter().find(changes) else { return Ok(()) };
    let problem = format!(
        "route and cluster cannot be trusted once headers change, as provider {:?} changes them; match on host and path, or write forward: true and no claims_to_headers",
        provider.name
    );
    Err(ConfigError::at("", problem))
}

/// What a client sends under the name of a claim header is removed before rules and tokens are looked at: neither would ever be
/// found there.
fn claim_headers_are_free(providers: &[Provider], rules: &[RuleConfig]) -> Result<(), ConfigError> {
    let sources = || providers.iter().flat_map(|provider| &provider.sources);
    let matched = || rules.iter().flat_map(|rule| rule.matches.headers.iter().flatten());
    for (index, provider) in providers.iter().enumerate() {
        for (at, mapped) in provider.claim_headers.iter().enumerate() {
            let fail = |problem| {
                let path = format!("providers[{index}].claims_to_headers[{at}].header");
                Err(ConfigError::at(path, problem))
            };
            if sources().any(|source| reads_as(source.header().as_bytes(), &mapped.header)) {
                return fail("a token is expected in this header; name another");
            }
            if matched().any(|header| reads_as(header.name.to_ascii_lowercase().as_bytes(), &mapped.header)) {
                return fail("a rule matches on this header, which no client can send; name another");
            }
        }
    }
    Ok(())
}

fn sources(configured: Option<Vec<Source>>) -> Result<Vec<Source>, ConfigError> {
    let mut sources = configured.unwrap_or_else(|| vec![Source::bearer()]);
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

fn claim_headers(configured: Vec<ClaimToHeader>) -> Result<Vec<ClaimHeader>, ConfigError> {
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (index, mapping) in configured.into_iter().enumerate() {
        let path = format!("claims_to_headers[{index}].header");
        let header = header_name(&mapping.header).map_err(|error| error.under(&path))?;
        if headers.iter().any(|other| reads_as(other.header.as_bytes(), &header)) {
            return Err(ConfigError::at(
                path,
                format!("{header:?} already carries another claim; name another header"),
            ));
        }
        headers.push(ClaimHeader { claim: mapping.claim, header });
    }
    Ok(headers)
}

/// A field name in lower case (RFC 9110 section 5.1). Those by which proxies route, frame and report are not for claims and
/// tokens.
fn header_name(name: &str) -> Result<String, ConfigError> {
    const RESERVED: [&str; 13] = [
        "connection",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let lower = name.to_ascii_lowercase();
    let is_proxys = ["x-forwarded-", "x-envoy-"].iter().any(|prefix| lower.starts_with(prefix));
    if !is_token(&lower) || is_proxys || RESERVED.contains(&lower.as_str()) {
        let problem = format!("{name:?} is not a header for this; write one such as x-jwt-sub");
        return Err(ConfigError::at("", problem));
    }
    Ok(lower)
}

/// A name that needs no escapes in a query or a cookie.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
