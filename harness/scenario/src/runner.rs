use portcullis_sim::Setup;
use portcullis_sim::http::{Exchange, Sending};

use crate::expectation::Mismatch;
use crate::report::{Ending, ScenarioReport, StepReport};
use crate::scenario::{Scenario, Step, StepAction};
use crate::target::{Target, TargetError};

/// Starts a target with a plugin in it.
pub trait Start {
    /// `native`, `wasm` or `envoy`.
    fn name(&self) -> &'static str;

    /// # Errors
    /// As [`TargetError`]: the configuration was refused, or there is no such target here.
    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError>;
}

/// Plays a scenario on a target. Stops at the first step that the target itself cannot play.
pub fn run(scenario: &Scenario, target: &dyn Start) -> ScenarioReport {
    let mut report = ScenarioReport::new(&scenario.name, target.name());
    match (target.start(&scenario.setup), &scenario.config_error) {
        (Ok(mut target), None) => {
            for step in &scenario.steps {
                if let Err(error) = play(step, target.as_mut(), &mut report) {
                    report.stop(&step.name, error);
                    break;
                }
            }
        }
        (Ok(_), Some(expected)) => {
            report.fail(
                "on_configure",
                Mismatch::new("configuration", format!("refused with {expected}"), "accepted"),
            );
        }
        (Err(TargetError::Configuration(lines)), Some(expected)) => {
            if !lines.iter().any(|line| expected.matches(Some(line.message.as_bytes()))) {
                let found: Vec<_> = lines.into_iter().map(|line| line.message).collect();
                report.fail("on_configure", Mismatch::new("log", expected, found.join(" | ")));
            }
        }
        (Err(error), _) => report.stop("on_configure", error),
    }
    report
}

fn play(step: &Step, target: &mut dyn Target, report: &mut ScenarioReport) -> Result<(), TargetError> {
    let mut mismatches = Vec::new();
    let exchange = match &step.action {
        None => None,
        Some(StepAction::Advance(span)) => {
            target.advance(*span)?;
            None
        }
        Some(StepAction::Send { protocol, request, upstream }) => {
            let sending = Sending {
                protocol: *protocol,
                request: request.clone(),
                upstream: upstream.clone().into(),
                ..Sending::default()
            };
            target.send(&[sending])?.pop()
        }
    };
    if let Some(exchange) = &exchange {
        step.expected.check_exchange(exchange, &mut mismatches);
    }
    if step.expected.of_metrics() {
        step.expected.check_metrics(&target.metrics()?, &mut mismatches);
    }
    if step.expected.of_logs() {
        step.expected.check_logs(&target.logs()?, &mut mismatches);
    }
    report.steps.push(StepReport::new(&step.name, exchange.as_ref(), mismatches));
    report.outcome = match (&report.outcome, report.steps.iter().all(StepReport::passed)) {
        (Ending::Passed, false) => Ending::Failed,
        (outcome, _) => outcome.clone(),
    };
    Ok(())
}

impl StepReport {
    fn new(name: &str, exchange: Option<&Exchange>, mismatches: Vec<Mismatch>) -> Self {
        let response = exchange.and_then(|exchange| exchange.client.as_ref());
        Self {
            name: name.to_owned(),
            status: response.map(|response| response.status),
            details: exchange.and_then(|exchange| exchange.details.clone()),
            mismatches,
        }
    }
}
