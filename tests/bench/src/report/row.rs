use serde::{Deserialize, Serialize};

use crate::cases::Case;
use crate::rounds::{Pair, added};
use crate::sample::Sample;
use crate::setting::Setting;
use crate::statistics::{Summary, median};

/// One case in one setting, over all rounds: medians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) rounds: usize,
    pub(crate) cpu_us: f64,
    /// What the case costs more than the first one, compared round by round.
    pub(crate) added_us: f64,
    /// The standard error of that.
    pub(crate) error_us: f64,
    /// Its third quartile less the first; of the first case, those of what it costs.
    pub(crate) spread_us: f64,
    /// The case of Envoy's own that it is compared with.
    pub(crate) native: Option<String>,
    /// What it adds, in times of what that one does.
    pub(crate) of_native: Option<f64>,
    pub(crate) of_native_error: Option<f64>,
    pub(crate) rps: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) rss_mib: f64,
    /// The memory that it needs more than the first one.
    pub(crate) rss_added_mib: f64,
}

impl Row {
    /// The rows of all cases of a setting, of which the first is the base.
    pub(crate) fn all<'a>(setting: Setting, cases: impl Iterator<Item = (Case, &'a Vec<Pair>)>) -> Vec<Self> {
        let mut rows: Vec<Self> = cases.map(|(case, pairs)| Self::new(setting, case, pairs)).collect();
        let measured: Vec<_> =
            rows.iter().map(|row| (row.case.clone(), row.added_us, row.error_us)).collect();
        for row in &mut rows {
            let native = measured.iter().find(|(case, ..)| Some(case) == row.native.as_ref());
            // A ratio to what is lost in the noise says nothing.
            let is_clear = |(_, added, error): &&(String, f64, f64)| *added > 2.0 * error;
            let Some((_, added, error)) = native.filter(is_clear) else { continue };
            let ratio = row.added_us / added;
            let relative = (row.error_us / row.added_us).hypot(error / added);
            row.of_native = Some(rounded(ratio, 100.0));
            row.of_native_error = Some(rounded((ratio * relative).abs(), 100.0));
        }
        rows
    }

    fn new(setting: Setting, case: Case, pairs: &[Pair]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(pairs.iter().map(|(sample, _)| field(sample)));
        let of_base = |field: fn(&Sample) -> f64| median(pairs.iter().map(|(_, base)| field(base)));
        let cpu = Summary::of(pairs.iter().map(|(sample, _)| sample.cpu_us));
        let added = added(pairs);
        let varying = if case.guards.is_empty() { cpu } else { added };
        Self {
            case: case.name.to_owned(),
            setting,
            rounds: pairs.len(),
            cpu_us: rounded(cpu.median, 100.0),
            added_us: rounded(added.median, 100.0),
            error_us: rounded(varying.error, 100.0),
            spread_us: rounded(varying.spread, 100.0),
            native: case.native.map(str::to_owned),
            of_native: None,
            of_native_error: None,
            rps: of(|sample| sample.rps).round(),
            p50_ms: rounded(of(|sample| sample.p50_ms), 1000.0),
            p99_ms: rounded(of(|sample| sample.p99_ms), 1000.0),
            p999_ms: rounded(of(|sample| sample.p999_ms), 1000.0),
            rss_mib: rounded(of(|sample| sample.rss_mib), 10.0),
            rss_added_mib: rounded(of(|sample| sample.rss_mib) - of_base(|base| base.rss_mib), 10.0),
        }
    }
}

/// One case at a fixed rate, over all rounds: medians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PacedRow {
    pub(crate) case: String,
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// How many requests a second were to be sent, and how many were.
    pub(crate) rate: u32,
    pub(crate) rps: f64,
    pub(crate) rounds: usize,
    pub(crate) cpu_us: f64,
    /// What the case costs more than the first one at the same rate, and the standard error of that.
    pub(crate) added_us: f64,
    pub(crate) error_us: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// That of the best round and of the worst.
    pub(crate) p99_ms_range: [f64; 2],
    pub(crate) p999_ms: f64,
}

impl PacedRow {
    pub(crate) fn new(setting: Setting, case: Case, rate: u32, pairs: &[Pair]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(pairs.iter().map(|(sample, _)| field(sample)));
        let added = added(pairs);
        let p99 = pairs.iter().map(|(sample, _)| sample.p99_ms);
        let range = [p99.clone().fold(f64::INFINITY, f64::min), p99.fold(0.0, f64::max)];
        Self {
            case: case.name.to_owned(),
            setting,
            rate,
            rps: of(|sample| sample.rps).round(),
            rounds: pairs.len(),
            cpu_us: rounded(of(|sample| sample.cpu_us), 100.0),
            added_us: rounded(added.median, 100.0),
            error_us: rounded(added.error, 100.0),
            p50_ms: rounded(of(|sample| sample.p50_ms), 1000.0),
            p99_ms: rounded(of(|sample| sample.p99_ms), 1000.0),
            p99_ms_range: range.map(|ms| rounded(ms, 1000.0)),
            p999_ms: rounded(of(|sample| sample.p999_ms), 1000.0),
        }
    }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(cpu_us: f64, base_us: f64) -> Pair {
        let sample = |cpu_us| Sample {
            cpu_us,
            rps: 1000.0,
            p50_ms: 1.0,
            p99_ms: cpu_us,
            p999_ms: 3.0,
            rss_mib: cpu_us * 2.0,
        };
        (sample(cpu_us), sample(base_us))
    }

    fn case(name: &str) -> Case {
        Case::ALL.into_iter().find(|case| case.name == name).unwrap()
    }

    #[test]
    fn a_row_says_what_is_added_with_its_error_and_how_much_that_is_of_native() {
        let none = vec![pair(20.456, 20.456)];
        // The machine was slow in the second round, for both.
        let ours = vec![pair(28.0, 20.0), pair(48.5, 40.0), pair(29.0, 21.0)];
        let native = vec![pair(24.0, 20.0), pair(44.0, 40.0), pair(25.0, 21.0)];
        let cases = [(case("none"), &none), (case("suite"), &ours), (case("all-native"), &native)];
        let rows = Row::all(Setting::FIRST, cases.into_iter());
        assert_eq!((rows[0].cpu_us, rows[0].added_us, rows[0].of_native), (20.46, 0.0, None));
        assert_eq!((rows[1].cpu_us, rows[1].added_us, rows[1].spread_us), (29.0, 8.0, 0.25));
        assert_eq!((rows[1].of_native, rows[1].of_native_error), (Some(2.0), Some(0.03)));
        assert_eq!((rows[1].rss_mib, rss_base(&rows[1])), (58.0, 42.0));
        assert_eq!(rows[2].of_native, None);
    }

    fn rss_base(row: &Row) -> f64 {
        row.rss_mib - row.rss_added_mib
    }

    #[test]
    fn there_is_no_ratio_to_what_is_lost_in_the_noise() {
        let none = vec![pair(20.0, 20.0)];
        let noise = vec![pair(19.0, 20.0), pair(21.0, 20.0), pair(22.0, 20.0)];
        let cases = [(case("none"), &none), (case("audit-log"), &none), (case("native-access-log"), &noise)];
        let rows = Row::all(Setting::FIRST, cases.into_iter());
        assert_eq!(rows[1].of_native, None);
        assert_eq!(rows[1].native.as_deref(), Some("native-access-log"));
    }

    #[test]
    fn a_paced_row_says_how_far_rounds_differ() {
        let pairs = [pair(3.0, 1.0), pair(1.0, 0.0), pair(2.0, 1.0)];
        let row = PacedRow::new(Setting::FIRST, case("suite"), 12_700, &pairs);
        assert_eq!(row.added_us, 1.0);
        assert_eq!((row.p99_ms, row.p99_ms_range, row.rounds), (2.0, [1.0, 3.0], 3));
    }
}
