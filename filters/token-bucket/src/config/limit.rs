use portcullis_kit::bucket::Rate;
use portcullis_kit::parts::{OneOf, PartConfig};
use portcullis_kit::rules::MatchConfig;
use portcullis_kit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One limit.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitConfig {
    /// Its name in metrics, headers and for its buckets: lower-case letters, digits, `_` and `-`.
    pub(crate) name: String,
    /// How fast tokens come: `100/1s`.
    pub(crate) rate: Rate,
    /// How many tokens a bucket holds; left out, the number in `rate`.
    pub(crate) burst: Option<u64>,
    /// How many tokens a request takes; left out, one. With 0, only what `after` says counts.
    pub(crate) cost: Option<u64>,
    /// Where a request says how many tokens it takes; never less than `cost`.
    pub(crate) cost_from: Option<CostFrom>,
    /// What has a bucket of its own: every combination of these parts. Without any, all requests share one.
    #[serde(default)]
    pub(crate) key: Vec<PartConfig>,
    /// How many keys have a bucket at the same time, in sets of eight. A `process` bucket takes about 40 bytes of
    /// Envoy's memory, a `leased` one 55, and in `worker` each worker has its own.
    pub(crate) max_keys: Option<u64>,
    /// Which requests it is for; left out, all.
    pub(crate) when: Option<MatchConfig>,
    /// Which requests it does not limit.
    #[serde(default)]
    pub(crate) exempt: Vec<OneOf>,
    /// Other rates for some; the first that fits counts.
    #[serde(default)]
    pub(crate) tiers: Vec<TierConfig>,
    /// Who counts together.
    #[serde(default)]
    pub(crate) scope: Scope,
    /// How many tokens a worker takes at once under `scope: leased`, at most; left out, an eighth of the burst.
    pub(crate) lease: Option<u32>,
    /// Under `scope: global`, how many tokens a worker takes in advance, so that no request waits for the service.
    pub(crate) ahead: Option<u32>,
    /// With how many tokens the bucket of a new key begins; left out, it is full.
    pub(crate) start: Option<u64>,
    /// What a key gets whose bucket had to go for another one's.
    #[serde(default)]
    pub(crate) evicted: Evicted,
    /// Lets requests wait for their tokens.
    pub(crate) delay: Option<DelayConfig>,
    /// What a request costs besides, once its response is there.
    #[serde(default)]
    pub(crate) after: Vec<AfterConfig>,
    /// When a request gets its tokens back.
    pub(crate) refund: Option<RefundConfig>,
    /// Whether denials are carried out.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// Carries denials out for some only; the others count as in `shadow`.
    pub(crate) enforce: Option<EnforceConfig>,
    /// What holds when the buckets, or the service, cannot be had.
    #[serde(default)]
    pub(crate) failure_mode: FailureMode,
}

/// Where a request says what it costs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostFrom {
    /// A header with a whole number. A request without it takes `cost`; one in which it is no number takes `max`.
    pub(crate) header: String,
    /// The most that is taken; a larger number counts as this one.
    pub(crate) max: u64,
}

/// Another rate for some.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierConfig {
    /// The part that decides.
    pub(crate) of: PartConfig,
    /// For whom it holds.
    #[serde(rename = "in")]
    pub(crate) values: Vec<String>,
    /// How fast their tokens come.
    pub(crate) rate: Rate,
    /// How many tokens their bucket holds; left out, the number in `rate`.
    pub(crate) burst: Option<u64>,
}

/// Who counts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Each worker for itself: the fastest, and with N workers up to N times the rate.
    Worker,
    /// All workers of a proxy, exactly.
    #[default]
    Process,
    /// All workers of a proxy, never more than the limit; each takes a few tokens at a time, and may hold them for a second.
    Leased,
    /// All proxies, by the rate limit service.
    Global,
}

/// What a key gets whose bucket had to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Evicted {
    /// No more than it had: a new key may get less for a while.
    #[default]
    Remembered,
    /// What a new key gets.
    Forgotten,
}

/// Lets requests wait.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DelayConfig {
    /// The longest wait; who would have to wait longer is denied.
    pub(crate) max: Span,
    /// How many requests of one worker may wait for this limit, a quarter of them for one key.
    #[serde(default = "max_waiting")]
    pub(crate) max_waiting: u32,
}

fn max_waiting() -> u32 {
    1000
}

/// What a request costs once its response is there; exactly one of `header`, `bytes` and `statuses` says when.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterConfig {
    /// A response header with a whole number: so many tokens.
    pub(crate) header: Option<String>,
    /// One token for so many bytes of the response, or a part of them.
    pub(crate) bytes: Option<Size>,
    /// For responses with one of these statuses: `404`, `5xx`, `500-599`.
    pub(crate) statuses: Option<Vec<String>>,
    /// How many tokens `statuses` cost; the most that `header` and `bytes` do.
    pub(crate) tokens: u64,
}

/// When a request gets its tokens back.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundConfig {
    /// When the response has one of these statuses: `404`, `5xx`, `500-599`.
    #[serde(default)]
    pub(crate) statuses: Vec<String>,
    /// Whether also when there is no response: the client left first.
    #[serde(default)]
    pub(crate) unanswered: bool,
}

/// Whether denials are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// They are.
    #[default]
    Enforce,
    /// They are counted, and the request passes.
    Shadow,
}

/// For whom denials are carried out.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnforceConfig {
    /// For how many of a hundred.
    pub(crate) percent: u8,
    /// By what they are chosen, always the same ones; left out, by the key of the limit.
    pub(crate) by: Option<PartConfig>,
}

/// What holds when the buckets, or the service, cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureMode {
    /// Requests are denied with 503.
    #[default]
    Deny,
    /// Requests pass.
    Allow,
    /// Each worker counts for itself, by the same rate.
    Local,
}
