//! Which cases stand beside each other in the README and in its figure.

use crate::cases::Packing;

/// The same job, done in different ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    pub(super) job: &'static str,
    /// What of ours does it, by the names of the cases.
    pub(super) ours: &'static [(Packing, &'static str)],
    /// What of Envoy does it.
    pub(super) native: &'static str,
    pub(super) native_name: &'static str,
}

use Packing::{Modules, Suite};

pub(super) const COMPARISONS: [Comparison; 7] = [
    Comparison {
        job: "JWT, RS256, known token",
        ours: &[(Modules, "jwt-auth-hit")],
        native: "native-jwt-hit",
        native_name: "jwt_authn with its cache",
    },
    Comparison {
        job: "rate limit, one bucket",
        ours: &[(Modules, "token-bucket")],
        native: "native-local-ratelimit",
        native_name: "local_ratelimit",
    },
    Comparison {
        job: "circuit breaker, closed",
        ours: &[(Modules, "circuit-breaker")],
        native: "native-admission-control",
        native_name: "admission_control",
    },
    Comparison {
        job: "trace, a span of each request",
        ours: &[(Modules, "trace-injection-otlp")],
        native: "native-otel-tracer",
        native_name: "OpenTelemetry tracer",
    },
    Comparison {
        job: "a record of each request",
        ours: &[(Modules, "audit-log")],
        native: "native-access-log",
        native_name: "JSON access log, to nowhere",
    },
    Comparison {
        job: "JWT, limit and breaker",
        ours: &[(Suite, "suite-three")],
        native: "three-native",
        native_name: "the three of Envoy",
    },
    Comparison {
        job: "all five",
        ours: &[(Suite, "suite"), (Modules, "five-modules")],
        native: "all-native",
        native_name: "the five of Envoy",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Case;

    #[test]
    fn they_are_those_of_the_cases() {
        for comparison in COMPARISONS {
            for (packing, ours) in comparison.ours {
                let case = Case::ALL.into_iter().find(|case| case.name == *ours).unwrap();
                assert!(case.is_main && case.packing == *packing, "{ours}");
                assert_eq!(case.native, Some(comparison.native), "{ours}");
            }
        }
    }
}
