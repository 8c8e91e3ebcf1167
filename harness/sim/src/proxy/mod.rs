//! Starts a plugin as Envoy does, and carries requests through it.

mod connection_manager;
mod exchange;
mod filter;
mod framing;
mod local_reply;
mod refusal;

use std::time::Duration;

pub(crate) use local_reply::grpc_status;

use crate::contexts::{Context, Root};
use crate::http::LogLine;
use crate::{Callback, Plugin, Sim, Trap};

/// One simulated proxy with one plugin in its filter chain, before the router.
#[derive(Debug)]
pub struct Proxy<P> {
    plugin: P,
    sim: Sim,
    root: u32,
    connections: u64,
    trap: Option<Trap>,
}

/// Why a plugin could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It returned false from `proxy_on_vm_start` or `proxy_on_configure`; its log lines say why.
    Refused(Vec<LogLine>),
    /// It trapped.
    Trap(Trap),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(lines) => {
                f.write_str("the plugin refused its configuration")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {}: {}", line.level, line.message))
            }
            Self::Trap(trap) => write!(f, "the plugin trapped: {trap}"),
        }
    }
}

impl std::error::Error for StartError {}

impl<P: Plugin> Proxy<P> {
    /// Starts a plugin: its VM, its root context, `proxy_on_vm_start`, `proxy_on_configure`.
    ///
    /// # Errors
    /// The plugin refused or trapped; Envoy would refuse the configuration.
    pub fn start(plugin: P, mut sim: Sim, configuration: Vec<u8>) -> Result<Self, StartError> {
        sim.configuration = configuration;
        let mut proxy = Self { plugin, sim, root: 0, connections: 0, trap: None };
        proxy.call(Callback::Start).map_err(StartError::Trap)?;
        proxy.root = proxy.sim.contexts.create(Context::Root(Root::default()));
        let context = proxy.root;
        let size = proxy.sim.configuration.len() as u32;
        proxy.configured(Callback::ContextCreate { context, parent: 0 })?;
        proxy.accepted(Callback::VmStart { context, size: 0 })?;
        proxy.sim.configuration_open = true;
        proxy.accepted(Callback::Configure { context, size })?;
        proxy.sim.configuration_open = false;
        Ok(proxy)
    }

    /// What stands behind the hostcalls.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// The trap that has ended the VM: every request since then is answered with 503.
    pub fn trap(&self) -> Option<&Trap> {
        self.trap.as_ref()
    }

    /// Lets time pass and runs the ticks that fall due. A tick is armed again after its callback, and none is caught up.
    ///
    /// # Errors
    /// A tick trapped. Envoy shows this by 503 from then on.
    pub fn advance(&mut self, by: Duration) -> Result<(), Trap> {
        let target = self.sim.clock.saturating_add(by);
        while self.trap.is_none()
            && let Some((context, root)) = self.sim.contexts.root_mut()
            && let Some(due) = root.next_tick.filter(|due| *due <= target)
        {
            root.next_tick = None;
            self.sim.clock = due.max(self.sim.clock);
            self.call(Callback::Tick { context })?;
            if let Some((_, root)) = self.sim.contexts.root_mut() {
                let next = root.period.map(|period| self.sim.clock.saturating_add(period));
                root.next_tick = root.next_tick.or(next);
            }
            self.tell_queues()?;
        }
        self.sim.clock = target.max(self.sim.clock);
        Ok(())
    }

    /// Tells the plugin about what has been enqueued, once per item.
    fn tell_queues(&mut self) -> Result<(), Trap> {
        // A plugin that enqueues in its own on_queue_ready would go on forever.
        for _ in 0..10_000 {
            let Some(queue) = self.sim.next_ready_queue().filter(|_| self.trap.is_none()) else { break };
            self.call(Callback::QueueReady { context: self.root, queue })?;
        }
        Ok(())
    }

    fn configured(&mut self, create: Callback) -> Result<(), StartError> {
        // In Envoy the root context sees its configuration while it is created, but not in on_vm_start.
        self.sim.configuration_open = true;
        let created = self.call(create).map_err(StartError::Trap);
        self.sim.configuration_open = false;
        created.map(|_| ())
    }

    fn accepted(&mut self, callback: Callback) -> Result<(), StartError> {
        match self.call(callback).map_err(StartError::Trap)? {
            0 => Err(StartError::Refused(self.sim.lines.clone())),
            _ => Ok(()),
        }
    }

    fn call(&mut self, callback: Callback) -> Result<u32, Trap> {
        if let Some(trap) = &self.trap {
            return Err(trap.clone());
        }
        self.sim.begin(&callback);
        let result = self.plugin.call(&mut self.sim, callback);
        let shown = match &result {
            Ok(Some(value)) => shown(&callback, *value),
            Ok(None) => "not exported".to_owned(),
            Err(_) => "trap".to_owned(),
        };
        self.sim.end(shown);
        if let Err(trap) = &result {
            let text = format!("Function: {} failed: {}", callback.export().name, trap.message);
            self.sim.push_log(log::Level::Error, &text);
            self.trap = Some(trap.clone());
        }
        result.map(|value| value.unwrap_or_else(|| callback.absent()))
    }
}

fn shown(callback: &Callback, value: u32) -> String {
    let name = match callback {
        Callback::VmStart { .. } | Callback::Configure { .. } | Callback::Done { .. } => {
            return (value != 0).to_string();
        }
        callback if !callback.export().returns => return String::new(),
        _ if value == 0 => "Continue",
        _ if value == 1 => "Pause",
        _ => "",
    };
    if name.is_empty() { value.to_string() } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
