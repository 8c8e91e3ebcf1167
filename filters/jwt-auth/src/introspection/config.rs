//! The configuration of introspection, as it is written, and what it becomes.

use std::time::Duration;

use portcullis_kit::{ConfigError, Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::{Request, is_b64token};
use super::secret::Secret;
use crate::remote::Uri;

const MAX_TIMEOUT: Span = Span::from_secs(30);
const MAX_WAITING: u32 = 1024;
const DAY: Span = Span::from_secs(24 * 3600);

/// Tokens that nobody but their issuer can read: the authorization server is asked about each (RFC 7662). Answers in the form of
/// a JWT (RFC 9701) are not understood.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionConfig {
    /// The Envoy cluster of the authorization server. It has to speak TLS (RFC 7662 section 4): tokens and the secret go there.
    pub(crate) cluster: String,
    /// The URI of the introspection endpoint: its host becomes `:authority`, the rest `:path`.
    pub(crate) uri: String,
    /// How the filter proves who it is, by HTTP Basic. Without `client` and `bearer` the cluster's TLS certificate has to do.
    pub(crate) client: Option<ClientConfig>,
    /// How the filter proves who it is, by an access token of its own.
    pub(crate) bearer: Option<Secret>,
    /// What kind of token the server should look for first, `access_token` for example (RFC 7662 section 2.1).
    pub(crate) token_type_hint: Option<String>,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub(crate) timeout: Span,
    /// How long answers are remembered in each worker.
    #[serde(default)]
    pub(crate) cache: IntrospectionCacheConfig,
    /// What becomes of a request while something cannot be fetched that decides about its token.
    #[serde(default)]
    pub(crate) failure_mode: FailureMode,
    /// How many requests may wait for answers in each worker. Further ones are denied, whatever `failure_mode` says.
    #[serde(default = "default_max_waiting")]
    pub(crate) max_waiting: u32,
}

/// The credentials of a client (RFC 6749 section 2.3.1).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientConfig {
    /// Its `client_id`.
    pub(crate) id: String,
    /// Its `client_secret`.
    pub(crate) secret: Secret,
}

/// How long answers are remembered in each worker.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IntrospectionCacheConfig {
    /// That a token is active, never past its `exp`. This is how long a revoked token may still pass. `0s`: the server is asked for
    /// every request, but those that come while it is asked share its answer.
    pub(crate) ttl: Span,
    /// That a token is not active.
    pub(crate) inactive_ttl: Span,
    /// The memory for answers. A quarter of it is for tokens that are not active, so that these displace no others.
    pub(crate) max_bytes: Size,
}

/// What becomes of a request while something cannot be fetched that decides about its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureMode {
    /// It is denied with 503.
    #[default]
    Deny,
    /// It passes as if nothing were to be said against its token: whoever brings the outage about gets in. For introspection only when
    /// the server cannot be reached, does not answer in time, or answers 429 or 5xx, and then without claims.
    Allow,
}

/// A validated [`IntrospectionConfig`].
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) request: Request,
    pub(crate) ttl: Duration,
    pub(crate) inactive_ttl: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) failure_mode: FailureMode,
    pub(crate) max_waiting: usize,
}

impl TryFrom<IntrospectionConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: IntrospectionConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let authorization = authorization(config.client, config.bearer)?;
        let uri = uri(&config.uri)?;
        let hint = config.token_type_hint.as_deref();
        Ok(Self {
            request: Request::new(config.cluster, uri, authorization, hint, config.timeout.0),
            ttl: config.cache.ttl.0,
            inactive_ttl: config.cache.inactive_ttl.0,
            max_bytes: config.cache.max_bytes.bytes(),
            failure_mode: config.failure_mode,
            max_waiting: usize::try_from(config.max_waiting).unwrap_or(usize::MAX),
        })
    }
}

impl IntrospectionConfig {
    fn check(&self) -> Result<(), ConfigError> {
        if self.cluster.is_empty() {
            let problem = "empty; name the Envoy cluster of the authorization server";
            return Err(ConfigError::at("cluster", problem));
        }
        if self.token_type_hint.as_ref().is_some_and(String::is_empty) {
            let problem = "empty; write access_token or leave the member out";
            return Err(ConfigError::at("token_type_hint", problem));
        }
        for (member, value, least, most) in [
            ("timeout", self.timeout, Span(Duration::from_millis(10)), MAX_TIMEOUT),
            ("cache.ttl", self.cache.ttl, Span::from_secs(0), DAY),
            ("cache.inactive_ttl", self.cache.inactive_ttl, Span::from_secs(0), DAY),
        ] {
            if value < least || value > most {
                return Err(ConfigError::at(member, format!("{value}; write a time from {least} to {most}")));
            }
        }
        let (size, least, most) = (self.cache.max_bytes, Size(64 << 10), Size(1 << 30));
        if size < least || size > most {
            let problem =
                format!("{size}; write a size from {least} to {most}, and ttl: 0s to remember nothing");
            return Err(ConfigError::at("cache.max_bytes", problem));
        }
        match self.max_waiting {
            1..=MAX_WAITING => Ok(()),
            number => Err(ConfigError::at(
                "max_waiting",
                format!("{number}; write a number from 1 to {MAX_WAITING}"),
            )),
        }
    }
}

impl Default for IntrospectionCacheConfig {
    fn default() -> Self {
        Self { ttl: Span::from_secs(60), inactive_ttl: Span::from_secs(10), max_bytes: Size(1 << 20) }
    }
}

/// The value of `authorization`.
fn authorization(
    client: Option<ClientConfig>,
    bearer: Option<Secret>,
) -> Result<Option<String>, ConfigError> {
    match (client, bearer) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(ConfigError::at("bearer", "given beside client; keep one of them")),
        (None, Some(bearer)) if is_b64token(bearer.reveal().as_bytes()) => {
            Ok(Some(format!("Bearer {}", bearer.reveal())))
        }
        (None, Some(_)) => {
            // RFC 6750 section 2.1. The value is a secret, and not shown.
            let problem = "not a bearer token; write letters, digits and -._~+/, at the end =";
            Err(ConfigError::at("bearer", problem))
        }
        (Some(client), None) if client.id.is_empty() => {
            Err(ConfigError::at("client.id", "empty; write the client_id"))
        }
        (Some(client), None) if client.secret.reveal().is_empty() => {
            Err(ConfigError::at("client.secret", "empty; write the client_secret"))
        }
        (Some(client), None) => Ok(Some(super::request::basic(&client.id, client.secret.reveal()))),
    }
}

fn uri(text: &str) -> Result<Uri, ConfigError> {
    Uri::from_config("uri", text, "https://idp.example/introspect")
}

fn default_timeout() -> Span {
    Span::from_secs(2)
}

const fn default_max_waiting() -> u32 {
    1024
}

#[cfg(test)]
mod tests {
    use portcullis_kit::parse_config;

    use super::*;

    fn settings(members: &str) -> Result<Settings, String> {
        let text = format!(r#"{{"cluster":"idp","uri":"https://idp.example/introspect"{members}}}"#);
        let config = parse_config::<IntrospectionConfig>(text.as_bytes());
        config.and_then(Settings::try_from).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let settings = settings("").unwrap();
        assert_eq!((settings.ttl, settings.inactive_ttl), (Duration::from_secs(60), Duration::from_secs(10)));
        assert_eq!((settings.max_bytes, settings.max_waiting), (1 << 20, 1024));
        assert_eq!(settings.failure_mode, FailureMode::Deny);
    }

    #[test]
    fn a_mistake_names_path_value_and_remedy() {
        for (member, error) in [
            (r#","timeout":"1ms""#, "timeout: 1ms; write a time from 10ms to 30s"),
            (r#","timeout":"31s""#, "timeout: 31s; write a time from 10ms to 30s"),
            (r#","cache":{"ttl":"25h"}"#, "cache.ttl: 25h; write a time from 0s to 24h"),
            (r#","cache":{"inactive_ttl":"25h"}"#, "cache.inactive_ttl: 25h; write a time from 0s to 24h"),
            (
                r#","cache":{"max_bytes":"1KiB"}"#,
                "cache.max_bytes: 1KiB; write a size from 64KiB to 1GiB, and ttl: 0s to remember nothing",
            ),
            (r#","max_waiting":0"#, "max_waiting: 0; write a number from 1 to 1024"),
            (
                r#","token_type_hint":"""#,
                "token_type_hint: empty; write access_token or leave the member out",
            ),
            (r#","client":{"id":"","secret":"s"}"#, "client.id: empty; write the client_id"),
            (r#","client":{"id":"a","secret":""}"#, "client.secret: empty; write the client_secret"),
            (
                r#","client":{"id":"a","secret":"s"},"bearer":"t""#,
                "bearer: given beside client; keep one of them",
            ),
        ] {
            assert_eq!(settings(member).unwrap_err(), error);
        }
        let config = parse_config::<IntrospectionConfig>(br#"{"cluster":"","uri":"https://a"}"#).unwrap();
        let error = Settings::try_from(config).unwrap_err().to_string();
        assert_eq!(error, "cluster: empty; name the Envoy cluster of the authorization server");
        let config =
            parse_config::<IntrospectionConfig>(br#"{"cluster":"c","uri":"idp?key=hunter2"}"#).unwrap();
        let error = Settings::try_from(config).unwrap_err().to_string();
        assert!(
            error.starts_with(r#"uri: "idp"; write an absolute URI"#) && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let config = br#"{"cluster":"c","uri":"https://me:hunter2@idp.example/"}"#;
        let config = parse_config::<IntrospectionConfig>(config).unwrap();
        let error = Settings::try_from(config).unwrap_err().to_string();
        assert!(error.starts_with("uri: ") && !error.contains("hunter2"), "{error}");
        for member in [
            r#","client":{"id":"a","secret":"hunter2hunter2"}"#,
            r#","bearer":"hunter2hunter2""#,
            r#","bearer":"hunter2hunter2\r\nx: y""#,
            r#","client":{"id":"a","secret":["hunter2hunter2"]}"#,
            r#","client":"hunter2hunter2""#,
            r#","bearer":{"token":"hunter2hunter2"}"#,
        ] {
            let text = format!(r#"{{"cluster":"idp","uri":"https://idp.example/"{member}}}"#);
            let shown = match parse_config::<IntrospectionConfig>(text.as_bytes()) {
                Ok(config) => format!("{config:?} {:?}", Settings::try_from(config.clone())),
                Err(error) => error.to_string(),
            };
            let base64_of_it = ["aHVudGVy", "h1bnRlcj", "odW50ZX"];
            assert!(!shown.contains("hunter"), "{shown}");
            assert!(!base64_of_it.iter().any(|part| shown.contains(part)), "{shown}");
        }
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(settings(r#","urL":"x""#).unwrap_err().contains("unknown field"));
        assert!(settings(r#","cache":{"tll":"1s"}"#).unwrap_err().contains("unknown field"));
        assert!(
            settings(r#","client":{"id":"a","secret":"b","c":1}"#).unwrap_err().contains("unknown field")
        );
    }
}
