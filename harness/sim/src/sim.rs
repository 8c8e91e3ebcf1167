use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::abi::{ForeignFunction, Queues, SharedData, Stats};
use crate::events::{EventKind, Events};
use crate::http::{CallOut, Exchange, LogLine};
use crate::journal::{Journal, Shown};
use crate::lint::Lints;
use crate::setup::{Profile, Setup};
use crate::stream::{End, Filter, Half, Side, Stream};
use crate::tcp::Connection;
use crate::vm::{Context, Root, Vm};
use crate::{Callback, Costs, Explorer, Hostcall, Hostcalls, JournalEntry, Trap, UnixTime};

/// 2026-01-01T00:00:00Z.
const START: UnixTime = UnixTime::from_secs(1_767_225_600);

/// How long the machine has been up when the proxy starts. Go's runtime does not believe in a monotonic clock at zero.
const BEFORE: Duration = Duration::from_secs(3600);

/// Everything that stands behind the hostcalls of one process.
///
/// Each hostcall is a method named after it; what Envoy answers with a status is a [`Refusal`](crate::Refusal)
/// with that status and the reason that Envoy keeps to itself.
#[derive(Debug)]
pub struct Sim {
    pub(crate) clock: UnixTime,
    pub(crate) started: UnixTime,
    pub(crate) entropy: fastrand::Rng,
    pub(crate) setup: Setup,
    pub(crate) events: Events,
    pub(crate) lines: Vec<LogLine>,
    /// What they take.
    pub(crate) line_bytes: usize,
    pub(crate) stats: Stats,
    pub(crate) shared_data: SharedData,
    pub(crate) queues: Queues,
    pub(crate) foreign_functions: BTreeMap<&'static str, ForeignFunction>,
    pub(crate) call_outs: Vec<CallOut>,
    /// How many answers of each cluster have been given.
    pub(crate) answered: BTreeMap<String, usize>,
    pub(crate) vms: Vec<Vm>,
    pub(crate) streams: BTreeMap<u64, Box<Stream>>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) turn: Turn,
    pub(crate) journal: Journal,
    pub(crate) explorer: Option<Arc<dyn Explorer>>,
    /// What became of each stream that has ended and has not been asked for.
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    /// What has ended VMs, oldest first.
    pub(crate) traps: Vec<Trap>,
    /// The plugin whose configuration can be read: while it is configured.
    pub(crate) configuring: Option<usize>,
    pub(crate) costs: Costs,
    /// The hostcalls of the callbacks that run, by VM.
    pub(crate) hostcalls: BTreeMap<usize, Hostcalls>,
    pub(crate) lints: Lints,
}

/// Whose hostcalls these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) vm: usize,
    /// The context that the proxy has called.
    pub(crate) context: u32,
    /// The context that the plugin has switched to.
    pub(crate) effective: Option<u32>,
    /// What runs.
    pub(crate) callback: Option<Callback>,
}

impl Default for Sim {
    fn default() -> Self {
        Self::new(Setup::default())
    }
}

impl Sim {
    /// A proxy with this configuration in which nothing runs yet; without a clock of its own it is 2026-01-01T00:00:00Z.
    pub fn new(setup: Setup) -> Self {
        let clock = setup.clock.unwrap_or(START);
        let mut shared_data = SharedData::default();
        for datum in &setup.shared_data {
            shared_data.seed(&datum.vm_id, &datum.key, &datum.value);
        }
        let mut journal = Journal::default();
        journal.set(setup.journal);
        Self {
            clock,
            started: clock,
            entropy: fastrand::Rng::with_seed(setup.seed),
            setup,
            events: Events::default(),
            lines: Vec::new(),
            line_bytes: 0,
            stats: Stats::default(),
            shared_data,
            queues: Queues::default(),
            foreign_functions: BTreeMap::new(),
            call_outs: Vec::new(),
            answered: BTreeMap::new(),
            vms: Vec::new(),
            streams: BTreeMap::new(),
            connections: BTreeMap::new(),
            turn: Turn::default(),
            journal,
            explorer: None,
            exchanges: BTreeMap::new(),
            traps: Vec::new(),
            configuring: None,
            costs: Costs::new(),
            hostcalls: BTreeMap::new(),
            lints: Lints::default(),
        }
    }

    /// Lets time pass, without running what falls due; [`Proxy::advance`](crate::Proxy::advance) runs it.
    pub fn advance(&mut self, by: Duration) {
        self.clock = self.clock.saturating_add(by);
    }

    /// The wall clock.
    pub fn clock(&self) -> UnixTime {
        self.clock
    }

    /// How long the machine has been up: the clock of all VMs that steps do not touch.
    pub fn uptime(&self) -> Duration {
        let running = self.clock.as_nanos().saturating_sub(self.started.as_nanos());
        Duration::from_nanos(running).saturating_add(BEFORE)
    }

    /// The configuration of the proxy.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether a VM is told that it starts.
    pub(crate) fn is_vm_start(&self) -> bool {
        matches!(self.turn.callback, Some(Callback::VmStart { .. }))
    }

    /// Whether the specification is followed where Envoy does something else.
    pub(crate) fn follows_spec(&self) -> bool {
        self.setup.profile == Profile::Spec
    }

    /// What the plugins have logged, oldest first.
    pub fn log(&self) -> &[LogLine] {
        &self.lines
    }

    /// Counters and gauges by name, without Envoy's prefix `wasmcustom.`.
    pub fn metrics(&self) -> BTreeMap<String, u64> {
        self.stats.values()
    }

    /// What the clusters for call-outs have received, in order.
    pub fn call_outs(&self) -> &[CallOut] {
        &self.call_outs
    }

    /// Switches the journal on or off.
    pub fn set_journal(&mut self, on: bool) {
        self.journal.set(on);
    }

    /// Every hostcall and callback since the journal was switched on, in order.
    pub fn journal(&self) -> &[JournalEntry] {
        self.journal.entries()
    }

    /// What a VM is for: `canary`, `main thread`, `worker 0`.
    pub fn vm_name(&self, vm: usize) -> String {
        match self.vms.get(vm) {
            Some(vm) if vm.is_canary => "canary".to_owned(),
            Some(vm) => {
                vm.thread.checked_sub(1).map_or_else(|| "main thread".to_owned(), |it| format!("worker {it}"))
            }
            None => "no VM".to_owned(),
        }
    }

    /// What the VM is for in which a callback runs.
    pub fn running(&self) -> String {
        self.vm_name(self.turn.vm)
    }

    /// How many entries the journal had no room for.
    pub fn journal_lost(&self) -> u64 {
        self.journal.lost()
    }

    /// The last few hostcalls and how they ended, for the report of a trap; kept even without a journal.
    pub fn recent_hostcalls(&self) -> Vec<String> {
        self.journal.recent().collect()
    }

    /// What may explain that something is not as expected, since this was asked last: hostcalls that were refused, with the reason
    /// that Envoy keeps to itself, and streams that nobody resumed.
    pub fn take_hints(&mut self) -> Vec<String> {
        self.journal.take_hints()
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
        let context = self.context_id();
        self.journal.hostcall((self.turn.vm, context), name, arguments, &result);
        if self.explorer.is_some() {
            self.switch();
        }
        result
    }

    /// A callback begins: whatever the plugin had switched to is forgotten.
    pub(crate) fn begin(&mut self, vm: usize, callback: &Callback) -> Turn {
        let before = self.turn;
        self.turn = Turn { vm, context: callback.context(), effective: None, callback: Some(*callback) };
        self.journal.callback(vm, callback);
        before
    }

    pub(crate) fn end(&mut self, before: Turn, returned: impl FnOnce() -> String) {
        self.turn = before;
        self.journal.returned(returned);
    }

    /// The VM that runs.
    pub(crate) fn vm(&self) -> Option<&Vm> {
        self.vms.get(self.turn.vm)
    }

    pub(crate) fn vm_mut(&mut self) -> Option<&mut Vm> {
        self.vms.get_mut(self.turn.vm)
    }

    /// The context that hostcalls are about; one that has died in between falls back to the called one.
    pub(crate) fn context_id(&self) -> u32 {
        let effective =
            self.turn.effective.filter(|id| self.vm().is_some_and(|vm| vm.context(*id).is_some()));
        effective.unwrap_or(self.turn.context)
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        self.vm()?.context(self.context_id())
    }

    /// The stream that hostcalls are about, and the plugin's part in it.
    pub(crate) fn stream(&self) -> Option<(&Stream, &Filter)> {
        let Some(Context::Stream { stream, filter }) = self.context() else { return None };
        let stream = self.streams.get(stream)?;
        stream.filters.get(*filter).map(|filter| (stream.as_ref(), filter))
    }

    pub(crate) fn stream_mut(&mut self) -> Option<(&mut Stream, usize)> {
        let Some(Context::Stream { stream, filter }) = self.context() else { return None };
        let (stream, filter) = (*stream, *filter);
        self.streams.get_mut(&stream).map(|stream| (stream.as_mut(), filter))
    }

    /// The root context of whatever hostcalls are about: its own, or the one behind a stream.
    pub(crate) fn root_id(&self) -> u32 {
        match self.context() {
            Some(Context::Stream { .. }) => self.stream().map_or(0, |(_, filter)| filter.root),
            Some(Context::Connection { connection, filter }) => {
                let connection = self.connections.get(connection);
                connection.and_then(|it| it.filters.get(*filter)).map_or(0, |filter| filter.root)
            }
            _ => self.context_id(),
        }
    }

    pub(crate) fn root(&self) -> Option<&Root> {
        self.vm()?.root(self.root_id())
    }

    pub(crate) fn context_of(&self, vm: usize, context: u32) -> Option<&Context> {
        self.vms.get(vm)?.context(context)
    }

    pub(crate) fn is_dead(&self, vm: usize) -> bool {
        self.vms.get(vm).is_none_or(|vm| vm.is_dead)
    }

    /// Writes Envoy's line about a function of a plugin that has trapped.
    pub fn log_failed(&mut self, function: &str, message: &str) {
        self.push_log(log::Level::Error, &format!("Function: {function} failed: {message}"));
    }

    /// A VM has come to its end.
    pub(crate) fn trapped(&mut self, vm: usize, callback: &Callback, trap: Trap) {
        if !trap.is_logged {
            self.log_failed(trap.function.unwrap_or_else(|| callback.export().name), &trap.message);
        }
        self.traps.push(trap);
        if let Some(vm) = self.vms.get_mut(vm) {
            vm.is_dead = true;
            vm.asked.clear();
        }
    }

    /// The whole process would die here, and not only a VM.
    pub fn crash(&mut self, reason: &str) {
        self.stop(format!("Envoy 1.40 itself crashes here: {reason}"));
    }

    /// Ends every VM and every stream.
    pub(crate) fn stop(&mut self, message: String) {
        self.push_log(log::Level::Error, &message);
        self.traps.push(Trap { message, ..Trap::default() });
        for vm in &mut self.vms {
            vm.is_dead = true;
            vm.asked.clear();
        }
        for stream in self.streams.values_mut() {
            stream.end.get_or_insert(End::Reset);
        }
    }

    pub(crate) fn stream_of(&self, id: u64) -> Option<&Stream> {
        self.streams.get(&id).map(Box::as_ref)
    }

    pub(crate) fn stream_of_mut(&mut self, id: u64) -> Option<&mut Stream> {
        self.streams.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn half_mut(&mut self, id: u64, side: Side, position: usize) -> Option<&mut Half> {
        self.stream_of_mut(id)?.half_mut(side, position)
    }

    pub(crate) fn has_trailers(&self, id: u64, side: Side) -> bool {
        self.stream_of(id).is_some_and(|stream| stream.message(side).trailers.is_some())
    }

    /// Drops the streams and connections that are over, once no plugin has a context in them.
    pub(crate) fn forget_finished(&mut self) {
        let has_context = |vm: &Vm, context| !vm.is_dead && vm.context(context).is_some();
        let is_alive = |vm: usize, context| self.vms.get(vm).is_some_and(|vm| has_context(vm, context));
        self.streams.retain(|_, stream| {
            stream.info.ended.is_none() || stream.filters.iter().any(|it| is_alive(it.vm, it.context))
        });
        self.connections
            .retain(|_, it| !it.is_over || it.filters.iter().any(|it| is_alive(it.vm, it.context)));
    }

    /// Whether a stream has not come to its end.
    pub(crate) fn is_running(&self, id: u64) -> bool {
        self.stream_of(id).is_some_and(|stream| stream.end.is_none())
    }

    /// Notes that a callback of this side runs, or no longer does.
    pub(crate) fn set_doing(&mut self, id: u64, side: Side, what: u32, is_running: bool) {
        let Some(stream) = self.stream_of_mut(id) else { return };
        let doing = match side {
            Side::Request => &mut stream.decoding,
            Side::Response => &mut stream.encoding,
        };
        *doing = if is_running { *doing | what } else { *doing & !what };
    }

    /// Arms the next tick of a root context, or none.
    pub(crate) fn arm_tick(&mut self, vm: usize, root: u32) {
        let now = self.clock;
        let Some(owner) = self.vms.get_mut(vm) else { return };
        let thread = owner.thread;
        let Some(context) = owner.root_mut(root) else { return };
        context.next_tick = context.period.map(|period| now.saturating_add(period));
        if let Some(due) = context.next_tick {
            self.events.push(due, thread, EventKind::Tick { vm, root });
        }
    }
}

#[cfg(test)]
impl Sim {
    /// A proxy whose turn it is in a callback about this stream, at its first filter.
    pub(crate) fn in_stream(stream: Stream) -> Self {
        let mut sim = Self::default();
        let mut vm = Vm::default();
        sim.turn.context = vm.create(Context::Stream { stream: 1, filter: 0 });
        sim.vms.push(vm);
        sim.streams.insert(1, Box::new(stream));
        sim
    }
}
