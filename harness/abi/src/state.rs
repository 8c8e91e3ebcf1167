use portcullis_inspect::AbiVersion;
use portcullis_sim::{Cost, PluginSetup, Refusal, Sim, Trap};

use crate::{Meter, Phase};

/// What the hostcalls of one VM work on.
#[derive(Debug)]
pub struct State {
    /// The proxy; the real one is here only while a callback runs.
    pub sim: Sim,
    /// The version that the module was made for.
    pub abi: AbiVersion,
    /// What the running callback takes, and what it may.
    pub meter: Meter,
    /// Which hostcalls are allowed.
    pub phase: Phase,
    /// What the module's environment holds: `NAME=value`.
    pub(crate) environment: Vec<Vec<u8>>,
    /// The code of a `proc_exit`, which does not end a module in Envoy.
    pub(crate) exited: Option<u32>,
    /// The last hostcall of the running callback that did not end well.
    pub(crate) refused: Option<(&'static str, Refusal)>,
}

/// What ended a VM, as its engine knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Death {
    /// In one sentence.
    pub cause: String,
    /// Whether it came to `unreachable`, in which a panic ends.
    pub is_unreachable: bool,
    /// The guest's functions on the way to it, a line for each; empty where the engine does not tell.
    pub backtrace: Vec<String>,
}

impl State {
    /// That of a VM that is about to be made.
    pub fn new(abi: AbiVersion, setup: &PluginSetup) -> Self {
        let variable = |(name, value): (&String, &String)| format!("{name}={value}").into_bytes();
        Self {
            sim: Sim::default(),
            abi,
            meter: Meter::default(),
            phase: Phase::Instantiating,
            environment: setup.environment.iter().map(variable).collect(),
            exited: None,
            refused: None,
        }
    }

    /// Before a callback: what the former one took is over.
    pub fn begin(&mut self) {
        self.meter.cost = Cost::default();
        self.refused = None;
    }

    /// Says what ended the VM: the cause, the guest's functions on the way to it, and the last hostcalls before.
    pub fn report(&self, death: Death) -> Trap {
        let mut message = death.cause;
        if let Some(code) = self.exited {
            message.push_str(&format!(
                "\nThe module had called proc_exit({code}), which Envoy logs and otherwise ignores."
            ));
        }
        if let Some((name, refusal)) = self.refused.as_ref().filter(|_| death.is_unreachable) {
            message.push_str(&format!(
                "\nPossible cause: in this callback {name} ended with {refusal}. An SDK panics on a status that it does not expect."
            ));
        }
        if !death.backtrace.is_empty() {
            message.push_str("\nIn-VM backtrace:");
            death.backtrace.iter().for_each(|line| message.extend(["\n", line]));
        }
        let recent = self.sim.recent_hostcalls();
        if !recent.is_empty() {
            message.push_str("\nLast hostcalls:\n  ");
            message.push_str(&recent.join("\n  "));
        }
        let function = (self.phase == Phase::Allocating).then_some("malloc");
        Trap { message, function }
    }
}
