use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::arguments::Work;
use crate::lab::Lab;
use crate::rounds::{Plan, start};
use crate::setting::Setting;
use crate::statistics::median;

/// How often memory is looked at, between connections.
const PIECE: Duration = Duration::from_secs(5);
/// Memory grows at first whatever the proxy does: buffers, caches and queues fill.
const SETTLING: f64 = 0.2;

/// The memory of one case under load.
#[derive(Clone, Debug)]
pub(crate) struct Soak {
    setting: Setting,
    case: &'static str,
    span: Duration,
    requests: usize,
    bare_mib: f64,
    /// In order, one after each piece of load.
    resident_mib: Vec<f64>,
}

/// Loads the last of these cases, which is compared with the first.
///
/// # Errors
/// What is wrong with the answers.
pub(crate) fn soak(lab: &Lab, work: &Work, span: Duration) -> Result<Soak, String> {
    let (setting, _) = *work;
    let running = start(lab, work, &Plan::FULL)?;
    let (Some(bare), Some(case)) = (running.first(), running.last()) else {
        return Err("there is no case".to_owned());
    };
    let began = Instant::now();
    let name = case.case().name;
    let bare_mib = bare.resident_mib()?;
    let mut soak = Soak { setting, case: name, span, requests: 0, bare_mib, resident_mib: Vec::new() };
    while began.elapsed() < span {
        soak.requests += case.load(PIECE.min(span))?.latencies.len();
        let resident = case.resident_mib()?;
        soak.resident_mib.push(resident);
        eprintln!("{setting}: {name}: {:.0} s: {resident:.1} MiB", began.elapsed().as_secs_f64());
    }
    case.check_that_it_has_sent()?;
    Ok(soak)
}

impl Soak {
    /// The medians of the first and the last quarter, once it has settled.
    fn ends(&self) -> (f64, f64) {
        let settled = self.resident_mib.len() as f64 * SETTLING;
        let settled = self.resident_mib.get(settled as usize..).unwrap_or_default();
        let quarter = settled.len().div_ceil(4);
        let first = settled.iter().take(quarter);
        let last = settled.iter().rev().take(quarter);
        (median(first.copied()), median(last.copied()))
    }

    pub(crate) fn to_json(&self) -> Value {
        let (early, late) = self.ends();
        let rounded = |mib: f64| (mib * 10.0).round() / 10.0;
        json!({
            "setting": self.setting,
            "case": self.case,
            "seconds": self.span.as_secs(),
            "requests": self.requests,
            "bare_mib": rounded(self.bare_mib),
            "early_mib": rounded(early),
            "late_mib": rounded(late),
            "resident_mib": self.resident_mib.iter().map(|mib| rounded(*mib)).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (early, late) = self.ends();
        let most = self.resident_mib.iter().copied().fold(0.0, f64::max);
        writeln!(
            f,
            "{}, {}: {} requests in {} s",
            self.case,
            self.setting,
            self.requests,
            self.span.as_secs()
        )?;
        writeln!(f, "memory of a bare Envoy            {:>7.1} MiB", self.bare_mib)?;
        writeln!(
            f,
            "after the first fifth of the time {early:>7.1} MiB, {:+.1} over bare",
            early - self.bare_mib
        )?;
        writeln!(
            f,
            "at the end                        {late:>7.1} MiB, {:+.1} over bare",
            late - self.bare_mib
        )?;
        writeln!(f, "growth                            {:>+7.1} MiB; the most was {most:.1}", late - early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soak(resident_mib: Vec<f64>) -> Soak {
        let span = Duration::from_secs(600);
        Soak { setting: Setting::FIRST, case: "suite", span, requests: 7, bare_mib: 64.0, resident_mib }
    }

    #[test]
    fn what_grows_at_first_is_no_growth_and_what_goes_on_growing_is() {
        let filling = (0..100).map(|piece| if piece < 20 { f64::from(piece) } else { 100.0 }).collect();
        assert_eq!(soak(filling).ends(), (100.0, 100.0));
        let leaking = soak((0..100).map(|piece| 100.0 + f64::from(piece)).collect());
        let (early, late) = leaking.ends();
        assert!(late - early > 50.0, "{early} {late}");
        assert!(leaking.to_string().contains("growth                              +60.0 MiB"), "{leaking}");
        assert_eq!(leaking.to_json()["requests"], 7);
    }
}
