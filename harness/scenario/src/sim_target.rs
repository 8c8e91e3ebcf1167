use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sim::http::{Exchange, LogLine, Protocol, Request, Response};
use portcullis_sim::{Plugin, Proxy, Sim, StartError, Trap};

use crate::target::{PluginSetup, Target, TargetError};

/// The simulated proxy as a target: over native code, or over a module.
#[derive(Debug)]
pub struct SimTarget<P: Plugin> {
    name: &'static str,
    proxy: Proxy<P>,
}

impl<P: Plugin> SimTarget<P> {
    /// Starts a plugin in a simulated proxy.
    ///
    /// # Errors
    /// The plugin refused its configuration, or trapped.
    pub fn start(name: &'static str, plugin: P, setup: &PluginSetup) -> Result<Self, TargetError> {
        let mut sim = Sim::new(0);
        if let Some(clock) = setup.clock {
            sim.set_clock(clock);
        }
        let proxy = Proxy::start(plugin, sim, setup.configuration.clone()).map_err(|error| match error {
            StartError::Refused(lines) => TargetError::Configuration(lines),
            StartError::Trap(trap) => trapped(trap),
        })?;
        Ok(Self { name, proxy })
    }
}

impl<P: Plugin> Target for SimTarget<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(
        &mut self,
        protocol: Protocol,
        request: &Request,
        upstream: &Response,
    ) -> Result<Exchange, TargetError> {
        let exchange = self.proxy.send(protocol, request, upstream).map_err(trapped)?;
        // The client of a trapped plugin gets a 503, in Envoy as here; a test wants to hear of the trap.
        self.proxy.trap().map_or(Ok(exchange), |trap| Err(trapped(trap.clone())))
    }

    fn advance(&mut self, by: Duration) -> Result<(), TargetError> {
        self.proxy.advance(by).map_err(trapped)
    }

    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
        Ok(self.proxy.sim().metrics())
    }

    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
        Ok(self.proxy.sim().log().to_vec())
    }
}

fn trapped(trap: Trap) -> TargetError {
    TargetError::Trap(trap.message)
}
