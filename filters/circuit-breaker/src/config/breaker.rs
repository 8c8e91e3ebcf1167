use portcullis_kit::parts::PartConfig;
use portcullis_kit::rules::MatchConfig;
use portcullis_kit::{GrpcStatus, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FallbackConfig;

/// One breaker, or one for each value of a key.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakerConfig {
    /// Its name in metrics, logs and headers: lower-case letters, digits, `_` and `-`.
    pub(crate) name: String,
    /// Which requests it is for; left out, all.
    pub(crate) when: Option<MatchConfig>,
    /// Which of them pass all the same and are not counted, such as health checks.
    #[serde(default)]
    pub(crate) exempt: Vec<MatchConfig>,
    /// What has a breaker of its own: every combination of these parts. Left out, each upstream cluster; an empty list is one breaker for
    /// all.
    pub(crate) key: Option<Vec<PartConfig>>,
    /// The only values of the key that have a breaker of their own, the parts joined by `|`; all others share one. For keys that clients
    /// choose.
    pub(crate) known: Option<Vec<String>>,
    /// How many values of the key have a breaker of their own; those that come later share one. Left out, 32, or as many as are `known`.
    pub(crate) max_keys: Option<u32>,
    /// How far back it looks, a whole number of `bucket`s.
    pub(crate) window: Option<Span>,
    /// What the window moves by.
    pub(crate) bucket: Option<Span>,
    /// In place of `window`: it looks at so many calls, the last ones.
    pub(crate) window_calls: Option<u32>,
    /// How many calls there have to be in the window before a ratio says anything; left out, 20, or all of `window_calls` where that is fewer.
    pub(crate) min_requests: Option<u32>,
    /// What makes it open; any one does.
    pub(crate) trip: Option<TripConfig>,
    /// In place of `trip`: the more calls fail, the fewer pass; it is never open.
    pub(crate) throttle: Option<ThrottleConfig>,
    /// Until when a call is measured, and what decides about it.
    #[serde(default)]
    pub(crate) latency: Measure,
    /// Which calls have failed.
    #[serde(default)]
    pub(crate) errors: ErrorsConfig,
    /// Which calls do not count at all, where they have not failed.
    #[serde(default)]
    pub(crate) ignore: IgnoreConfig,
    /// How long it stays open.
    #[serde(default)]
    pub(crate) open: BackoffConfig,
    /// How it finds out whether it may close.
    #[serde(default)]
    pub(crate) half_open: HalfOpenConfig,
    /// For how long after it has closed not all requests pass: none at first, and evenly more from then on.
    pub(crate) ramp_up: Option<Span>,
    /// How long a request may take: `x-envoy-upstream-rq-timeout-ms` and, for gRPC, `grpc-timeout` become no larger than this.
    pub(crate) timeout: Option<Span>,
    /// What requests get that do not pass: the first of these that fits; else what `reply` says.
    #[serde(default)]
    pub(crate) fallback: Vec<FallbackConfig>,
    /// Whether it does what it says.
    #[serde(default)]
    pub(crate) mode: Mode,
}

/// What makes a breaker open; all comparisons are "at least".
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TripConfig {
    /// The share of slow calls.
    pub(crate) slow_ratio: Option<SlowConfig>,
    /// The share of failed calls, above 0 and up to 1.
    pub(crate) error_ratio: Option<f64>,
    /// The number of failed calls in the window.
    pub(crate) error_count: Option<u32>,
    /// The number of failed calls in a row. Rows of several workers are put one behind the other.
    pub(crate) consecutive_errors: Option<u32>,
}

/// Calls that take too long.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowConfig {
    /// Their share, above 0 and up to 1.
    pub(crate) ratio: f64,
    /// A call that takes longer is slow. It counts at once, and not only when it ends.
    pub(crate) max_latency: Span,
}

/// Denies the more requests the more calls fail, as Envoy's admission control does.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ThrottleConfig {
    /// The share of calls that have not failed, below which requests are denied.
    pub(crate) success_ratio: f64,
    /// How fast denials become more, 1 or more.
    pub(crate) aggression: f64,
    /// The largest share of requests that is denied.
    pub(crate) max_rejection: f64,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self { success_ratio: 0.95, aggression: 1.0, max_rejection: 0.8 }
    }
}

/// Until when a call is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// The response headers.
    #[default]
    Headers,
    /// The end of the response.
    End,
}

/// Which calls have failed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ErrorsConfig {
    /// Those with one of these HTTP statuses from the upstream: `503`, `5xx`, `500-599`.
    pub(crate) statuses: Vec<String>,
    /// Those with one of these gRPC statuses, in headers or trailers.
    pub(crate) grpc: Vec<GrpcStatus>,
    /// Those for which Envoy had no connection, or lost it, before the response was complete.
    pub(crate) transport: bool,
    /// Those that Envoy has given up: the timeout of the route, of a try, of an idle stream.
    pub(crate) timeouts: bool,
}

impl Default for ErrorsConfig {
    fn default() -> Self {
        use GrpcStatus::{Aborted, DataLoss, DeadlineExceeded, Internal, ResourceExhausted, Unavailable};
        Self {
            statuses: vec!["5xx".to_owned()],
            grpc: vec![DeadlineExceeded, ResourceExhausted, Aborted, Internal, Unavailable, DataLoss],
            transport: true,
            timeouts: true,
        }
    }
}

/// Which calls do not count.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IgnoreConfig {
    /// Those with one of these HTTP statuses from the upstream.
    pub(crate) statuses: Vec<String>,
    /// Those with one of these gRPC statuses.
    pub(crate) grpc: Vec<GrpcStatus>,
}

impl Default for IgnoreConfig {
    fn default() -> Self {
        use GrpcStatus::{
            AlreadyExists, Cancelled, FailedPrecondition, InvalidArgument, NotFound, OutOfRange,
            PermissionDenied, Unauthenticated, Unimplemented,
        };
        Self {
            statuses: vec!["4xx".to_owned()],
            grpc: vec![
                Cancelled,
                InvalidArgument,
                NotFound,
                AlreadyExists,
                PermissionDenied,
                FailedPrecondition,
                OutOfRange,
                Unimplemented,
                Unauthenticated,
            ],
        }
    }
}

/// How long a breaker stays open.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BackoffConfig {
    /// The first time.
    pub(crate) duration: Span,
    /// How many times as long each time that its probes fail, 1 to 10.
    pub(crate) factor: f64,
    /// The longest; left out, a minute, or `duration` where that is longer.
    pub(crate) max: Option<Span>,
    /// Up to which part of it more or less, 0 to 1, so that not all proxies come back together.
    pub(crate) jitter: f64,
    /// Whether an upstream may ask to be left alone for longer, by the `retry-after` of a failed call.
    pub(crate) retry_after: RetryAfterConfig,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            duration: Span::from_secs(5),
            factor: 2.0,
            max: None,
            jitter: 0.1,
            retry_after: RetryAfterConfig::default(),
        }
    }
}

/// Whether an upstream may ask to be left alone for longer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryAfterConfig {
    /// For how long at most; `0s` for not at all.
    pub(crate) max: Span,
}

impl Default for RetryAfterConfig {
    fn default() -> Self {
        Self { max: Span::from_secs(60) }
    }
}

/// How a breaker finds out whether it may close.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HalfOpenConfig {
    /// How many requests may try it, from all workers together.
    pub(crate) permits: u32,
    /// How many of them have to succeed; left out, all.
    pub(crate) successes: Option<u32>,
    /// How long one may take; then it has failed, also where nobody hears of it any more.
    pub(crate) lease: Span,
}

impl Default for HalfOpenConfig {
    fn default() -> Self {
        Self { permits: 3, successes: None, lease: Span::from_secs(30) }
    }
}

/// Whether a breaker does what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It counts, opens and closes, and says so, and all requests pass.
    MetricsOnly,
    /// No request passes, whatever the upstream does.
    ForcedOpen,
    /// All requests pass, and none is counted.
    Disabled,
}
