use portcullis_kit::rules::{MatchConfig, Matcher, Rules};
use portcullis_kit::{ConfigError, ReplyFormat, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::jws::media_type;
use crate::provider::{ClaimHeader, Provider};
use crate::source::Source;
use crate::{Algorithm, KeySet};

/// The configuration of jwt-auth as it is written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtAuthConfig {
    /// The issuers whose tokens are accepted.
    providers: Vec<ProviderConfig>,
    /// What requests need, first match wins.
    #[serde(default)]
    rules: Vec<RuleConfig>,
    /// What a request needs that no rule matches.
    otherwise: Requirement,
    /// Whether denials are carried out.
    #[serde(default)]
    mode: Mode,
    /// What a denied client is told.
    #[serde(default)]
    reply: ReplyConfig,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProviderConfig {
    /// The name by which rules refer to it.
    name: String,
    /// The `iss` of its tokens, equal byte for byte.
    issuer: String,
    /// A token has to name one of these in `aud`. An empty list accepts any audience.
    audiences: Vec<String>,
    /// Its keys.
    jwks: JwksSource,
    /// The algorithms accepted. Left out: those of its keys.
    algorithms: Option<Vec<Algorithm>>,
    /// The `typ` values accepted, any case; a token without `typ` is then refused. Left out: `JWT`, `at+jwt` or none.
    types: Option<Vec<String>>,
    /// Where the token is. Left out: `Authorization: Bearer`.
    from: Option<Vec<Source>>,
    /// Whether the upstream gets the token too.
    #[serde(default)]
    forward: bool,
    /// How far the clocks of issuer and proxy may differ.
    #[serde(default = "default_skew")]
    clock_skew: Span,
    /// Whether a token without `exp` is refused.
    #[serde(default = "yes")]
    require_expiration: bool,
    /// Claims that the upstream gets as headers. Whatever a client sends under these names is removed from every request.
    #[serde(default)]
    claims_to_headers: Vec<ClaimToHeader>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum JwksSource {
    /// The JWK Set itself.
    Inline(Jwks),
}

/// A JWK Set (RFC 7517 section 5); unknown members are allowed, as the RFC asks.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Jwks {
    /// The keys.
    keys: Vec<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClaimToHeader {
    /// The claim: a member of the payload.
    claim: String,
    /// The header.
    header: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    /// Which requests.
    #[serde(rename = "match")]
    matches: MatchConfig,
    /// What they need.
    require: Requirement,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Requirement {
    /// No token; one that is there is not looked at.
    None,
    /// Nobody passes.
    Deny,
    /// A token of this provider.
    Provider(String),
    /// A token of any of these providers.
    Any(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Denials are carried out.
    #[default]
    Enforce,
    /// Denials are counted and logged, and the request passes.
    Shadow,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReplyConfig {
    /// The form of the body.
    #[serde(default)]
    format: ReplyFormat,
    /// The `realm` of the challenge (RFC 9110 section 11.5).
    #[serde(default = "default_realm")]
    realm: String,
}

impl Default for ReplyConfig {
    fn default() -> Self {
        Self { format: ReplyFormat::default(), realm: default_realm() }
    }
}

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

fn sources(configured: Option<Vec<Source>>) -> Result<Vec<Source>, ConfigError> {
    let mut sources = configured.unwrap_or_else(|| vec![Source::bearer()]);
    for (index, source) in sources.iter_mut().enumerate() {
        let path = format!("from[{index}]");
        match source {
            Source::Header(header) => {
                header.name =
                    header_name(&header.name).map_err(|error| error.under(&format!("{path}.header.name")))?;
            }
            Source::Query(name) | Source::Cookie(name) if !is_token(name) => {
                return Err(ConfigError::at(
                    path,
                    format!("{name:?} is not a name; write letters, digits and -._~"),
                ));
            }
            Source::Query(_) | Source::Cookie(_) => {}
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

/// The `token` of RFC 9110 section 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn default_skew() -> Span {
    Span::from_secs(60)
}

fn default_realm() -> String {
    "portcullis".into()
}

const fn yes() -> bool {
    true
}
