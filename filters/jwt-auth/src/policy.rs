//! The configuration once it has been checked: after this, nothing in it can be wrong.

use portcullis_kit::rules::{Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, ReplyFormat};

use crate::KeySet;
use crate::config::{ClaimToHeader, JwksSource, JwtAuthConfig, Mode, ProviderConfig, Requirement};
use crate::jws::media_type;
use crate::provider::{ClaimHeader, Provider};
use crate::source::Source;

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
        no_claim_where_a_token_is(&providers)?;
        let rules = config.rules.into_iter().enumerate().map(|(index, rule)| {
            let path = format!("rules[{index}]");
            let matcher = Matcher::try_from(rule.matches).map_err(|e| e.under(&format!("{path}.match")))?;
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

/// A claim header is removed before the token is looked for, so that no token would ever be found there.
fn no_claim_where_a_token_is(providers: &[Provider]) -> Result<(), ConfigError> {
    let is_source = |header: &str| {
        let mut sources = providers.iter().flat_map(|provider| &provider.sources);
        sources.any(|source| {
            matches!(source, Source::Header(source) if source.name == header)
                || header == "cookie" && matches!(source, Source::Cookie(_))
        })
    };
    for (index, provider) in providers.iter().enumerate() {
        if let Some(at) = provider.claim_headers.iter().position(|mapped| is_source(&mapped.header)) {
            let path = format!("providers[{index}].claims_to_headers[{at}].header");
            return Err(ConfigError::at(path, "a token is expected in this header; name another"));
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
        if headers.iter().any(|other| other.header == header) {
            return Err(ConfigError::at(
                path,
                format!("{header:?} already carries another claim; name another header"),
            ));
        }
        headers.push(ClaimHeader { claim: mapping.claim, header });
    }
    Ok(headers)
}

/// A field name in lower case (RFC 9110 section 5.1). Those by which the proxy routes and frames are not for claims and tokens.
fn header_name(name: &str) -> Result<String, ConfigError> {
    const RESERVED: [&str; 6] =
        ["connection", "content-length", "host", "te", "transfer-encoding", "upgrade"];
    let lower = name.to_ascii_lowercase();
    if !is_token(&lower) || RESERVED.contains(&lower.as_str()) {
        return Err(ConfigError::at(
            "",
            format!("{name:?} is not a header for this; write one such as x-jwt-sub"),
        ));
    }
    Ok(lower)
}

/// A name that needs no escapes in a query or a cookie.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
