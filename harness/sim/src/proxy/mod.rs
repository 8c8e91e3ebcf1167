//! Starts plugins as Envoy does, and carries requests and connections through them.

pub(crate) mod call_outs;
mod chain;
mod connection_manager;
mod events;
mod exchange;
mod finish;
mod framing;
mod local_reply;
mod network;
mod plugin;
mod refusal;
mod router;
mod start;
mod thread;

use std::time::Duration;

pub(crate) use local_reply::grpc_status;
pub use start::StartError;
pub use thread::Factory;

use crate::http::{Exchange, Sending};
use crate::tcp::{Conversation, TcpExchange};
use crate::{Plugin, Sim, Trap, UnixTime};
use thread::Thread;

/// How long the client of a request that nobody answers waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// One simulated proxy: a filter chain of plugins before the router, on several threads.
#[derive(Debug)]
pub struct Proxy<P> {
    sim: Sim,
    /// The main thread, which serves no requests, and the workers.
    threads: Vec<Thread<P>>,
    streams: u64,
}

impl<P: Plugin> Proxy<P> {
    /// What stands behind the hostcalls.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// What stands behind the hostcalls, to change it: the journal, the faults.
    pub fn sim_mut(&mut self) -> &mut Sim {
        &mut self.sim
    }

    /// The first trap of all; each ended the VM it was in.
    pub fn trap(&self) -> Option<&Trap> {
        self.sim.traps.first()
    }

    /// Sends requests through the plugins, all at the same moment, and lets time pass until each is answered.
    ///
    /// A trap is what the client of an Envoy that fails closed sees: 503 with the details `wasm_fail_stream`, now and from
    /// now on; [`trap`](Self::trap) tells the rest.
    pub fn send(&mut self, requests: &[Sending]) -> Vec<Exchange> {
        let deadline = self.sim.clock.saturating_add(PATIENCE);
        let started: Vec<_> = requests.iter().map(|sending| self.begin(sending)).collect();
        while started.iter().any(|(_, id)| self.sim.is_running(*id)) && self.step(deadline) {}
        let exchanges = started.into_iter().map(|(thread, id)| self.conclude(thread, id)).collect();
        self.settle();
        exchanges
    }

    /// Carries a TCP connection through the plugins.
    pub fn converse(&mut self, conversation: &Conversation) -> TcpExchange {
        let thread = self.worker(conversation.worker);
        self.streams += 1;
        let seen = match self.threads.get_mut(thread) {
            Some(thread) => thread.converse(&mut self.sim, self.streams, conversation),
            None => TcpExchange::default(),
        };
        self.settle();
        seen
    }

    /// Lets time pass and runs what falls due. A tick is armed again after its callback, and none is caught up.
    pub fn advance(&mut self, by: Duration) {
        let target = self.sim.clock.saturating_add(by);
        while self.step(target) {}
        self.sim.clock = target.max(self.sim.clock);
    }

    /// Runs what is due at this moment.
    fn settle(&mut self) {
        // A plugin that enqueues in its own on_queue_ready would go on forever.
        for _ in 0..10_000 {
            if !self.step(self.sim.clock) {
                break;
            }
        }
    }

    /// Runs the next event, if there is one by then.
    fn step(&mut self, until: UnixTime) -> bool {
        let Some((due, event)) = self.sim.events.pop(until) else { return false };
        self.sim.clock = due.max(self.sim.clock);
        if let Some(thread) = self.threads.get_mut(event.thread) {
            thread.handle(&mut self.sim, event.kind);
        }
        true
    }

    fn begin(&mut self, sending: &Sending) -> (usize, u64) {
        let thread = self.worker(sending.worker);
        self.streams += 1;
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.accept(&mut self.sim, self.streams, sending);
        }
        (thread, self.streams)
    }

    fn conclude(&mut self, thread: usize, id: u64) -> Exchange {
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.abandon(&mut self.sim, id);
        }
        self.sim.exchanges.remove(&id).unwrap_or_default()
    }

    /// The thread for a new connection: the wanted worker, or each in turn. Thread 0 is the main thread.
    fn worker(&self, wanted: Option<u32>) -> usize {
        let workers = u64::from(self.sim.setup.workers.max(1));
        1 + (wanted.map_or(self.streams, u64::from) % workers) as usize
    }
}

#[cfg(test)]
mod tests;
