use std::collections::BTreeMap;
use std::path::Path;

use portcullis_envoy::Filter;
use serde_json::{Map, Value, json};

use crate::guards::{
    access_log, admission_control, alone, audit_log, circuit_breaker, jwt_auth, jwt_authn, local_ratelimit,
    token_bucket, trace_injection, tracer,
};
use crate::load::Requests;
use crate::tokens::{Algorithm, Pool};

/// Something that stands before the router, and what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) guard: Guard,
    pub(crate) algorithm: Algorithm,
    pub(crate) tokens: Tokens,
    /// Envoy's `--concurrency`.
    pub(crate) workers: u32,
    /// Whether it is measured unless told otherwise.
    pub(crate) is_usual: bool,
}

/// What stands before the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Nobody,
    /// Our module.
    JwtAuth,
    /// Our module, where Envoy verifies no signatures for it.
    JwtAuthAlone,
    /// Envoy's filter without its cache.
    Native,
    /// Envoy's filter with its cache.
    NativeCached,
    /// Our limit in this scope, one bucket for all.
    Bucket(&'static str),
    /// Our limit in this scope, a bucket for each user.
    BucketOfUser(&'static str),
    /// Envoy's `local_ratelimit`.
    NativeBucket,
    /// Our breaker, closed.
    Breaker(Breaker),
    /// Envoy's `admission_control`.
    NativeAdmission,
    /// Our trace context.
    Tracing(Tracing),
    /// Envoy's tracer for OpenTelemetry.
    NativeTracer,
    /// Our audit log.
    Audit(Audit),
    /// Envoy's access log, into a file that keeps nothing.
    NativeAccessLog,
}

/// Who gets the records of our audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audit {
    /// Who takes JSON by HTTP.
    Http,
    /// A collector of OpenTelemetry, by gRPC.
    Otlp,
}

/// How our trace context is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracing {
    /// Each request begins a trace; there are no spans.
    Begun,
    /// Each request brings one, which goes on as it is.
    Continued,
    /// Each request has a span, which is sent by this protocol.
    Exported(&'static str),
}

/// How our breaker is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    /// One for each upstream cluster, by failures and slow calls.
    OfCluster,
    /// One for all.
    OfAll,
    /// As Envoy's `admission_control`.
    Throttle,
    /// Open, with an answer that is written in the configuration.
    Open,
}

/// The bearer tokens of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// The same one each time.
    Same,
    /// Another one each time.
    Others,
    /// Another one each time, its signature wrong.
    Forged,
    /// The same one each time, and beside it one of a million users.
    Users,
    /// The same one each time, and beside it a place in a trace.
    Traced,
}

use Algorithm::{EdDsa, Es256, Hs256, Rs256};
use Guard::{
    Bucket, BucketOfUser, JwtAuth, JwtAuthAlone, Native, NativeAdmission, NativeBucket, NativeCached, Nobody,
};
use Tokens::{Forged, Others, Same, Users};

/// How many users there are.
const USERS: usize = 1_000_000;

impl Case {
    /// The first one is the base of the others; it is sent a token as well.
    pub(crate) const ALL: [Self; 34] = [
        Self::usual("none", Nobody, Rs256, Same),
        Self::usual("jwt-auth-hit", JwtAuth, Rs256, Same),
        Self::usual("jwt-auth-miss", JwtAuth, Rs256, Others),
        Self::usual("native-jwt-hit", NativeCached, Rs256, Same),
        Self::usual("native-jwt-miss", Native, Rs256, Others),
        Self::usual("jwt-auth-es256-miss", JwtAuth, Es256, Others),
        Self::usual("native-es256-miss", Native, Es256, Others),
        Self::other("jwt-auth-flood", JwtAuth, Rs256, Forged),
        Self::other("native-flood", Native, Rs256, Forged),
        Self::other("jwt-auth-module-rs256-miss", JwtAuthAlone, Rs256, Others),
        Self::other("jwt-auth-module-es256-miss", JwtAuthAlone, Es256, Others),
        Self::other("jwt-auth-module-eddsa-miss", JwtAuthAlone, EdDsa, Others),
        Self::other("jwt-auth-module-hs256-miss", JwtAuthAlone, Hs256, Others),
        Self::usual("token-bucket", Bucket("process"), Rs256, Same),
        Self::usual("token-bucket-worker", Bucket("worker"), Rs256, Same),
        Self::usual("token-bucket-leased", Bucket("leased"), Rs256, Same),
        Self::usual("token-bucket-users", BucketOfUser("process"), Rs256, Users),
        Self::usual("native-local-ratelimit", NativeBucket, Rs256, Same),
        Self::usual("circuit-breaker", Guard::Breaker(Breaker::OfCluster), Rs256, Same),
        Self::usual("circuit-breaker-alone", Guard::Breaker(Breaker::OfAll), Rs256, Same),
        Self::other("circuit-breaker-throttle", Guard::Breaker(Breaker::Throttle), Rs256, Same),
        Self::usual("circuit-breaker-open", Guard::Breaker(Breaker::Open), Rs256, Same),
        Self::usual("native-admission-control", NativeAdmission, Rs256, Same),
        Self::usual("trace-injection", Guard::Tracing(Tracing::Begun), Rs256, Same),
        Self::usual("trace-injection-continued", Guard::Tracing(Tracing::Continued), Rs256, Tokens::Traced),
        Self::usual("trace-injection-otlp", Guard::Tracing(Tracing::Exported("grpc")), Rs256, Same),
        Self::other("trace-injection-otlp-json", Guard::Tracing(Tracing::Exported("http_json")), Rs256, Same),
        Self::usual("native-otel-tracer", Guard::NativeTracer, Rs256, Same),
        Self::usual("audit-log", Guard::Audit(Audit::Http), Rs256, Same),
        Self::other("audit-log-otlp", Guard::Audit(Audit::Otlp), Rs256, Same),
        Self::usual("native-access-log", Guard::NativeAccessLog, Rs256, Same),
        Self::other("token-bucket-users-leased", BucketOfUser("leased"), Rs256, Users),
        Self::other("none-4-workers", Nobody, Rs256, Same).with_workers(4),
        Self::other("token-bucket-4-workers", Bucket("process"), Rs256, Same).with_workers(4),
    ];

    const fn usual(name: &'static str, guard: Guard, algorithm: Algorithm, tokens: Tokens) -> Self {
        Self { name, guard, algorithm, tokens, workers: 1, is_usual: true }
    }

    const fn other(name: &'static str, guard: Guard, algorithm: Algorithm, tokens: Tokens) -> Self {
        Self { name, guard, algorithm, tokens, workers: 1, is_usual: false }
    }

    const fn with_workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// The module that it needs, below `dist`.
    pub(crate) fn module(self) -> Option<&'static str> {
        match self.guard {
            JwtAuth | JwtAuthAlone => Some("jwt-auth.wasm"),
            Bucket(_) | BucketOfUser(_) => Some("token-bucket.wasm"),
            Guard::Breaker(_) => Some("circuit-breaker.wasm"),
            Guard::Tracing(_) => Some("trace-injection.wasm"),
            Guard::Audit(_) => Some("audit-log.wasm"),
            Nobody | Native | NativeCached | NativeBucket | NativeAdmission => None,
            Guard::NativeTracer | Guard::NativeAccessLog => None,
        }
    }

    /// How a request without a token is answered.
    pub(crate) fn status_without_token(self) -> u16 {
        match self.guard {
            JwtAuth | JwtAuthAlone | Native | NativeCached => 401,
            _ => 200,
        }
    }

    /// The statistic that shows that a limit has seen the request.
    pub(crate) fn counter(self) -> Option<&'static str> {
        match self.guard {
            Bucket(_) | BucketOfUser(_) => Some("wasmcustom.portcullis_token_bucket_bench_allowed_total"),
            NativeBucket => Some("bench.http_local_rate_limit.ok"),
            Guard::Breaker(Breaker::OfCluster) => {
                Some("wasmcustom.portcullis_circuit_breaker_bench___calls_success_total")
            }
            Guard::Breaker(Breaker::Open) => {
                Some("wasmcustom.portcullis_circuit_breaker_bench_fallback_static_total")
            }
            Guard::Breaker(_) => Some("wasmcustom.portcullis_circuit_breaker_bench_calls_success_total"),
            Guard::Tracing(_) => Some("wasmcustom.portcullis_trace_injection_started_total"),
            Guard::Audit(_) => Some("wasmcustom.portcullis_audit_log_recorded_total"),
            _ => None,
        }
    }

    /// The statistics of spans or records that were sent and that were dropped.
    pub(crate) fn sent(self) -> [Option<&'static str>; 2] {
        match self.guard {
            Guard::Tracing(Tracing::Exported(_)) => [
                Some("wasmcustom.portcullis_trace_injection_spans_exported_total"),
                Some("wasmcustom.portcullis_trace_injection_spans_dropped"),
            ],
            Guard::Audit(_) => [
                Some("wasmcustom.portcullis_audit_log_sent_total"),
                Some("wasmcustom.portcullis_audit_log_dropped"),
            ],
            Guard::NativeTracer => {
                [Some("tracing.opentelemetry.spans_sent"), Some("tracing.opentelemetry.spans_dropped")]
            }
            _ => [None, None],
        }
    }

    /// How every request has to be answered.
    pub(crate) fn status(self) -> u16 {
        if self.tokens == Forged { 401 } else { 200 }
    }

    pub(crate) fn requests(self, pool: &Pool) -> Requests {
        match self.tokens {
            Same => Requests::new(pool.tokens.iter().take(1)),
            Others => Requests::new(pool.tokens.iter()),
            Forged => Requests::new(pool.forged().iter()),
            Users => Requests::of_users(pool.tokens.iter().take(1), USERS),
            Tokens::Traced => Requests::in_a_trace(pool.tokens.iter().take(1)),
        }
    }

    pub(crate) fn filters(self, module: &Path, pool: &Pool) -> Vec<Filter> {
        match self.guard {
            Nobody => Vec::new(),
            JwtAuth => vec![Filter::wasm(module, jwt_auth(pool).to_string())],
            JwtAuthAlone => vec![alone(module, pool)],
            Native => vec![Filter::Other(jwt_authn(pool, None))],
            NativeCached => vec![Filter::Other(jwt_authn(pool, Some(json!({}))))],
            Bucket(scope) => vec![Filter::wasm(module, token_bucket(scope, json!({})).to_string())],
            BucketOfUser(scope) => {
                let by_user = json!({ "key": [{ "header": "x-user" }], "max_keys": USERS });
                vec![Filter::wasm(module, token_bucket(scope, by_user).to_string())]
            }
            NativeBucket => vec![Filter::Other(local_ratelimit())],
            Guard::Breaker(breaker) => vec![Filter::wasm(module, circuit_breaker(breaker).to_string())],
            NativeAdmission => vec![Filter::Other(admission_control())],
            Guard::Tracing(tracing) => vec![Filter::wasm(module, trace_injection(tracing).to_string())],
            Guard::Audit(audit) => vec![Filter::wasm(module, audit_log(audit).to_string())],
            // The connection manager does it.
            Guard::NativeTracer | Guard::NativeAccessLog => Vec::new(),
        }
    }

    /// Whether it sends anything.
    pub(crate) fn exports(self) -> bool {
        matches!(self.guard, Guard::Tracing(Tracing::Exported(_)) | Guard::Audit(_) | Guard::NativeTracer)
    }

    /// Whether the collector is spoken to over HTTP/2.
    pub(crate) fn is_by_grpc(self) -> bool {
        matches!(
            self.guard,
            Guard::Tracing(Tracing::Exported("grpc")) | Guard::Audit(Audit::Otlp) | Guard::NativeTracer
        )
    }

    /// Further members of the connection manager.
    pub(crate) fn connection_manager(self) -> Map<String, Value> {
        let (member, value) = match self.guard {
            Guard::NativeTracer => ("tracing", tracer()),
            Guard::NativeAccessLog => ("access_log", access_log()),
            _ => return Map::new(),
        };
        Map::from_iter([(member.to_owned(), value)])
    }
}

/// The tokens of all algorithms that some cases need.
pub(crate) type Pools = BTreeMap<Algorithm, Pool>;
