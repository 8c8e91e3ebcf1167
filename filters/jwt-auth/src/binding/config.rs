//! The configuration of sender constraints as it is written.

use portcullis_kit::{ConfigError, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Binding;
use super::dpop::Dpop;
use super::nonce::Nonces;
use super::replay::{ReplayCache, SLOT_ENTRIES};
use crate::Algorithm;
use crate::introspection::Secret;

/// RFC 9449 section 11.1: a proof is fresh for seconds or minutes.
pub(super) const MAX_AGE: Span = Span::from_secs(600);
pub(super) const MAX_SKEW: Span = Span::from_secs(60);
/// 16 bytes each: at most 16 MiB of the proxy's memory.
const MAX_ENTRIES: u32 = 1 << 20;
const MIN_SECRET: usize = 32;
const MAX_LIFETIME: Span = Span::from_secs(86_400);

/// How a client proves that a token is its own.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderConstraintConfig {
    /// Which binding a token needs. A token that is bound is checked in any case.
    #[serde(default)]
    pub(crate) require: Require,
    /// Proofs of possession in the DPoP header (RFC 9449). Left out: tokens with `cnf.jkt` are refused.
    pub(crate) dpop: Option<DpopConfig>,
    /// Client certificates (RFC 8705 section 3). Left out: tokens with `cnf.x5t#S256` are refused.
    pub(crate) mtls: Option<MtlsConfig>,
}

/// Which binding a token needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Require {
    /// None; a token may be a bearer token.
    #[default]
    None,
    /// A client certificate: `cnf.x5t#S256`.
    Mtls,
    /// A DPoP key: `cnf.jkt`.
    Dpop,
    /// Either.
    Any,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MtlsConfig {}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DpopConfig {
    /// The algorithms that a proof may be signed with, asymmetric ones only.
    #[serde(default = "default_algorithms")]
    pub(crate) algorithms: Vec<Algorithm>,
    /// How old a proof may be, by its `iat`.
    #[serde(default = "default_max_age")]
    pub(crate) max_age: Span,
    /// How far in the future its `iat` may be.
    #[serde(default = "default_skew")]
    pub(crate) skew: Span,
    /// The memory of proofs that have been used.
    #[serde(default)]
    pub(crate) replay: ReplayConfig,
    /// Nonces of our own that proofs have to contain (RFC 9449 section 9). Left out: none is asked for.
    pub(crate) nonce: Option<NonceConfig>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayConfig {
    /// How many proofs are remembered, each until `max_age` has passed, by all workers together and 16 bytes each. Twice the proofs of
    /// `max_age` plus `skew` at the highest load: when their part of the memory is full, further proofs are refused.
    #[serde(default = "default_entries")]
    pub(crate) entries: u32,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self { entries: default_entries() }
    }
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NonceConfig {
    /// The secret that nonces are made with, at least 32 bytes, the same on every proxy that a client may reach.
    pub(crate) secret: Secret,
    /// How long a nonce may be used.
    #[serde(default = "default_lifetime")]
    pub(crate) lifetime: Span,
}

impl std::fmt::Debug for NonceConfig {
    /// Shows the lifetime and nothing of the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nonces for {}", self.lifetime)
    }
}

impl TryFrom<SenderConstraintConfig> for Binding {
    type Error = ConfigError;

    fn try_from(config: SenderConstraintConfig) -> Result<Self, ConfigError> {
        let (dpop, mtls) = (config.dpop.is_some(), config.mtls.is_some());
        let missing = match config.require {
            Require::Mtls if !mtls => "mtls, which is not configured; add mtls: {}",
            Require::Dpop if !dpop => "dpop, which is not configured; add dpop: {}",
            Require::Any if !(dpop || mtls) => "any, and neither is configured; add dpop: {} or mtls: {}",
            _ => "",
        };
        if !missing.is_empty() {
            return Err(ConfigError::at("require", missing));
        }
        let dpop = config.dpop.map(Dpop::try_from).transpose().map_err(|error| error.under("dpop"))?;
        Ok(Self { require: config.require, dpop, mtls })
    }
}

impl TryFrom<DpopConfig> for Dpop {
    type Error = ConfigError;

    fn try_from(config: DpopConfig) -> Result<Self, ConfigError> {
        if config.algorithms.is_empty() {
            return Err(ConfigError::at(
                "algorithms",
                "empty, so no proof could pass; name one or leave it out",
            ));
        }
        if let Some(at) = config.algorithms.iter().position(|algorithm| !is_asymmetric(*algorithm)) {
            let problem =
                "a shared secret proves nothing here (RFC 9449 section 4.3); name one such as ES256";
            return Err(ConfigError::at(format!("algorithms[{at}]"), problem));
        }
        within("max_age", config.max_age, Span::from_secs(1), MAX_AGE)?;
        within("skew", config.skew, Span::from_secs(0), MAX_SKEW)?;
        let entries = config.replay.entries;
        if !(SLOT_ENTRIES..=MAX_ENTRIES).contains(&entries) {
            let problem = format!("{entries}; write {SLOT_ENTRIES} to {MAX_ENTRIES}");
            return Err(ConfigError::at("replay.entries", problem));
        }
        let window = config.max_age.0.saturating_add(config.skew.0);
        Ok(Self {
            seen: ReplayCache::new(entries, window),
            nonces: config.nonce.map(|nonce| nonces(&nonce, config.skew)).transpose()?,
            algorithms: config.algorithms,
            max_age: config.max_age.0,
            skew: config.skew.0,
        })
    }
}

fn nonces(config: &NonceConfig, skew: Span) -> Result<Nonces, ConfigError> {
    let length = config.secret.reveal().len();
    if length < MIN_SECRET {
        let problem = format!("{length} bytes; write at least {MIN_SECRET} from a random source");
        return Err(ConfigError::at("nonce.secret", problem));
    }
    within("nonce.lifetime", config.lifetime, Span::from_secs(10), MAX_LIFETIME)?;
    Ok(Nonces::new(config.secret.reveal().as_bytes(), config.lifetime.0, skew.0))
}

fn within(path: &str, span: Span, least: Span, most: Span) -> Result<(), ConfigError> {
    match (least..=most).contains(&span) {
        true => Ok(()),
        false => Err(ConfigError::at(path, format!("{span}; write {least} to {most}"))),
    }
}

const fn is_asymmetric(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512)
}

/// Those of the FAPI 2.0 security profile (section 5.4.1), and ES384.
fn default_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Ps256]
}

const fn default_max_age() -> Span {
    Span::from_secs(60)
}

const fn default_skew() -> Span {
    Span::from_secs(5)
}

const fn default_entries() -> u32 {
    65_536
}

const fn default_lifetime() -> Span {
    Span::from_secs(300)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn error(config: Value) -> String {
        let config: SenderConstraintConfig = serde_json::from_value(config).unwrap();
        Binding::try_from(config).unwrap_err().to_string()
    }

    #[test]
    fn what_is_required_is_configured() {
        assert_eq!(
            error(json!({"require": "dpop", "mtls": {}})),
            "require: dpop, which is not configured; add dpop: {}"
        );
        assert_eq!(
            error(json!({"require": "mtls", "dpop": {}})),
            "require: mtls, which is not configured; add mtls: {}"
        );
        assert!(error(json!({"require": "any"})).starts_with("require: any, and neither"));
    }

    #[test]
    fn a_mistake_names_its_path_and_the_remedy() {
        let dpop = |config: Value| error(json!({"dpop": config}));
        assert!(dpop(json!({"algorithms": []})).starts_with("dpop.algorithms: empty"));
        assert!(
            dpop(json!({"algorithms": ["ES256", "HS256"]}))
                .starts_with("dpop.algorithms[1]: a shared secret")
        );
        assert_eq!(dpop(json!({"max_age": "0s"})), "dpop.max_age: 0s; write 1s to 10m");
        assert_eq!(dpop(json!({"max_age": "1h"})), "dpop.max_age: 1h; write 1s to 10m");
        assert_eq!(dpop(json!({"skew": "2m"})), "dpop.skew: 2m; write 0s to 1m");
        assert_eq!(dpop(json!({"replay": {"entries": 63}})), "dpop.replay.entries: 63; write 64 to 1048576");
        let short = dpop(json!({"nonce": {"secret": "hunter2"}}));
        assert_eq!(short, "dpop.nonce.secret: 7 bytes; write at least 32 from a random source");
        let secret = "0123456789abcdef0123456789abcdef";
        assert!(
            dpop(json!({"nonce": {"secret": secret, "lifetime": "1s"}}))
                .starts_with("dpop.nonce.lifetime: 1s")
        );
    }

    #[test]
    fn a_secret_is_in_no_debug_output() {
        let secret = "a secret of thirty-two bytes here";
        let config: SenderConstraintConfig =
            serde_json::from_value(json!({"dpop": {"nonce": {"secret": secret}}})).unwrap();
        assert!(!format!("{config:?}").contains("thirty"));
        assert!(!format!("{:?}", Binding::try_from(config).unwrap()).contains("thirty"));
    }
}
