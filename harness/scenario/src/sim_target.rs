use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_sim::abi::ForeignFunction;
use portcullis_sim::http::{CallOut, Exchange, LogLine, Sending};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use portcullis_sim::{Costs, Factory, Plugin, Proxy, Setup, Sim, StartError, Trap, Warning};

use crate::Interleaving;
use crate::target::{Open, Target, TargetError};

/// The simulated proxy as a target: over native code, or over modules.
#[derive(Debug)]
pub struct SimTarget<P: Plugin> {
    name: &'static str,
    proxy: Proxy<P>,
    tolerates_traps: bool,
}

impl<P: Plugin> SimTarget<P> {
    /// Starts the plugins of a setup in a simulated proxy; `factory` makes their VMs, and `functions` are the foreign functions
    /// that they can call beside those of the simulation.
    ///
    /// # Errors
    /// A plugin refused its configuration, or trapped.
    pub fn start(
        name: &'static str,
        factory: Factory<P>,
        functions: &[(&'static str, ForeignFunction)],
        setup: &Setup,
    ) -> Result<Self, TargetError> {
        let mut sim = Sim::new(setup.clone());
        for (function, body) in functions {
            sim.register_foreign_function(function, *body);
        }
        if let Some(seed) = setup.interleaving {
            sim.set_explorer(Arc::new(Interleaving::new(seed)));
        }
        let proxy = Proxy::start(sim, factory).map_err(|error| match error {
            StartError::Refused(lines) => TargetError::Configuration(lines),
            StartError::Trap(trap) => trapped(&trap),
            StartError::Vm(problem) => TargetError::Broken(problem),
        })?;
        Ok(Self { name, proxy, tolerates_traps: false })
    }

    /// What stands behind the hostcalls.
    pub fn sim(&self) -> &Sim {
        self.proxy.sim()
    }

    fn unless_trapped<T>(&self, value: T) -> Result<T, TargetError> {
        let trap = self.proxy.trap().filter(|_| !self.tolerates_traps);
        match trap {
            None => Ok(value),
            Some(trap) if self.proxy.is_stopped() => Err(TargetError::Broken(trap.message.clone())),
            Some(trap) => Err(trapped(trap)),
        }
    }
}

impl<P: Plugin> Target for SimTarget<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn tolerate_traps(&mut self) -> Result<(), TargetError> {
        self.tolerates_traps = true;
        Ok(())
    }

    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
        let exchanges = self.proxy.send(requests);
        self.unless_trapped(exchanges)
    }

    fn converse(&mut self, conversation: &Conversation) -> Result<TcpExchange, TargetError> {
        let exchange = self.proxy.converse(conversation);
        self.unless_trapped(exchange)
    }

    fn advance(&mut self, by: Duration) -> Result<(), TargetError> {
        self.proxy.advance(by);
        self.unless_trapped(())
    }

    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
        Ok(self.proxy.sim().metrics())
    }

    fn hints(&mut self) -> Vec<String> {
        self.proxy.sim_mut().take_hints()
    }

    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
        Ok(self.proxy.sim().log().to_vec())
    }

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        Ok(self.proxy.sim().call_outs().to_vec())
    }

    fn costs(&mut self) -> Costs {
        self.proxy.sim().costs().clone()
    }

    fn open(&mut self) -> Open {
        let sim = self.proxy.sim();
        Open { streams: sim.open_streams(), contexts: sim.open_contexts() }
    }

    fn warnings(&mut self) -> Vec<Warning> {
        self.proxy.sim().warnings()
    }
}

fn trapped(trap: &Trap) -> TargetError {
    TargetError::Trap(trap.message.clone())
}

#[cfg(test)]
mod tests {
    use portcullis_sim::http::Request;
    use portcullis_sim::{Callback, PluginSetup};

    use super::*;

    /// Puts into a queue whatever comes out of it.
    struct Endless;

    impl Plugin for Endless {
        fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
            let (queue, item) = match callback {
                Callback::RequestHeaders { .. } => (sim.register_shared_queue(b"q").unwrap(), b"1".to_vec()),
                Callback::QueueReady { queue, .. } => (queue, sim.dequeue_shared_queue(queue).unwrap()),
                _ => return Ok(None),
            };
            sim.enqueue_shared_queue(queue, &item).unwrap();
            Ok(None)
        }
    }

    #[test]
    fn what_goes_on_without_an_end_is_no_trap() {
        let setup = Setup { plugins: vec![PluginSetup::default()], ..Setup::default() };
        let mut target = SimTarget::start("native", Arc::new(|_| Ok(Endless)), &[], &setup).unwrap();
        let headers = vec![(b":authority".to_vec(), b"a.example".to_vec())];
        let request = Request { headers, ..Request::default() };
        let sent = target.send(&[Sending { request, ..Sending::default() }]);
        let Err(TargetError::Broken(problem)) = sent else { panic!("{sent:?}") };
        assert!(problem.starts_with("1000000 events without an end"), "{problem}");
    }
}
