//! The tables of the filters' pages: what each costs in its different ways.

use std::fmt::{self, Write};

use super::page::added;
use super::{Report, Row};
use crate::setting::Setting;

/// What a filter costs.
pub(crate) struct Costs {
    filter: &'static str,
    /// Its page.
    pub(crate) path: &'static str,
    /// What of Envoy does the same.
    native: &'static str,
    ways: &'static [Way],
}

/// What is done, the case of ours, and that of Envoy's own.
type Way = (&'static str, &'static str, Option<&'static str>);

pub(crate) const COSTS: [Costs; 5] = [
    Costs {
        filter: "jwt-auth",
        path: "filters/jwt-auth/README.md",
        native: "jwt_authn",
        ways: &[
            (
                "the same RS256 token each time; `jwt_authn` with `jwt_cache_config`",
                "jwt-auth-hit",
                Some("native-jwt-hit"),
            ),
            ("another RS256 token each time", "jwt-auth-miss", Some("native-jwt-miss")),
            ("another ES256 token each time", "jwt-auth-es256-miss", Some("native-es256-miss")),
            ("another RS256 token with a bad signature each time", "jwt-auth-flood", Some("native-flood")),
            (
                "another RS256 token, in the module: the host verifies nothing",
                "jwt-auth-module-rs256-miss",
                None,
            ),
            ("likewise ES256", "jwt-auth-module-es256-miss", None),
            ("likewise EdDSA", "jwt-auth-module-eddsa-miss", None),
            ("likewise HS256", "jwt-auth-module-hs256-miss", None),
        ],
    },
    Costs {
        filter: "token-bucket",
        path: "filters/token-bucket/README.md",
        native: "local_ratelimit",
        ways: &[
            ("one bucket, `process`", "token-bucket", Some("native-local-ratelimit")),
            ("one bucket, `worker`", "token-bucket-worker", None),
            ("one bucket, `leased`", "token-bucket-leased", None),
            ("a bucket for each of a million users by a header, `process`", "token-bucket-users", None),
            ("likewise `leased`", "token-bucket-users-leased", None),
        ],
    },
    Costs {
        filter: "circuit-breaker",
        path: "filters/circuit-breaker/README.md",
        native: "admission_control",
        ways: &[
            ("closed, a breaker for each cluster", "circuit-breaker", None),
            ("closed, one for all", "circuit-breaker-alone", None),
            ("`throttle`", "circuit-breaker-throttle", Some("native-admission-control")),
            ("open, a static answer", "circuit-breaker-open", None),
        ],
    },
    Costs {
        filter: "trace-injection",
        path: "filters/trace-injection/README.md",
        native: "OpenTelemetry tracer",
        ways: &[
            ("each request begins a trace, no spans", "trace-injection", None),
            ("each request brings a trace, which goes on untouched", "trace-injection-continued", None),
            ("a span for each request, OTLP over gRPC", "trace-injection-otlp", Some("native-otel-tracer")),
            ("a span for each request, OTLP as JSON", "trace-injection-otlp-json", None),
        ],
    },
    Costs {
        filter: "audit-log",
        path: "filters/audit-log/README.md",
        native: "access log",
        ways: &[
            (
                "a record of each request at the level `metadata`, in a chain, as JSON lines to an HTTP sink",
                "audit-log",
                None,
            ),
            ("the same by OTLP", "audit-log-otlp", None),
            (
                "JSON of 14 fields into a file that keeps nothing: no delivery, no redaction, no chain",
                "",
                Some("native-access-log"),
            ),
        ],
    },
];

impl Costs {
    /// The cases whose figures it shows.
    #[cfg(test)]
    pub(crate) fn cases(&self) -> impl Iterator<Item = &'static str> {
        let names = self.ways.iter().flat_map(|(_, ours, native)| [Some(*ours), *native]);
        names.flatten().filter(|name| !name.is_empty())
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self, report: &Report) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = self.write(&mut text, report);
        text
    }

    fn write(&self, out: &mut String, report: &Report) -> fmt::Result {
        let row = |case: &str| report.row(Setting::FIRST, case);
        let none = row("none").map_or(0.0, |row| row.cpu_us);
        writeln!(
            out,
            "CPU of the Envoy process per request in microseconds, added to the {none:.1} that one costs without any filter"
        )?;
        writeln!(out, "({}; ± is the standard error). {}.\n", Setting::FIRST, report.provenance())?;
        writeln!(out, "| | {} | Envoy's {} |\n|---|--:|--:|", self.filter, self.native)?;
        for (job, ours, native) in self.ways {
            let cell = |row: Option<&Row>| row.map_or_else(String::new, added);
            let (ours, native) = (row(ours), native.and_then(row));
            if ours.or(native).is_some() {
                writeln!(out, "| {job} | {} | {} |", cell(ours), cell(native))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Case;
    use crate::report::tests::report;

    #[test]
    fn the_cases_are_there() {
        for name in COSTS.iter().flat_map(Costs::cases) {
            assert!(Case::ALL.iter().any(|case| case.name == name), "{name}");
        }
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let table = COSTS[3].table(&report());
        let rows = |table: &str| table.lines().filter(|line| line.starts_with('|')).count();
        assert!(rows(&table) > 2, "{table}");
        let mut report = report();
        report
            .rows
            .retain(|row| !row.case.starts_with("trace-injection") && row.case != "native-otel-tracer");
        assert_eq!(rows(&COSTS[3].table(&report)), 2);
    }
}
