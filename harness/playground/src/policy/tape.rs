//! The simulated proxy as a target that keeps what can be seen of each step.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use portcullis_foreign::foreign_functions;
use portcullis_scenario::{Open, Scenario, SimTarget, Start, StepAction, Target, TargetError};
use portcullis_sim::http::{CallOut, Exchange, LogLine, Sending};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use portcullis_sim::{Plugin, Setup, Sim, Warning};

use super::code::{Codes, vms};
use super::moment::{Kind, Moment, Shown};
use super::watched::Seen;

/// Starts plugins, and keeps what they do.
pub(super) struct Tape {
    codes: Codes,
    record: Rc<RefCell<Record>>,
}

/// What has been seen.
#[derive(Default)]
struct Record {
    moments: Vec<Moment>,
    lost: u64,
    /// How much of the journal, of the log and of the call-outs belongs to earlier moments.
    calls: usize,
    lines: usize,
    call_outs: usize,
}

/// A proxy that is being watched.
struct Taped {
    target: SimTarget<Box<dyn Plugin>>,
    seen: Seen,
    record: Rc<RefCell<Record>>,
}

impl Tape {
    pub(super) fn new(codes: Codes) -> Self {
        Self { codes, record: Rc::default() }
    }

    /// What has happened, each request with its name in the scenario, and how many calls there was no room for.
    pub(super) fn moments(self, scenario: &Scenario) -> (Vec<Moment>, u64) {
        let Record { mut moments, lost, .. } = self.record.take();
        let sent = scenario.steps.iter().filter_map(|step| match &step.action {
            StepAction::Send(sent) => Some((step, sent)),
            _ => None,
        });
        let sends = moments.iter_mut().filter(|moment| moment.kind == Kind::Send);
        for (moment, (step, sent)) in sends.zip(sent) {
            for (exchange, sent) in moment.exchanges.iter_mut().zip(sent) {
                exchange.name = match sent.name.as_str() {
                    "" => step.name.clone(),
                    name => format!("{}: {name}", step.name),
                };
            }
        }
        (moments, lost)
    }
}

impl Start for Tape {
    fn name(&self) -> &'static str {
        self.codes.target()
    }

    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError> {
        let codes = match &self.codes {
            Codes::Ready(codes) => codes.clone(),
            Codes::Unloadable(problem) => return Err(TargetError::Broken(problem.clone())),
            Codes::Missing(path) => {
                return Err(TargetError::NotHere(format!(
                    "{path} was not given along; add it to the scenario"
                )));
            }
        };
        let seen = Seen::default();
        let factory = vms(codes, Arc::clone(&seen));
        let started = SimTarget::start(self.name(), factory, &foreign_functions(), setup);
        let target = started.inspect_err(|error| {
            if let TargetError::Configuration(lines) = error {
                self.record.borrow_mut().refused(setup, lines);
            }
        })?;
        let mut taped = Taped { target, seen, record: Rc::clone(&self.record) };
        taped.keep(Kind::Start, Vec::new());
        Ok(Box::new(taped))
    }
}

impl Record {
    fn refused(&mut self, setup: &Setup, lines: &[LogLine]) {
        let at = setup.clock.unwrap_or_default();
        self.moments
            .push(Moment { log: lines.iter().map(Shown::shown).collect(), ..Moment::new(Kind::Start, at) });
    }

    /// What a simulated proxy has done since it was last asked.
    fn take(&mut self, kind: Kind, sim: &Sim) -> Moment {
        let calls = sim.journal().get(self.calls..).unwrap_or_default();
        let lines = sim.log().get(self.lines..).unwrap_or_default();
        let call_outs = sim.call_outs().get(self.call_outs..).unwrap_or_default();
        self.calls = sim.journal().len();
        self.lines = sim.log().len();
        self.call_outs = sim.call_outs().len();
        self.lost = sim.journal_lost();
        Moment {
            calls: calls.iter().map(|entry| (sim.vm_name(entry.vm), entry).shown()).collect(),
            log: lines.iter().map(Shown::shown).collect(),
            call_outs: call_outs.iter().map(Shown::shown).collect(),
            metrics: sim.metrics(),
            ..Moment::new(kind, sim.clock())
        }
    }
}

impl Taped {
    fn keep(&mut self, kind: Kind, exchanges: Vec<(&Sending, &Exchange)>) {
        let mut record = self.record.borrow_mut();
        let mut moment = record.take(kind, self.target.sim());
        moment.exchanges = exchanges.into_iter().map(|exchange| exchange.shown()).collect();
        let seen = mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        moment.levels = seen.iter().map(Shown::shown).collect();
        record.moments.push(moment);
    }
}

impl Target for Taped {
    fn name(&self) -> &'static str {
        self.target.name()
    }

    fn tolerate_traps(&mut self) -> Result<(), TargetError> {
        self.target.tolerate_traps()
    }

    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
        let exchanges = self.target.send(requests)?;
        self.keep(Kind::Send, requests.iter().zip(&exchanges).collect());
        Ok(exchanges)
    }

    fn converse(&mut self, conversation: &Conversation) -> Result<TcpExchange, TargetError> {
        let exchange = self.target.converse(conversation)?;
        self.keep(Kind::Tcp, Vec::new());
        Ok(exchange)
    }

    fn advance(&mut self, by: Duration) -> Result<(), TargetError> {
        self.target.advance(by)?;
        self.keep(Kind::Advance, Vec::new());
        Ok(())
    }

    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
        self.target.metrics()
    }

    fn hints(&mut self) -> Vec<String> {
        self.target.hints()
    }

    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
        self.target.logs()
    }

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        self.target.call_outs()
    }

    fn open(&mut self) -> Open {
        self.target.open()
    }

    fn warnings(&mut self) -> Vec<Warning> {
        self.target.warnings()
    }
}
