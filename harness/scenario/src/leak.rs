//! A scenario played many times in one proxy, to see whether anything is kept that should not be.

use portcullis_sim::{Costs, Setup};

use crate::expectation::Mismatch;
use crate::report::ScenarioReport;
use crate::runner::Start;
use crate::scenario::{Scenario, StepAction};
use crate::target::{Target, TargetError};

const LEAKS: &str = "leaks";

/// Repeats what a scenario sends until there have been so many streams. The plugins' memory must not grow in the second half,
/// and nothing that has ended may be left over. Only modules have a memory of their own; on any other target nothing is done.
pub fn check_leaks(scenario: &Scenario, target: &dyn Start, streams: u32, report: &mut ScenarioReport) {
    let per_round = scenario.steps.iter().map(|step| sent(&step.action)).sum::<usize>();
    if target.name() != "wasm" || scenario.refusal.is_some() || per_round == 0 {
        return;
    }
    let rounds = (streams as usize).div_ceil(per_round).max(2);
    match repeat(scenario, target, rounds) {
        Ok(found) => found.into_iter().for_each(|leak| report.fail(LEAKS, leak)),
        Err(error) => report.stop(LEAKS, error),
    }
}

fn repeat(scenario: &Scenario, target: &dyn Start, rounds: usize) -> Result<Vec<Mismatch>, TargetError> {
    let mut target = target.start(&Setup { costs: true, ..scenario.setup.clone() })?;
    if scenario.tolerate_traps {
        target.tolerate_traps()?;
    }
    let at_start = target.open();
    (0..rounds / 2).try_for_each(|_| play(scenario, target.as_mut()))?;
    let half = target.costs();
    (rounds / 2..rounds).try_for_each(|_| play(scenario, target.as_mut()))?;
    let mut found = growth(&half, &target.costs());
    let at_end = target.open();
    for (what, before, after) in
        [("streams", at_start.streams, at_end.streams), ("contexts", at_start.contexts, at_end.contexts)]
    {
        if after > before {
            let what = format!("{what} after {rounds} rounds");
            found.push(Mismatch::new(what, format!("{before}, as at the start"), after));
        }
    }
    Ok(found)
}

fn sent(action: &StepAction) -> usize {
    match action {
        StepAction::Send(sent) => sent.len(),
        StepAction::Converse(..) => 1,
        StepAction::Look | StepAction::Advance(_) => 0,
    }
}

fn play(scenario: &Scenario, target: &mut dyn Target) -> Result<(), TargetError> {
    for step in &scenario.steps {
        match &step.action {
            StepAction::Look => {}
            StepAction::Advance(span) => target.advance(*span)?,
            StepAction::Send(sent) => {
                let sendings: Vec<_> = sent.iter().map(|sent| sent.sending.clone()).collect();
                target.send(&sendings)?;
            }
            StepAction::Converse(conversation, _) => drop(target.converse(conversation)?),
        }
    }
    Ok(())
}

/// The callbacks in which memory has grown since.
fn growth(half: &Costs, end: &Costs) -> Vec<Mismatch> {
    let grown = end.iter().filter_map(|(callback, tally)| {
        let before = half.get(callback).map_or(0, |tally| tally.total.memory_growth);
        let grown = tally.total.memory_growth.saturating_sub(before);
        let what = format!("memory in {callback}, second half");
        (grown > 0).then(|| Mismatch::new(what, "no growth", format!("{} KiB more", grown / 1024)))
    });
    grown.collect()
}
