use portcullis_inspect::AbiVersion;
use portcullis_sim::{Cost, PluginSetup, Refusal, Sim, Trap};

use crate::{Forbidden, Meter, Phase};

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
    /// The export that gives memory to hostcalls.
    pub(crate) allocator: &'static str,
    /// The export that the proxy has called.
    pub running: &'static str,
    /// What ended the VM while the guest goes on.
    pub(crate) failed: Option<Trap>,
    /// The hostcall that ends what the proxy has called, which is over even where the guest catches what an engine throws.
    pub(crate) forbidden: Option<Forbidden>,
    /// What the module's environment holds: `NAME=value`.
    pub(crate) environment: Vec<Vec<u8>>,
    /// The code of the last `proc_exit`, which does not end a module in Envoy; whatever was called, it counts to the end of the VM.
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

impl Death {
    /// One of which there is a sentence and no more.
    pub(crate) fn of(cause: &impl ToString) -> Self {
        Self { cause: cause.to_string(), ..Self::default() }
    }
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
            allocator: "malloc",
            running: "",
            failed: None,
            forbidden: None,
            environment: setup.environment.iter().map(variable).collect(),
            exited: None,
            refused: None,
        }
    }

    /// Before the proxy calls this export: what the former one took is over.
    pub fn begin(&mut self, export: &'static str) {
        self.running = export;
        self.meter.cost = Cost::default();
        self.refused = None;
        self.failed = None;
        self.forbidden = None;
    }

    /// Whether nothing has ended the guest so far.
    pub(crate) fn is_well(&self) -> bool {
        self.failed.is_none() && self.forbidden.is_none() && self.meter.within().is_ok()
    }

    /// What ought to have ended the guest, which has caught it and run to its end.
    pub(crate) fn swallowed(&self) -> Option<Death> {
        let overrun =
            || self.meter.within().err().map(|overrun| Death::of(&format!("{}: {overrun}", self.running)));
        self.forbidden.as_ref().map(Death::of).or_else(overrun)
    }

    /// This export has trapped, and in Envoy the guest runs on to the end of the callback.
    pub(crate) fn fail(&mut self, function: &'static str, death: Death) {
        if self.failed.is_some() {
            return self.sim.log_failed(function, &death.cause);
        }
        let trap = Trap { function: Some(function), is_logged: true, ..self.report(death) };
        self.sim.log_failed(function, &trap.message);
        self.failed = Some(trap);
    }

    /// Says what ended the VM: the cause, the guest's functions on the way to it, and the last hostcalls before.
    pub(crate) fn report(&self, death: Death) -> Trap {
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
        Trap { message, function: Some(self.running), is_logged: false }
    }
}
