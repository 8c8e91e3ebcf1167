use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Work;
use crate::lab::Lab;
use crate::report::{PacedRow, Row};
use crate::running::Running;
use crate::sample::Sample;
use crate::statistics::Summary;

/// For how long and how often each case is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Load before the first round: V8 compiles a function anew once it is hot.
    pub(crate) warm_up: Duration,
    /// Load before each sample: so many spans and records wait when it begins as when it ends, on average.
    pub(crate) prime: Duration,
    /// The load that is measured.
    pub(crate) span: Duration,
    /// Rounds at least, and at most where figures do not settle.
    pub(crate) least: u32,
    pub(crate) most: u32,
    /// No round begins later after the start than this, once there are enough.
    pub(crate) budget: Option<Duration>,
}

impl Plan {
    /// Less than a minute.
    pub(crate) const SHORT: Self = Self {
        warm_up: Duration::from_millis(300),
        prime: Duration::from_millis(40),
        span: Duration::from_millis(300),
        least: 3,
        most: 12,
        budget: Some(Duration::from_secs(38)),
    };

    pub(crate) const FULL: Self = Self {
        warm_up: Duration::from_secs(1),
        prime: Duration::from_millis(100),
        span: Duration::from_millis(500),
        least: 5,
        most: 12,
        budget: None,
    };
}

/// A sample, and that of the base at about the same time.
pub(crate) type Pair = (Sample, Sample);

/// Measures all cases of a setting, round by round, until the figures have settled. The first case is the base.
pub(crate) fn measure(lab: &Lab, work: &Work, plan: &Plan, began: Instant) -> Result<Vec<Row>, String> {
    let (setting, _) = *work;
    let running = start(lab, work, plan)?;
    let mut pairs: Vec<Vec<Pair>> = running.iter().map(|_| Vec::new()).collect();
    for round in 1..=plan.most {
        play(&running, &mut pairs, plan)?;
        let open = pairs.iter().skip(1).filter(|pairs| !is_settled(pairs, plan)).count();
        eprintln!("{setting}: round {round}, {open} of {} to go on", pairs.len() - 1);
        let is_late = plan.budget.is_some_and(|budget| began.elapsed() > budget);
        if round >= plan.least && (is_late || open == 0 && pairs.len() > 1) {
            break;
        }
    }
    running.iter().try_for_each(Running::check_that_it_has_sent)?;
    Ok(Row::all(setting, running.iter().map(Running::case).zip(&pairs)))
}

/// One round: all that have not settled, and the base before the first, after the last and here and there between them.
fn play(running: &[Running], pairs: &mut [Vec<Pair>], plan: &Plan) -> Result<(), String> {
    let Some((base, others)) = running.split_first() else { return Ok(()) };
    let Some((of_base, pairs)) = pairs.split_first_mut() else { return Ok(()) };
    let sample = |case: &Running| case.sample(plan.prime, plan.span);
    let mut open: Vec<_> = others.iter().zip(pairs).filter(|(_, pairs)| !is_settled(pairs, plan)).collect();
    let mut before = sample(base)?;
    of_base.push((before, before));
    for cases in open.chunks_mut(BETWEEN_BASES) {
        let samples = cases.iter().map(|(case, _)| sample(case)).collect::<Result<Vec<_>, _>>()?;
        let after = sample(base)?;
        of_base.push((after, after));
        for ((_, pairs), sample) in cases.iter_mut().zip(samples) {
            pairs.push((sample, before.mean(after)));
        }
        before = after;
    }
    Ok(())
}

/// So many cases are measured between two samples of the base; what the machine does may change in the meantime.
const BETWEEN_BASES: usize = 4;

fn is_settled(pairs: &[Pair], plan: &Plan) -> bool {
    pairs.len() >= plan.least as usize && added(pairs).is_settled()
}

/// What a case costs more than the base, compared round by round.
pub(crate) fn added(pairs: &[Pair]) -> Summary {
    Summary::of(pairs.iter().map(|(sample, base)| sample.cpu_us - base.cpu_us))
}

/// Latencies at a fixed rate, over so many rounds.
const PACED_ROUNDS: u32 = 5;
const PACED_SPAN: Duration = Duration::from_secs(4);

/// Measures what can be told at a fixed rate, case by case in each round. The first case is the base.
pub(crate) fn pace(lab: &Lab, work: &Work, plan: &Plan, rate: u32) -> Result<Vec<PacedRow>, String> {
    let (setting, _) = *work;
    let running = start(lab, work, plan)?;
    let mut pairs: Vec<Vec<Pair>> = running.iter().map(|_| Vec::new()).collect();
    for round in 1..=PACED_ROUNDS {
        eprintln!("{setting}, {rate} requests a second: round {round} of {PACED_ROUNDS}");
        let mut base = None;
        for (case, pairs) in running.iter().zip(&mut pairs) {
            let sample = case.paced(rate, PACED_SPAN)?;
            pairs.push((sample, *base.get_or_insert(sample)));
        }
    }
    let rows = running.iter().zip(&pairs);
    Ok(rows.map(|(running, pairs)| PacedRow::new(setting, running.case(), rate, pairs)).collect())
}

/// Starts an Envoy for each case, several at a time, and warms them up one by one.
pub(crate) fn start(lab: &Lab, (setting, cases): &Work, plan: &Plan) -> Result<Vec<Running>, String> {
    eprintln!("{setting}: starting {} of Envoy", cases.len());
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let mut running = Vec::new();
    for cases in cases.chunks(at_once) {
        let started = thread::scope(|scope| {
            let threads: Vec<_> =
                cases.iter().map(|case| scope.spawn(|| Running::start(lab, *setting, *case))).collect();
            let joined = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err("a thread that starts Envoy has panicked".to_owned()))
            });
            joined.collect::<Result<Vec<_>, _>>()
        })?;
        running.extend(started);
    }
    running.iter().try_for_each(|case| case.load(plan.warm_up).map(drop))?;
    Ok(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(cpu_us: f64, base_us: f64) -> Pair {
        let sample =
            |cpu_us| Sample { cpu_us, rps: 1000.0, p50_ms: 1.0, p99_ms: 2.0, p999_ms: 3.0, rss_mib: 64.0 };
        (sample(cpu_us), sample(base_us))
    }

    #[test]
    fn a_slow_round_falls_on_both() {
        let pairs = [pair(25.0, 20.0), pair(45.5, 40.0), pair(26.0, 21.0)];
        assert_eq!(added(&pairs).median, 5.0);
    }

    #[test]
    fn it_goes_on_until_the_differences_agree() {
        let plan = Plan { least: 3, ..Plan::SHORT };
        let calm = [pair(25.0, 20.0), pair(25.1, 20.0), pair(45.0, 40.0)];
        assert!(!is_settled(&calm[..2], &plan), "too few");
        assert!(is_settled(&calm, &plan));
        assert!(!is_settled(&[pair(25.0, 20.0), pair(29.0, 20.0), pair(22.0, 20.0)], &plan));
    }
}
