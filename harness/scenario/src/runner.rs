use std::mem;

use portcullis_sim::http::{Exchange, Sending};
use portcullis_sim::{Profile, Setup};

use crate::budget;
use crate::expectation::{ExchangeExpected, Mismatch, ProxyExpected};
use crate::golden::Text;
use crate::report::{ScenarioReport, StepReport};
use crate::scenario::{Refusal, Scenario, Sent, Step, StepAction};
use crate::taken::Takings;
use crate::target::{Target, TargetError};

/// Starts a target with plugins in it.
pub trait Start {
    /// `native`, `wasm` or `envoy`.
    fn name(&self) -> &'static str;

    /// Starts it.
    ///
    /// # Errors
    /// As [`TargetError`]: the configuration was refused, or there is no such target here.
    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError>;
}

/// The name of a target, and a function that starts it.
impl<F: Fn(&Setup) -> Result<Box<dyn Target>, TargetError>> Start for (&'static str, F) {
    fn name(&self) -> &'static str {
        self.0
    }

    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError> {
        self.1(setup)
    }
}

const START: &str = "start";

/// Plays a scenario on a target. Stops at the first step that the target itself cannot play.
pub fn run(scenario: &Scenario, target: &dyn Start) -> ScenarioReport {
    if let Some(why) = scenario.not_on_envoy.as_ref().filter(|_| target.name() == "envoy") {
        return ScenarioReport::not_run(&scenario.name, target.name(), why);
    }
    let mut report = ScenarioReport::new(&scenario.name, target.name());
    report.profile = match scenario.setup.profile {
        Profile::Envoy => "envoy",
        Profile::Spec => "spec",
    };
    match (target.start(&scenario.setup), &scenario.refusal) {
        (Ok(target), None) => steps(scenario, target, &mut report),
        (Ok(_), Some(Refusal::Configuration(expected))) => {
            let expected = format!("refused with {expected}");
            report.fail(START, Mismatch::new("configuration", expected, "accepted"));
        }
        (Ok(_), Some(Refusal::Load(expected))) => {
            report.fail(START, Mismatch::new("module", format!("not loaded: {expected}"), "loaded"));
        }
        (Err(TargetError::Configuration(lines)), Some(Refusal::Configuration(expected))) => {
            if !lines.iter().any(|line| expected.matches(Some(line.message.as_bytes()))) {
                let found: Vec<_> = lines.into_iter().map(|line| line.message).collect();
                report.fail(START, Mismatch::new("log", expected, found.join("\n")));
            }
        }
        (Err(TargetError::NotHere(why)), _) => report.stop(START, TargetError::NotHere(why)),
        (Err(error), Some(Refusal::Load(expected))) => {
            let message = error.to_string();
            if !not_loaded(target.name(), &message) && !expected.matches(Some(message.as_bytes())) {
                report.fail(START, Mismatch::new("module", format!("not loaded: {expected}"), message));
            }
        }
        (Err(error), _) => report.stop(START, error),
    }
    report
}

/// Whether a real Envoy has refused: it ends at once and says why in words of its own, and not in those that a scenario is
/// written with. Any other failure to start it is no refusal.
fn not_loaded(target: &str, message: &str) -> bool {
    target == "envoy" && message.contains("Envoy ended with")
}

fn steps(scenario: &Scenario, target: Box<dyn Target>, report: &mut ScenarioReport) {
    let mut play = Play { target, logged: 0, called: 0, takings: Takings::default() };
    if let Err(error) = play.begin(scenario) {
        return report.stop(START, error);
    }
    for step in &scenario.steps {
        if let Err(error) = play.step(step, report) {
            report.stop(&step.name, error);
            return play.warn(scenario, report);
        }
        play.took(scenario, &step.name);
    }
    play.weigh(scenario, report);
    play.warn(scenario, report);
}

/// A scenario under way.
struct Play {
    target: Box<dyn Target>,
    /// How many lines of the log the steps so far have seen.
    logged: usize,
    /// How many call-outs the steps so far have seen.
    called: usize,
    takings: Takings,
}

impl Play {
    fn begin(&mut self, scenario: &Scenario) -> Result<(), TargetError> {
        if scenario.tolerate_traps {
            self.target.tolerate_traps()?;
        }
        self.took(scenario, START);
        if scenario.steps.first().is_some_and(|step| matches!(step.action, StepAction::Look)) {
            return Ok(());
        }
        // What was logged at the start belongs to no step.
        self.logged = self.target.logs()?.len();
        self.called = self.target.call_outs()?.len();
        Ok(())
    }

    fn step(&mut self, step: &Step, report: &mut ScenarioReport) -> Result<(), TargetError> {
        let mut text = Text::of(step.golden.as_ref());
        let mut played = self.act(step, &mut text)?;
        let mut mismatches = Vec::new();
        self.look(&step.expected, &mut text, &mut mismatches)?;
        if let Some(golden) = &step.golden {
            golden.check(&text.0, &mut mismatches);
            report.golden.push((golden.path.clone(), text.0));
        }
        // What is wrong with the proxy is told with the request, if there was only one.
        match played.as_mut_slice() {
            [only] => only.mismatches.extend(mismatches),
            several if several.is_empty() || !mismatches.is_empty() => {
                played.push(StepReport::new(step, &step.name, None, mismatches));
            }
            _ => {}
        }
        let hints = self.target.hints();
        if let Some(failed) = played.iter_mut().find(|step| !step.passed()) {
            failed.hints = hints;
        }
        report.steps.extend(played);
        report.settle();
        Ok(())
    }

    fn took(&mut self, scenario: &Scenario, step: &str) {
        if scenario.setup.costs {
            self.takings.end(step, self.target.costs());
        }
    }

    /// Compares what the callbacks have taken.
    fn weigh(&mut self, scenario: &Scenario, report: &mut ScenarioReport) {
        let costs = self.target.costs();
        report.taken = mem::take(&mut self.takings.steps);
        if costs.is_empty() || self.target.name() != "wasm" {
            return;
        }
        for breach in budget::check(&scenario.budget, &costs) {
            report.fail("budget", breach);
        }
        if let Some(golden) = &scenario.golden_fuel {
            let (fuel, mut found) = (budget::fuel(&costs), Vec::new());
            golden.check(&fuel, &mut found);
            found.into_iter().for_each(|difference| report.fail("golden_fuel", difference));
            report.golden.push((golden.path.clone(), fuel));
        }
    }

    fn warn(&mut self, scenario: &Scenario, report: &mut ScenarioReport) {
        let told = self.target.warnings().into_iter().filter(|it| !scenario.allow.contains(&it.lint));
        report.warnings = told.map(Into::into).collect();
    }

    fn act(&mut self, step: &Step, text: &mut Text) -> Result<Vec<StepReport>, TargetError> {
        match &step.action {
            StepAction::Look => Ok(Vec::new()),
            StepAction::Advance(span) => self.target.advance(*span).map(|()| Vec::new()),
            StepAction::Send(sent) => self.send(step, sent, text),
            StepAction::Converse(conversation, expected) => {
                let exchange = self.target.converse(conversation)?;
                text.connection(&exchange);
                let mut mismatches = Vec::new();
                expected.check(&exchange, &mut mismatches);
                Ok(vec![StepReport::new(step, &step.name, None, mismatches)])
            }
        }
    }

    fn send(&mut self, step: &Step, sent: &[Sent], text: &mut Text) -> Result<Vec<StepReport>, TargetError> {
        let sendings: Vec<Sending> = sent.iter().map(|sent| sent.sending.clone()).collect();
        let exchanges = self.target.send(&sendings)?;
        if exchanges.len() != sent.len() {
            let problem = format!("{} requests, but {} exchanges", sent.len(), exchanges.len());
            return Err(TargetError::Broken(problem));
        }
        let reports = sent.iter().zip(&exchanges).map(|(sent, exchange)| {
            text.exchange(&sent.name, exchange);
            let name = if sent.name.is_empty() {
                step.name.clone()
            } else {
                format!("{}: {}", step.name, sent.name)
            };
            StepReport::new(step, &name, Some(exchange), mismatches(&sent.expected, exchange))
        });
        Ok(reports.collect())
    }

    /// Compares what is known of the proxy. The lines and call-outs so far count as seen, whether they mattered or not.
    fn look(
        &mut self,
        expected: &ProxyExpected,
        text: &mut Text,
        found: &mut Vec<Mismatch>,
    ) -> Result<(), TargetError> {
        if expected.of_metrics() {
            expected.check_metrics(&self.target.metrics()?, found);
        }
        let logs = self.target.logs()?;
        let new = logs.get(self.logged..).unwrap_or_default();
        expected.check_logs(&logs, new, found);
        let calls = self.target.call_outs()?;
        let called = calls.get(self.called..).unwrap_or_default();
        expected.check_call_outs(called, found);
        text.proxy(new, called);
        self.logged = logs.len();
        self.called = calls.len();
        Ok(())
    }
}

fn mismatches(expected: &ExchangeExpected, exchange: &Exchange) -> Vec<Mismatch> {
    let mut found = Vec::new();
    expected.check(exchange, &mut found);
    found
}

impl StepReport {
    fn new(step: &Step, name: &str, exchange: Option<&Exchange>, mismatches: Vec<Mismatch>) -> Self {
        let response = exchange.and_then(|exchange| exchange.client.as_ref());
        Self {
            name: name.to_owned(),
            line: step.line,
            status: response.map(|response| response.status),
            details: exchange.and_then(|exchange| exchange.details.clone()),
            upstream_called: exchange.map(|exchange| exchange.upstream.is_some()),
            mismatches,
            hints: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
