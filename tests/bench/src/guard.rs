use portcullis_envoy::Filter;
use serde_json::{Value, json};
use std::path::Path;

use crate::setting::Setting;
use crate::tokens::Pool;
use crate::{native, ours};

/// One thing that stands before the router, or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Our verification of tokens.
    JwtAuth(Outputs),
    /// The same, where Envoy verifies no signatures for it.
    JwtAuthAlone,
    /// Envoy's `jwt_authn` without its cache.
    NativeJwt,
    /// Envoy's `jwt_authn` with its cache.
    NativeJwtCached(Outputs),
    /// Our limit.
    Bucket(Bucket),
    /// Envoy's `local_ratelimit`.
    NativeBucket(Answers),
    /// Our breaker.
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

/// What the upstream gets to know of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outputs {
    Nothing,
    /// `sub`, in a header.
    Subject,
}

/// What a client gets to know of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Plain,
    /// `x-ratelimit-*`, draft 03, in every response.
    Standing,
}

/// How our limit is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// One bucket for all, in this scope.
    OfAll(&'static str, Answers),
    /// A bucket for each user, in this scope.
    OfUser(&'static str),
}

/// How our breaker is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    /// One for each upstream cluster, by failures and slow calls; closed.
    OfCluster,
    /// One for all; closed.
    OfAll,
    /// As Envoy's `admission_control`.
    Throttle,
    /// Open, with an answer that is written in the configuration.
    Open,
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

/// Who gets the records of our audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audit {
    /// Who takes JSON by HTTP.
    Http,
    /// A collector of OpenTelemetry, by gRPC.
    Otlp,
}

/// Who takes what is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sink {
    Grpc,
    Http,
}

impl Sink {
    /// The name of its cluster.
    pub(crate) fn cluster(self) -> &'static str {
        match self {
            Self::Grpc => "collector",
            Self::Http => "sink",
        }
    }
}

impl Guard {
    /// The filter of ours that it is, if it is one.
    pub(crate) fn ours(self) -> Option<&'static str> {
        match self {
            Self::JwtAuth(_) | Self::JwtAuthAlone => Some("jwt-auth"),
            Self::Bucket(_) => Some("token-bucket"),
            Self::Breaker(_) => Some("circuit-breaker"),
            Self::Tracing(_) => Some("trace-injection"),
            Self::Audit(_) => Some("audit-log"),
            Self::NativeJwt | Self::NativeJwtCached(_) | Self::NativeBucket(_) => None,
            Self::NativeAdmission | Self::NativeTracer | Self::NativeAccessLog => None,
        }
    }

    /// Its configuration, if it is ours.
    pub(crate) fn configuration(self, pool: &Pool) -> Option<Value> {
        match self {
            Self::JwtAuth(outputs) => Some(ours::jwt_auth(pool, outputs)),
            Self::JwtAuthAlone => Some(ours::jwt_auth(pool, Outputs::Nothing)),
            Self::Bucket(bucket) => Some(ours::token_bucket(bucket)),
            Self::Breaker(breaker) => Some(ours::circuit_breaker(breaker)),
            Self::Tracing(tracing) => Some(ours::trace_injection(tracing)),
            Self::Audit(audit) => Some(ours::audit_log(audit)),
            _ => None,
        }
    }

    /// The filter that it is in a chain of its own; what the connection manager does is none.
    pub(crate) fn filter(self, modules: &Path, pool: &Pool) -> Option<Filter> {
        if let (Some(ours), Some(configuration)) = (self.ours(), self.configuration(pool)) {
            let module = modules.join(format!("{ours}.wasm"));
            return Some(match self {
                Self::JwtAuthAlone => ours::without_foreign_functions(&module, &configuration),
                _ => Filter::wasm(&module, configuration.to_string()),
            });
        }
        match self {
            Self::NativeJwt => Some(Filter::Other(native::jwt_authn(pool, None, Outputs::Nothing))),
            Self::NativeJwtCached(outputs) => {
                Some(Filter::Other(native::jwt_authn(pool, Some(json!({})), outputs)))
            }
            Self::NativeBucket(answers) => Some(Filter::Other(native::local_ratelimit(answers))),
            Self::NativeAdmission => Some(Filter::Other(native::admission_control())),
            _ => None,
        }
    }

    /// The member of the connection manager that it is.
    pub(crate) fn member(self) -> Option<(&'static str, Value)> {
        match self {
            Self::NativeTracer => Some(("tracing", native::tracer())),
            Self::NativeAccessLog => Some(("access_log", native::access_log())),
            _ => None,
        }
    }

    /// Whether a request without a token is refused.
    pub(crate) fn refuses_strangers(self) -> bool {
        matches!(self, Self::JwtAuth(_) | Self::JwtAuthAlone | Self::NativeJwt | Self::NativeJwtCached(_))
    }

    /// The statistic that shows that it has seen a request that may pass.
    pub(crate) fn counter(self, setting: Setting) -> String {
        let counter = match self {
            Self::JwtAuth(_) | Self::JwtAuthAlone => "wasmcustom.portcullis_jwt_auth_allowed_total",
            Self::NativeJwt | Self::NativeJwtCached(_) => "http.main.jwt_authn.allowed",
            Self::Bucket(_) => "wasmcustom.portcullis_token_bucket_bench_allowed_total",
            Self::NativeBucket(_) => "bench.http_local_rate_limit.ok",
            Self::Breaker(Breaker::OfCluster) => {
                let cluster = setting.cluster_in_metrics();
                return format!("wasmcustom.portcullis_circuit_breaker_bench_{cluster}_calls_success_total");
            }
            Self::Breaker(Breaker::Open) => {
                "wasmcustom.portcullis_circuit_breaker_bench_fallback_static_total"
            }
            Self::Breaker(_) => "wasmcustom.portcullis_circuit_breaker_bench_calls_success_total",
            Self::NativeAdmission => "http.main.admission_control.rq_success",
            Self::Tracing(_) => "wasmcustom.portcullis_trace_injection_started_total",
            Self::NativeTracer => "http.main.tracing.random_sampling",
            Self::Audit(_) => "wasmcustom.portcullis_audit_log_recorded_total",
            Self::NativeAccessLog => "filesystem.write_buffered",
        };
        counter.to_owned()
    }

    /// A header that is in the response to a request that may pass, for its sake.
    pub(crate) fn response_header(self) -> Option<&'static str> {
        match self {
            Self::Bucket(Bucket::OfAll(_, Answers::Standing)) | Self::NativeBucket(Answers::Standing) => {
                Some("x-ratelimit-remaining")
            }
            _ => None,
        }
    }

    /// A header that the upstream gets for its sake.
    pub(crate) fn request_header(self) -> Option<&'static str> {
        match self {
            Self::JwtAuth(Outputs::Subject) | Self::NativeJwtCached(Outputs::Subject) => {
                Some(ours::SUBJECT_HEADER)
            }
            Self::Tracing(_) | Self::NativeTracer => Some("traceparent"),
            _ => None,
        }
    }

    /// Who takes what it exports, and the statistics of what was sent and of what was dropped.
    pub(crate) fn exports(self) -> Option<(Sink, [&'static str; 2])> {
        match self {
            Self::Tracing(Tracing::Exported(protocol)) => {
                let statistics = [
                    "wasmcustom.portcullis_trace_injection_spans_exported_total",
                    "wasmcustom.portcullis_trace_injection_spans_dropped",
                ];
                Some((if protocol == "grpc" { Sink::Grpc } else { Sink::Http }, statistics))
            }
            Self::Audit(audit) => {
                let statistics =
                    ["wasmcustom.portcullis_audit_log_sent_total", "wasmcustom.portcullis_audit_log_dropped"];
                Some((audit.sink(), statistics))
            }
            Self::NativeTracer => Some((
                Sink::Grpc,
                ["tracing.opentelemetry.spans_sent", "tracing.opentelemetry.spans_dropped"],
            )),
            _ => None,
        }
    }
}

impl Audit {
    pub(crate) fn sink(self) -> Sink {
        match self {
            Self::Http => Sink::Http,
            Self::Otlp => Sink::Grpc,
        }
    }
}
