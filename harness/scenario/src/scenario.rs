use std::time::Duration;

use portcullis_sim::Setup;
use portcullis_sim::http::{Protocol, Request, Response};

use crate::expectation::{Expected, Matcher};

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// What is loaded.
    pub plugin: PluginRef,
    /// How it is configured.
    pub setup: Setup,
    /// The line by which the plugin must refuse its configuration.
    pub config_error: Option<Matcher>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Which plugin a scenario is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginRef {
    /// One of ours, by name.
    Filter(String),
    /// A module, by its path relative to the scenario file.
    Module(String),
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it shows.
    pub name: String,
    /// What is done.
    pub action: Option<StepAction>,
    /// What must hold afterwards.
    pub expected: Expected,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepAction {
    /// Time passes.
    Advance(Duration),
    /// A request is sent.
    Send {
        /// Between client and proxy.
        protocol: Protocol,
        /// What the client sends.
        request: Request,
        /// What the upstream answers, if it is asked.
        upstream: Response,
    },
}
