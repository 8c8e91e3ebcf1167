//! The configuration of documents that are fetched, as it is written.

use portcullis_kit::{ConfigError, Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{DEFAULT_REFRESH, Fetched, Settings};

/// Writes the members that every fetched document has into its wire struct: serde flattens nothing where unknown members are refused.
macro_rules! fetched {
    ($(#[$about:meta])* struct $name:ident { $($(#[$doc:meta])* $member:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// The Envoy cluster that is asked. Nobody else ever is, and redirects are not followed.
            pub(crate) cluster: String,
            $($(#[$doc])* pub(crate) $member: $kind,)*
            /// How long an answer may take.
            #[serde(default = "default_timeout")]
            pub(crate) timeout: Span,
            /// How long a document is fresh that came without `Cache-Control`.
            #[serde(default = "default_refresh")]
            pub(crate) refresh: Span,
            /// The least time that a document is fresh, whatever its `Cache-Control` says.
            #[serde(default = "default_min_refresh")]
            pub(crate) min_refresh: Span,
            /// The most time that a document is fresh, whatever its `Cache-Control` says.
            #[serde(default = "default_max_refresh")]
            pub(crate) max_refresh: Span,
            /// The least time between a fetch and one that a request asks for, because of a key that is not known.
            #[serde(default = "default_refetch_interval")]
            pub(crate) refetch_interval: Span,
            /// The waiting time after a fetch that failed.
            #[serde(default)]
            pub(crate) retry: RetryConfig,
            /// How long a document that is no longer fresh is used while every fetch fails.
            #[serde(default = "default_stale_for")]
            pub(crate) stale_for: Span,
            /// The largest document that is accepted, at most 1MiB.
            #[serde(default = "default_max_bytes")]
            pub(crate) max_bytes: Size,
        }

        impl $name {
            /// Checks the members that every fetched document has.
            pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
                Fetched {
                    cluster: &self.cluster,
                    timeout: self.timeout,
                    refresh: self.refresh,
                    min_refresh: self.min_refresh,
                    max_refresh: self.max_refresh,
                    refetch_interval: self.refetch_interval,
                    retry: self.retry,
                    stale_for: self.stale_for,
                    max_bytes: self.max_bytes,
                }
                .settings()
            }
        }
    };
}

fetched! {
    /// A JWK Set that is fetched and kept up to date, once for all workers.
    struct RemoteJwksConfig {
        /// The URI of the JWK Set: its host becomes `:authority`, the rest `:path`.
        uri: String,
        /// The most keys that are accepted.
        #[serde(default = "default_max_keys")]
        max_keys: u16,
    }
}

fetched! {
    /// A JWK Set that the issuer's metadata leads to (OpenID Connect Discovery 1.0, RFC 8414); both are kept up to date.
    struct DiscoveryConfig {
        /// The URI of the metadata. Left out: that of the issuer with `/.well-known/openid-configuration`.
        uri: Option<String>,
        /// The Envoy cluster that serves the JWK Set. Left out: `cluster`, and `jwks_uri` has to be on the host of the metadata.
        jwks_cluster: Option<String>,
        /// The most keys that are accepted.
        #[serde(default = "default_max_keys")]
        max_keys: u16,
    }
}

fetched! {
    /// A document that is fetched and kept up to date, once for all workers.
    struct FetchedConfig {
        /// Its URI: the host becomes `:authority`, the rest `:path`.
        uri: String,
    }
}

/// The waiting time after a fetch that failed: it doubles with each failure, and half of it is up to chance.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryConfig {
    /// The longest wait after one failure.
    #[serde(default = "default_retry_base")]
    pub(crate) base: Span,
    /// The longest wait after many.
    #[serde(default = "default_retry_max")]
    pub(crate) max: Span,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { base: default_retry_base(), max: default_retry_max() }
    }
}

fn default_timeout() -> Span {
    Span::from_secs(5)
}

fn default_refresh() -> Span {
    DEFAULT_REFRESH
}

fn default_min_refresh() -> Span {
    Span::from_secs(60)
}

fn default_max_refresh() -> Span {
    Span::from_secs(24 * 3600)
}

fn default_refetch_interval() -> Span {
    Span::from_secs(30)
}

fn default_retry_base() -> Span {
    Span::from_secs(1)
}

fn default_retry_max() -> Span {
    Span::from_secs(60)
}

fn default_stale_for() -> Span {
    Span::from_secs(3600)
}

fn default_max_bytes() -> Size {
    Size::from_kib(128)
}

const fn default_max_keys() -> u16 {
    100
}
