use std::fmt;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cpu;
use crate::load::Load;

/// One case in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    cpu_us: f64,
    rps: f64,
    p50_ms: f64,
    p99_ms: f64,
    rss_mib: f64,
}

impl Sample {
    pub(crate) fn new(cpu: Duration, load: Load, rss_mib: f64) -> Self {
        let mut latencies = load.latencies;
        latencies.sort_unstable();
        let requests = latencies.len().max(1) as f64;
        Self {
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            rps: requests / load.elapsed.as_secs_f64(),
            p50_ms: quantile(&latencies, 50),
            p99_ms: quantile(&latencies, 99),
            rss_mib,
        }
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

/// One case over all rounds: medians.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    case: &'static str,
    cpu_us: f64,
    /// What the case costs more than the first one, compared round by round.
    added_us: f64,
    /// The dearest round less the cheapest.
    spread_us: f64,
    rps: f64,
    p50_ms: f64,
    p99_ms: f64,
    rss_mib: f64,
}

impl Row {
    /// The rows of all cases, of which the first is the base.
    pub(crate) fn all(cases: Vec<(&'static str, Vec<Sample>)>) -> Vec<Self> {
        let base: Vec<Sample> = cases.first().map(|(_, samples)| samples.clone()).unwrap_or_default();
        cases.into_iter().map(|(case, samples)| Self::new(case, &samples, &base)).collect()
    }

    fn new(case: &'static str, samples: &[Sample], base: &[Sample]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(samples.iter().map(field));
        let cpu = samples.iter().map(|sample| sample.cpu_us);
        Self {
            case,
            cpu_us: of(|sample| sample.cpu_us),
            added_us: median(samples.iter().zip(base).map(|(sample, base)| sample.cpu_us - base.cpu_us)),
            spread_us: cpu.clone().fold(f64::MIN, f64::max) - cpu.fold(f64::MAX, f64::min),
            rps: of(|sample| sample.rps),
            p50_ms: of(|sample| sample.p50_ms),
            p99_ms: of(|sample| sample.p99_ms),
            rss_mib: of(|sample| sample.rss_mib),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "case": self.case,
            "cpu_us": rounded(self.cpu_us, 10.0),
            "added_us": rounded(self.added_us, 10.0),
            "spread_us": rounded(self.spread_us, 10.0),
            "rps": rounded(self.rps, 1.0),
            "p50_ms": rounded(self.p50_ms, 1000.0),
            "p99_ms": rounded(self.p99_ms, 1000.0),
            "rss_mib": rounded(self.rss_mib, 10.0),
        })
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or_default();
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|place| values.get(place));
    lower.map_or(upper, |lower| (lower + upper) / 2.0)
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// What was measured, where and with what.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
    envoy: String,
    cores: usize,
    cpu: String,
}

impl Report {
    /// A report about this machine and this version of Envoy.
    pub(crate) fn new(rows: Vec<Row>, envoy: String) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { rows, envoy, cores, cpu: cpu::model() }
    }

    pub(crate) fn to_json(&self) -> String {
        let report = json!({
            "machine": { "cores": self.cores, "cpu": self.cpu },
            "versions": { "envoy": self.envoy, "portcullis": env!("CARGO_PKG_VERSION") },
            "rows": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

/// What a reader of the figures has to know.
const NOTES: &str = "\
added: over the case none, a direct response without any filter, the median of the rounds' differences.
hit: the same token each time; miss: another one each time; flood: another one each time, its signature wrong.
module: Envoy verifies no signatures for the filter, which does it itself.
users: a bucket for each of a million users, who take turns; -4-workers: to be compared with none-4-workers.";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CPU of Envoy {} per request, {} x {}", self.envoy, self.cores, self.cpu)?;
        writeln!(
            f,
            "{:<26} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "case", "cpu us", "added", "spread", "rps", "p50 ms", "p99 ms", "rss MiB"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<26} {:>8.1} {:>+8.1} {:>8.1} {:>8.0} {:>8.2} {:>8.2} {:>8.0}",
                row.case,
                row.cpu_us,
                row.added_us,
                row.spread_us,
                row.rps,
                row.p50_ms,
                row.p99_ms,
                row.rss_mib
            )?;
        }
        writeln!(f, "{NOTES}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_us: f64) -> Sample {
        Sample { cpu_us, rps: 1000.0, p50_ms: 1.0, p99_ms: 2.0, rss_mib: 64.0 }
    }

    #[test]
    fn cpu_time_is_divided_by_the_requests() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let load = Load { elapsed: Duration::from_secs(2), latencies };
        let sample = Sample::new(Duration::from_millis(5), load, 1.0);
        assert_eq!((sample.cpu_us, sample.rps), (50.0, 50.0));
        assert_eq!((sample.p50_ms, sample.p99_ms), (50.0, 99.0));
    }

    #[test]
    fn what_a_case_adds_is_compared_round_by_round() {
        // The machine was slow in the second round, for both.
        let none = vec![sample(20.0), sample(40.0), sample(21.0)];
        let jwt = vec![sample(25.0), sample(45.5), sample(26.0)];
        let rows = Row::all(vec![("none", none), ("jwt", jwt)]);
        assert_eq!((rows[0].cpu_us, rows[0].added_us, rows[0].spread_us), (21.0, 0.0, 20.0));
        assert_eq!((rows[1].cpu_us, rows[1].added_us), (26.0, 5.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([].into_iter()), 0.0);
    }

    #[test]
    fn a_row_is_rounded_in_the_file() {
        let rows = Row::all(vec![("none", vec![sample(20.456)])]);
        let report = Report::new(rows, "1.40.0".to_owned());
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["rows"][0]["cpu_us"], 20.5);
        assert_eq!(json["rows"][0]["case"], "none");
        assert_eq!(json["versions"]["envoy"], "1.40.0");
        assert!(json["machine"]["cores"].as_u64().unwrap() >= 1);
    }
}
