use std::time::Duration;

use portcullis_kit::{ConfigError, Size, Span};

use super::config::{DiscoveryConfig, FetchedConfig, RemoteJwksConfig, RetryConfig};
use super::uri::Uri;

/// What the answer to a call can be (`HttpFilter::MAX_ANSWER`).
const MAX_BYTES: Size = Size::from_kib(1024);
const MAX_KEYS: u16 = 1000;
const HOUR: u64 = 3600;
const WEEK: Span = Span::from_secs(7 * 24 * HOUR);

/// How a document is fetched and how long it is used, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) cluster: String,
    pub(crate) timeout: Duration,
    pub(crate) refresh: Duration,
    pub(crate) min_refresh: Duration,
    pub(crate) max_refresh: Duration,
    pub(crate) refetch_interval: Duration,
    pub(crate) retry_base: Duration,
    pub(crate) retry_max: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) max_bytes: usize,
}

/// A validated [`RemoteJwksConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteJwks {
    pub(crate) settings: Settings,
    pub(crate) uri: Uri,
    pub(crate) max_keys: usize,
}

/// A validated [`DiscoveryConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) uri: Uri,
    pub(crate) settings: Settings,
    pub(crate) jwks: Settings,
    /// Whether the operator has said who serves the JWK Set, so that it may be on another host.
    pub(crate) names_jwks_cluster: bool,
    pub(crate) max_keys: usize,
}

/// A validated [`FetchedConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchedDocument {
    pub(crate) settings: Settings,
    pub(crate) uri: Uri,
}

impl TryFrom<RemoteJwksConfig> for RemoteJwks {
    type Error = ConfigError;

    fn try_from(config: RemoteJwksConfig) -> Result<Self, ConfigError> {
        let max_keys = max_keys(config.max_keys)?;
        Ok(Self { settings: config.settings()?, uri: uri(&config.uri)?, max_keys })
    }
}

impl TryFrom<FetchedConfig> for FetchedDocument {
    type Error = ConfigError;

    fn try_from(config: FetchedConfig) -> Result<Self, ConfigError> {
        Ok(Self { settings: config.settings()?, uri: uri(&config.uri)? })
    }
}

impl Discovery {
    /// Checks the configuration of discovery for this issuer.
    pub(crate) fn new(config: &DiscoveryConfig, issuer: &str) -> Result<Self, ConfigError> {
        let settings = config.settings()?;
        let uri = match &config.uri {
            Some(text) => uri(text)?,
            None => well_known(issuer)?,
        };
        let jwks_cluster = config.jwks_cluster.as_ref().unwrap_or(&config.cluster);
        if jwks_cluster.is_empty() {
            return Err(ConfigError::at(
                "jwks_cluster",
                "empty; name the Envoy cluster that serves the JWK Set",
            ));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            uri,
            jwks: Settings { cluster: jwks_cluster.clone(), ..settings.clone() },
            settings,
            names_jwks_cluster: config.jwks_cluster.is_some(),
            max_keys: max_keys(config.max_keys)?,
        })
    }
}

fn uri(text: &str) -> Result<Uri, ConfigError> {
    Uri::from_config("uri", text, "https://idp.example/jwks")
}

/// OpenID Connect Discovery 1.0 section 4: the slash at the end of an issuer goes.
fn well_known(issuer: &str) -> Result<Uri, ConfigError> {
    let text = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    Uri::parse(&text).filter(|_| !issuer.contains('?')).ok_or_else(|| {
        ConfigError::at(
            "uri",
            format!("missing, and the issuer {issuer:?} is no URI that leads to its metadata; name the URI"),
        )
    })
}

fn max_keys(number: u16) -> Result<usize, ConfigError> {
    match number {
        1..=MAX_KEYS => Ok(number.into()),
        _ => Err(ConfigError::at("max_keys", format!("{number}; write a number from 1 to {MAX_KEYS}"))),
    }
}

/// The members that every fetched document has.
pub(super) struct Fetched<'a> {
    pub(super) cluster: &'a str,
    pub(super) timeout: Span,
    pub(super) refresh: Span,
    pub(super) min_refresh: Span,
    pub(super) max_refresh: Span,
    pub(super) refetch_interval: Span,
    pub(super) retry: RetryConfig,
    pub(super) stale_for: Span,
    pub(super) max_bytes: Size,
}

/// How long a document is fresh where nobody says so.
pub(super) const DEFAULT_REFRESH: Span = Span::from_secs(600);

impl Fetched<'_> {
    pub(super) fn settings(mut self) -> Result<Settings, ConfigError> {
        // What nobody has written contradicts nothing.
        if self.refresh == DEFAULT_REFRESH && self.min_refresh <= self.max_refresh {
            self.refresh = self.refresh.clamp(self.min_refresh, self.max_refresh);
        }
        if self.cluster.is_empty() {
            return Err(ConfigError::at("cluster", "empty; name the Envoy cluster that serves the document"));
        }
        let second = Span::from_secs(1);
        let (hour, ten) = (Span::from_secs(HOUR), Span(Duration::from_millis(10)));
        for (member, value, least, most) in [
            ("timeout", self.timeout, ten, Span::from_secs(60)),
            ("min_refresh", self.min_refresh, second, WEEK),
            ("max_refresh", self.max_refresh, self.min_refresh, WEEK),
            ("refresh", self.refresh, self.min_refresh, self.max_refresh),
            ("refetch_interval", self.refetch_interval, second, hour),
            ("retry.base", self.retry.base, Span(Duration::from_millis(100)), hour),
            ("retry.max", self.retry.max, self.retry.base, hour),
            ("stale_for", self.stale_for, Span::from_secs(0), WEEK),
        ] {
            if value < least || value > most {
                return Err(ConfigError::at(member, format!("{value}; write a time from {least} to {most}")));
            }
        }
        if self.max_bytes < Size(1) || self.max_bytes > MAX_BYTES {
            return Err(ConfigError::at(
                "max_bytes",
                format!("{}; write a size from 1B to {MAX_BYTES}", self.max_bytes),
            ));
        }
        Ok(Settings {
            cluster: self.cluster.to_owned(),
            timeout: self.timeout.0,
            refresh: self.refresh.0,
            min_refresh: self.min_refresh.0,
            max_refresh: self.max_refresh.0,
            refetch_interval: self.refetch_interval.0,
            retry_base: self.retry.base.0,
            retry_max: self.retry.max.0,
            stale_for: self.stale_for.0,
            max_bytes: self.max_bytes.bytes(),
        })
    }
}

#[cfg(test)]
impl Settings {
    /// The defaults, and a cluster.
    pub(crate) fn example() -> Self {
        Self {
            cluster: "idp".into(),
            timeout: Duration::from_secs(5),
            refresh: Duration::from_secs(600),
            min_refresh: Duration::from_secs(60),
            max_refresh: Duration::from_secs(24 * 3600),
            refetch_interval: Duration::from_secs(30),
            retry_base: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            stale_for: Duration::from_secs(3600),
            max_bytes: 128 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::parse_config;

    use super::*;

    fn remote(text: &str) -> Result<RemoteJwks, String> {
        let config = parse_config::<RemoteJwksConfig>(text.as_bytes());
        config.and_then(RemoteJwks::try_from).map_err(|error| error.to_string())
    }

    fn discovery(members: &str, issuer: &str) -> Result<Discovery, String> {
        let text = format!(r#"{{"cluster":"idp"{members}}}"#);
        let config = parse_config::<DiscoveryConfig>(text.as_bytes());
        config.and_then(|config| Discovery::new(&config, issuer)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let jwks = remote(r#"{"cluster":"idp","uri":"https://idp.example/jwks"}"#).unwrap();
        assert_eq!(jwks.settings, Settings::example());
        assert_eq!(
            (jwks.uri.authority.as_str(), jwks.uri.path.as_str(), jwks.max_keys),
            ("idp.example", "/jwks", 100)
        );
    }

    #[test]
    fn every_member_is_read() {
        let jwks = remote(
            r#"{"cluster":"c","uri":"http://a","timeout":"1s","refresh":"3m","min_refresh":"2m","max_refresh":"4m",
                "refetch_interval":"5s","retry":{"base":"2s","max":"3s"},"stale_for":"0s","max_bytes":"1MiB","max_keys":3}"#,
        )
        .unwrap();
        let seconds = Duration::from_secs;
        let expected = Settings {
            cluster: "c".into(),
            timeout: seconds(1),
            refresh: seconds(180),
            min_refresh: seconds(120),
            max_refresh: seconds(240),
            refetch_interval: seconds(5),
            retry_base: seconds(2),
            retry_max: seconds(3),
            stale_for: seconds(0),
            max_bytes: 1 << 20,
        };
        assert_eq!((jwks.settings, jwks.max_keys), (expected, 3));
    }

    #[test]
    fn a_mistake_names_path_value_and_remedy() {
        let with =
            |member: &str| remote(&format!(r#"{{"cluster":"c","uri":"https://a"{member}}}"#)).unwrap_err();
        let refresh = |member: &str| {
            remote(&format!(r#"{{"cluster":"c","uri":"https://a"{member}}}"#)).unwrap().settings.refresh
        };
        assert_eq!(
            refresh(r#","max_refresh":"5m""#),
            Duration::from_secs(300),
            "a default contradicts nothing"
        );
        for (member, error) in [
            (r#","timeout":"0s""#, "timeout: 0s; write a time from 10ms to 1m"),
            (r#","timeout":"2m""#, "timeout: 2m; write a time from 10ms to 1m"),
            (r#","refresh":"30s""#, "refresh: 30s; write a time from 1m to 24h"),
            (r#","refresh":"6m","max_refresh":"5m""#, "refresh: 6m; write a time from 1m to 5m"),
            (r#","max_refresh":"1s""#, "max_refresh: 1s; write a time from 1m to 168h"),
            (r#","min_refresh":"10ms""#, "min_refresh: 10ms; write a time from 1s to 168h"),
            (r#","refetch_interval":"2h""#, "refetch_interval: 2h; write a time from 1s to 1h"),
            (r#","retry":{"base":"1ms"}"#, "retry.base: 1ms; write a time from 100ms to 1h"),
            (r#","retry":{"base":"2m"}"#, "retry.max: 1m; write a time from 2m to 1h"),
            (r#","stale_for":"169h""#, "stale_for: 169h; write a time from 0s to 168h"),
            (r#","max_bytes":"2MiB""#, "max_bytes: 2MiB; write a size from 1B to 1MiB"),
            (r#","max_keys":0"#, "max_keys: 0; write a number from 1 to 1000"),
            (r#","max_keys":1001"#, "max_keys: 1001; write a number from 1 to 1000"),
        ] {
            assert_eq!(with(member), error);
        }
        assert!(with(r#","retry":{"bas":"1s"}"#).starts_with("retry.bas: unknown field"));
        assert!(with(r#","x":1"#).starts_with("x: unknown field"));
        assert!(remote(r#"{"cluster":"","uri":"https://a"}"#).unwrap_err().starts_with("cluster: empty; "));
        assert!(
            remote(r#"{"cluster":"c","uri":"a/b"}"#)
                .unwrap_err()
                .starts_with("uri: \"a/b\"; write an absolute URI")
        );
        assert!(remote(r#"{"cluster":"c"}"#).unwrap_err().contains("missing field `uri`"));
    }

    #[test]
    fn metadata_are_where_the_issuer_says() {
        for issuer in ["https://idp.example/realms/a", "https://idp.example/realms/a/"] {
            let found = discovery("", issuer).unwrap();
            assert_eq!(found.uri.path, "/realms/a/.well-known/openid-configuration");
            assert_eq!((found.issuer.as_str(), found.names_jwks_cluster), (issuer, false));
            assert_eq!(found.jwks, found.settings);
        }
        let named =
            discovery(r#","uri":"http://10.0.0.1/m","jwks_cluster":"keys""#, "accounts.example").unwrap();
        assert_eq!(
            (named.uri.path.as_str(), named.jwks.cluster.as_str(), named.names_jwks_cluster),
            ("/m", "keys", true)
        );
        for issuer in ["accounts.example", "https://idp.example/?tenant=1", "https://idp.example/#a", ""] {
            assert!(
                discovery("", issuer).unwrap_err().starts_with("uri: missing, and the issuer"),
                "{issuer}"
            );
        }
        assert!(
            discovery(r#","jwks_cluster":"""#, "https://a").unwrap_err().starts_with("jwks_cluster: empty")
        );
    }
}
