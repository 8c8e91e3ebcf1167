//! A scenario played with several workers in many orders, to find the one in which it fails.

use std::ops::Range;

use crate::report::{Ending, ScenarioReport};
use crate::runner::{Start, run};
use crate::scenario::{Scenario, StepAction};

/// Workers of a scenario that says nothing of them and sends requests at the same time.
const WORKERS: u32 = 4;

/// Plays a scenario with its workers taking turns after each hostcall, once for each seed, up to the first that fails.
pub fn explore(scenario: &Scenario, target: &dyn Start, seeds: Range<u64>) -> ScenarioReport {
    let not_run = |why: &str| ScenarioReport::not_run(&scenario.name, target.name(), why);
    let Some(workers) = workers(scenario) else {
        return not_run("no two workers have something to do: it has neither workers nor concurrent");
    };
    let mut report = not_run("no seed to explore");
    for (index, seed) in (1..).zip(seeds) {
        let mut other = scenario.clone();
        // In another order other lines stand in a golden file, and a conflict takes a second attempt.
        other.bless();
        other.budget.clear();
        (other.setup.workers, other.setup.interleaving) = (workers, Some(seed));
        report = run(&other, target);
        report.golden.clear();
        report.explored = index;
        if matches!(report.outcome, Ending::Failed | Ending::Broken(_)) {
            report.replay = Some(format!("fails with --explore-seed {seed} --explore 1"));
            return report;
        }
    }
    report
}

/// How many workers take turns; none for a scenario in which nothing happens at the same time.
fn workers(scenario: &Scenario) -> Option<u32> {
    let at_once = |action: &StepAction| matches!(action, StepAction::Send(sent) if sent.len() > 1);
    match scenario.workers {
        Some(1) => None,
        None => scenario.steps.iter().any(|step| at_once(&step.action)).then_some(WORKERS),
        workers => workers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<u32> {
        let text = format!("name: n\nmodule: m\n{text}\n");
        workers(&Scenario::load("s.yaml", &text, &|_| Err(String::new())).unwrap())
    }

    #[test]
    fn only_what_happens_at_the_same_time_has_an_order() {
        let one = "steps: [{request: {}}]";
        let two = "steps: [{concurrent: [{request: {}}, {request: {}}]}]";
        assert_eq!((of(one), of(two)), (None, Some(4)));
        assert_eq!(of(&format!("workers: 3\n{one}")), Some(3));
        assert_eq!(of(&format!("workers: 1\n{two}")), None);
        assert_eq!(of("steps: [{concurrent: [{request: {}}]}]"), None);
    }
}
