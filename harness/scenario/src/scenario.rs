use std::time::Duration;

use portcullis_sim::tcp::Conversation;
use portcullis_sim::{Lint, Setup};

use crate::budget::Budget;
use crate::expectation::{ExchangeExpected, Matcher, ProxyExpected, TcpExpected};
use crate::golden::Golden;
use crate::schema::WayName;
use portcullis_sim::http::Sending;

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// What is loaded: a plugin whose `code` is `n` in [`Setup`] runs the n-th of these.
    pub plugins: Vec<PluginRef>,
    /// How the proxy is configured, and what is around it.
    pub setup: Setup,
    /// The workers that it asks for itself.
    pub workers: Option<u32>,
    /// How the start must end, if not well.
    pub refusal: Option<Refusal>,
    /// Whether a trap is only a line of the log.
    pub tolerate_traps: bool,
    /// Why a real Envoy cannot play it.
    pub not_on_envoy: Option<String>,
    /// The files that it includes, as it names them.
    pub include: Vec<String>,
    /// The ways in which the matrix does not play it.
    pub skipped: Vec<WayName>,
    /// What one call of a callback may take.
    pub budget: Budget,
    /// The file that has the fuel of each callback.
    pub golden_fuel: Option<Golden>,
    /// After how many streams nothing may have been kept.
    pub leak_check: Option<u32>,
    /// Warnings that are not told.
    pub allow: Vec<Lint>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// From now on a golden file is not compared: whatever is found is what it should hold.
    pub fn bless(&mut self) {
        let golden = self.steps.iter_mut().filter_map(|step| step.golden.as_mut());
        golden.chain(&mut self.golden_fuel).for_each(|golden| golden.bless = true);
    }

    /// From now on golden files hold credentials and queries as they are.
    pub fn show_secrets(&mut self) {
        let golden = self.steps.iter_mut().filter_map(|step| step.golden.as_mut());
        golden.for_each(|golden| golden.show_secrets = true);
    }
}

/// Which plugin a scenario is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginRef {
    /// One of ours, by name.
    Filter(String),
    /// A module, by its path relative to the scenario file.
    Module(String),
}

/// How the start of a scenario must fail.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// A plugin refuses its configuration with this line.
    Configuration(Matcher),
    /// A module does not load, with this message.
    Load(Matcher),
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it shows.
    pub name: String,
    /// The line of the scenario file where it begins.
    pub line: u64,
    /// What is done.
    pub action: StepAction,
    /// What must hold of the proxy afterwards.
    pub expected: ProxyExpected,
    /// The file that has all of it as text.
    pub golden: Option<Golden>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepAction {
    /// Nothing: it only looks.
    Look,
    /// Time passes.
    Advance(Duration),
    /// Requests are sent, at the same time.
    Send(Vec<Sent>),
    /// A TCP connection comes and goes.
    Converse(Conversation, TcpExpected),
}

/// One request of a step.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What it shows.
    pub name: String,
    /// What is sent.
    pub sending: Sending,
    /// What must come of it.
    pub expected: ExchangeExpected,
}
