use std::collections::BTreeMap;
use std::time::Duration;

use crate::abi::{Metrics, Queues, SharedData};
use crate::contexts::Contexts;
use crate::http::LogLine;
use crate::journal::{Journal, Shown};
use crate::{Callback, Hostcall, JournalEntry, UnixTime};

/// 2026-01-01T00:00:00Z.
const START: UnixTime = UnixTime::from_secs(1_767_225_600);

/// Everything that stands behind the hostcalls of one process with one VM.
///
/// Each hostcall is a method named after it; what Envoy answers with a status is a [`Refusal`](crate::Refusal)
/// with that status and the reason that Envoy keeps to itself.
#[derive(Debug)]
pub struct Sim {
    pub(crate) clock: UnixTime,
    pub(crate) started: UnixTime,
    pub(crate) entropy: fastrand::Rng,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) metrics: Metrics,
    pub(crate) shared_data: SharedData,
    pub(crate) queues: Queues,
    pub(crate) configuration: Vec<u8>,
    pub(crate) configuration_open: bool,
    pub(crate) contexts: Contexts,
    pub(crate) journal: Journal,
}

impl Sim {
    /// A proxy whose randomness follows from `seed` and whose clock stands at 2026-01-01T00:00:00Z.
    pub fn new(seed: u64) -> Self {
        Self {
            clock: START,
            started: START,
            entropy: fastrand::Rng::with_seed(seed),
            lines: Vec::new(),
            metrics: Metrics::default(),
            shared_data: SharedData::default(),
            queues: Queues::default(),
            configuration: Vec::new(),
            configuration_open: false,
            contexts: Contexts::default(),
            journal: Journal::default(),
        }
    }

    /// Sets the wall clock.
    pub fn set_clock(&mut self, now: UnixTime) {
        self.started = now.saturating_sub(self.uptime());
        self.clock = now;
    }

    /// Lets time pass, without running what falls due; [`Proxy::advance`](crate::Proxy::advance) runs ticks.
    pub fn advance(&mut self, by: Duration) {
        self.clock = self.clock.saturating_add(by);
    }

    /// How long the proxy has been running.
    pub fn uptime(&self) -> Duration {
        Duration::from_nanos(self.clock.as_nanos().saturating_sub(self.started.as_nanos()))
    }

    /// What the plugin has logged, oldest first.
    pub fn log(&self) -> &[LogLine] {
        &self.lines
    }

    /// Counters and gauges by name, without Envoy's prefix `wasmcustom.`.
    pub fn metrics(&self) -> BTreeMap<String, u64> {
        self.metrics.values()
    }

    /// Switches the journal on or off.
    pub fn set_journal(&mut self, on: bool) {
        self.journal.set(on);
    }

    /// Every hostcall and callback since the journal was switched on, in order.
    pub fn journal(&self) -> &[JournalEntry] {
        self.journal.entries()
    }

    /// How many entries the journal had no room for.
    pub fn journal_lost(&self) -> u64 {
        self.journal.lost()
    }

    /// The last few hostcalls and how they ended, for the report of a trap; kept even without a journal.
    pub fn recent_hostcalls(&self) -> Vec<String> {
        self.journal.recent().collect()
    }

    /// Fills `buffer` from the seeded entropy.
    pub fn fill_random(&mut self, buffer: &mut [u8]) {
        self.entropy.fill(buffer);
    }

    /// Writes a hostcall that is none of the proxy's (WASI), or that never reached it (bad pointers), into the journal.
    ///
    /// # Errors
    /// The given result, unchanged.
    pub fn note<T: Shown>(
        &mut self,
        name: &'static str,
        arguments: &[&dyn Shown],
        result: Hostcall<T>,
    ) -> Hostcall<T> {
        self.journal.hostcall(self.contexts.id(), name, arguments, &result);
        result
    }

    pub(crate) fn begin(&mut self, callback: &Callback) {
        self.contexts.enter(callback.context());
        self.journal.callback(callback);
    }

    pub(crate) fn end(&mut self, returned: String) {
        self.contexts.enter(0);
        self.journal.returned(returned);
    }
}
