use std::time::Duration;

use crate::http::LogLine;
use crate::proxy::Proxy;
use crate::proxy::pace::Pace;
use crate::proxy::thread::{Dead, Factory, Placed, Thread};
use crate::setup::PluginSetup;
use crate::vm::{Context, Root};
use crate::{Callback, Plugin, Sim, Trap};

/// How soon after a VM was made another may replace it (Envoy's `reload_config.backoff`, by default).
const RELOAD_AFTER: Duration = Duration::from_secs(1);

/// Why a proxy could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// A plugin returned false from `proxy_on_vm_start` or `proxy_on_configure`; its log lines say why.
    Refused(Vec<LogLine>),
    /// A plugin trapped.
    Trap(Trap),
    /// There is no VM to be had.
    Vm(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(lines) => {
                f.write_str("the plugin refused its configuration")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {}: {}", line.level, line.message))
            }
            Self::Trap(trap) => write!(f, "the plugin trapped: {trap}"),
            Self::Vm(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for StartError {}

/// Why a plugin could not be started on a thread.
enum Failure {
    Refused,
    Dead,
    Vm(String),
}

impl From<Dead> for Failure {
    fn from(_: Dead) -> Self {
        Self::Dead
    }
}

impl<P: Plugin> Proxy<P> {
    /// Starts the plugins of the setup as Envoy does: each first in a VM that is thrown away, the canary, then on the main
    /// thread, and at last all of them on every worker.
    ///
    /// # Errors
    /// A plugin refused its configuration or trapped; Envoy would not accept the configuration.
    pub fn start(sim: Sim, factory: Factory<P>) -> Result<Self, StartError> {
        let workers = sim.setup.workers.max(1) as usize;
        let threads = (0..=workers).map(|index| Thread::new(index, Factory::clone(&factory))).collect();
        let mut proxy = Self { sim, threads, streams: 0, pace: Pace::default() };
        let plugins = proxy.sim.setup.plugins.len();
        for plugin in 0..plugins {
            proxy.try_on_canary(plugin)?;
            proxy.start_on(0, plugin)?;
        }
        for thread in 1..=workers {
            for plugin in 0..plugins {
                proxy.start_on(thread, plugin)?;
            }
        }
        proxy.settle();
        Ok(proxy)
    }

    fn try_on_canary(&mut self, plugin: usize) -> Result<(), StartError> {
        let Some(main) = self.threads.first_mut() else { return Ok(()) };
        // No failure policy helps at the start: Envoy does not take such a configuration.
        let result = main.canary(&mut self.sim, plugin);
        result.map_err(|failure| self.failed(failure))
    }

    fn failed(&mut self, failure: Failure) -> StartError {
        match failure {
            Failure::Refused => StartError::Refused(self.sim.lines.clone()),
            Failure::Dead => StartError::Trap(self.sim.traps.pop().unwrap_or_default()),
            Failure::Vm(problem) => StartError::Vm(problem),
        }
    }

    /// What passed on the canary and fails on the main thread ends Envoy. A worker goes on without the plugin, even if it is to
    /// fail closed; only a VM that cannot be had here is nothing that Envoy would know.
    fn start_on(&mut self, thread: usize, plugin: usize) -> Result<(), StartError> {
        let Some(starting) = self.threads.get_mut(thread) else { return Ok(()) };
        let placed = match starting.start(&mut self.sim, plugin) {
            Ok(placed) => Some(placed),
            Err(failure) if thread == 0 || matches!(failure, Failure::Vm(_)) => {
                return Err(self.failed(failure));
            }
            Err(_) => {
                let line =
                    format!("worker {} goes on without plugin {plugin}, which did not start", thread - 1);
                self.sim.push_log(log::Level::Error, &line);
                None
            }
        };
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.placed.push(placed);
        }
        Ok(())
    }
}

impl<P: Plugin> Thread<P> {
    fn canary(&mut self, sim: &mut Sim, plugin: usize) -> Result<(), Failure> {
        let Some(setup) = sim.setup.plugins.get(plugin).cloned() else { return Ok(()) };
        let vm = self.new_vm(sim, &setup).map_err(Failure::Vm)?;
        if let Some(vm) = sim.vms.get_mut(vm) {
            vm.is_canary = true;
        }
        let result = self.start_in(sim, vm, plugin);
        self.drop_vm(sim, vm);
        result.map(drop)
    }

    /// Starts a plugin in the VM of this thread for its code, `vm_id` and VM configuration, or in a new one.
    fn start(&mut self, sim: &mut Sim, plugin: usize) -> Result<Placed, Failure> {
        let Some(setup) = sim.setup.plugins.get(plugin).cloned() else { return Err(Failure::Refused) };
        let sharing = self.placed.iter().enumerate().find_map(|(other, placed)| {
            let shares = sim.setup.plugins.get(other).is_some_and(|other| shares_vm(other, &setup));
            placed.filter(|placed| shares && !sim.is_dead(placed.vm)).map(|placed| (other, placed))
        });
        let since = sim.clock;
        let Some((other, placed)) = sharing else {
            let vm = self.new_vm(sim, &setup).map_err(Failure::Vm)?;
            let root = self.start_in(sim, vm, plugin)?;
            return Ok(Placed { vm, root, since });
        };
        let is_same = sim.setup.plugins.get(other).is_some_and(|other| {
            other.name == setup.name
                && other.root_id == setup.root_id
                && other.configuration == setup.configuration
        });
        if is_same {
            return Ok(placed);
        }
        let root = self.start_root(sim, placed.vm, plugin)?;
        Ok(Placed { root, ..placed })
    }

    fn start_in(&mut self, sim: &mut Sim, vm: usize, plugin: usize) -> Result<u32, Failure> {
        self.call(sim, vm, Callback::Start)?;
        self.start_root(sim, vm, plugin)
    }

    fn start_root(&mut self, sim: &mut Sim, vm: usize, plugin: usize) -> Result<u32, Failure> {
        let size = |bytes: &Vec<u8>| bytes.len() as u32;
        let setup = sim.setup.plugins.get(plugin);
        let sizes = setup.map(|it| (size(&it.vm_configuration), size(&it.configuration)));
        let (vm_size, plugin_size) = sizes.unwrap_or_default();
        let root = Root { plugin, ..Root::default() };
        let context = sim.vms.get_mut(vm).map(|vm| vm.create(Context::Root(root))).unwrap_or_default();
        let create = Callback::ContextCreate { context, parent: 0 };
        // In Envoy the root context sees its configuration while it is created, but not in on_vm_start.
        if sim.follows_spec() {
            self.call(sim, vm, create)?;
        } else {
            self.configuring(sim, vm, plugin, create)?;
        }
        let accepted = |answer: (u32, bool)| if answer.0 == 0 { Err(Failure::Refused) } else { Ok(()) };
        accepted(self.call(sim, vm, Callback::VmStart { context, size: vm_size })?)?;
        accepted(self.configuring(sim, vm, plugin, Callback::Configure { context, size: plugin_size })?)?;
        Ok(context)
    }

    fn configuring(
        &mut self,
        sim: &mut Sim,
        vm: usize,
        plugin: usize,
        callback: Callback,
    ) -> Result<(u32, bool), Dead> {
        sim.configuring = Some(plugin);
        let result = self.call(sim, vm, callback);
        sim.configuring = None;
        result
    }

    /// Makes a new VM in the place of a dead one, unless that one was made a moment ago, for which only Envoy cares.
    pub(super) fn reload(&mut self, sim: &mut Sim, plugin: usize, dead: Option<Placed>) -> Option<Placed> {
        let is_early = |placed: Placed| sim.clock < placed.since.saturating_add(RELOAD_AFTER);
        if dead.is_some_and(is_early) && !sim.follows_spec() {
            return dead;
        }
        // A start that fails is not tried again at once either.
        let since = sim.clock;
        let placed = self.start(sim, plugin).ok().or_else(|| dead.map(|placed| Placed { since, ..placed }));
        if let Some(place) = self.placed.get_mut(plugin) {
            *place = placed;
        }
        placed
    }
}

fn shares_vm(one: &PluginSetup, other: &PluginSetup) -> bool {
    one.code == other.code && one.vm_id == other.vm_id && one.vm_configuration == other.vm_configuration
}
