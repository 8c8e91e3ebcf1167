use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sim::http::{CallOut, Exchange, LogLine};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use portcullis_sim::{
    AnswerKind, Plugin, PluginSetup, Profile, Proxy, Reachability, Setup, Sim, StartError, Trap,
};

use crate::target::{Sending, Target, TargetError};

/// The simulated proxy as a target: over native code, or over a module.
#[derive(Debug)]
pub struct SimTarget<P: Plugin> {
    name: &'static str,
    proxy: Proxy<P>,
    tolerates_traps: bool,
}

impl<P: Plugin> SimTarget<P> {
    /// Starts a plugin in a simulated proxy.
    ///
    /// # Errors
    /// The plugin refused its configuration, or trapped.
    pub fn start(name: &'static str, plugin: P, setup: &Setup) -> Result<Self, TargetError> {
        if let Some(why) = unplayable(setup) {
            return Err(TargetError::NotHere(why.to_owned()));
        }
        let mut sim = Sim::new(setup.seed);
        if let Some(clock) = setup.clock {
            sim.set_clock(clock);
        }
        let proxy = Proxy::start(
            plugin,
            sim,
            setup.plugins.first().map(|plugin| plugin.configuration.clone()).unwrap_or_default(),
        )
        .map_err(|error| match error {
            StartError::Refused(lines) => TargetError::Configuration(lines),
            StartError::Trap(trap) => trapped(trap),
        })?;
        Ok(Self { name, proxy, tolerates_traps: false })
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
        if requests.len() > 1 {
            return Err(TargetError::NotHere("requests at the same time are not simulated".to_owned()));
        }
        requests.iter().map(|sending| self.send_one(sending)).collect()
    }

    fn converse(&mut self, _: &Conversation) -> Result<TcpExchange, TargetError> {
        Err(TargetError::NotHere("TCP is not simulated".to_owned()))
    }

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        Ok(Vec::new())
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

impl<P: Plugin> SimTarget<P> {
    fn send_one(&mut self, sending: &Sending) -> Result<Exchange, TargetError> {
        let AnswerKind::Response(upstream) = &sending.upstream.kind else {
            return Err(TargetError::NotHere("this upstream is not simulated".to_owned()));
        };
        let exchange = self.proxy.send(sending.protocol, &sending.request, upstream).map_err(trapped)?;
        // The client of a trapped plugin gets a 503, in Envoy as here; a test wants to hear of the trap.
        let trap = self.proxy.trap().filter(|_| !self.tolerates_traps);
        trap.map_or(Ok(exchange), |trap| Err(trapped(trap.clone())))
    }
}

/// What of a setup is not simulated.
fn unplayable(setup: &Setup) -> Option<&'static str> {
    let plain = |plugin: &PluginSetup| {
        let PluginSetup { code, configuration, .. } = plugin.clone();
        *plugin == PluginSetup { code, configuration, ..PluginSetup::default() }
    };
    match setup {
        Setup { plugins, .. } if plugins.len() != 1 => Some("chains are not simulated"),
        Setup { plugins, .. } if !plugins.iter().all(plain) => {
            Some("plugins with more than a configuration are not simulated")
        }
        Setup { workers: 2.., .. } => Some("several workers are not simulated"),
        Setup { profile: Profile::Spec, .. } => Some("the specification is not simulated"),
        Setup { upstream: Reachability::NoHealthyHost | Reachability::ConnectError, .. } => {
            Some("an upstream that cannot be reached is not simulated")
        }
        Setup { clusters, shared_data, .. } if !clusters.is_empty() || !shared_data.is_empty() => {
            Some("clusters and shared data are not simulated")
        }
        _ => None,
    }
}

fn trapped(trap: Trap) -> TargetError {
    TargetError::Trap(trap.message)
}
