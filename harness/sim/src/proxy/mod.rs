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
mod pace;
mod plugin;
mod refusal;
mod router;
mod start;
mod thread;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use local_reply::grpc_status;
use pace::Pace;
pub use start::StartError;
pub use thread::Factory;

use crate::events::EventKind;
use crate::http::{Exchange, Sending};
use crate::tcp::{Conversation, Said, TcpExchange};
use crate::{Job, Plugin, Sim, Trap, UnixTime};
use thread::Thread;

/// How long the ends of a connection wait between one step and the next.
const BETWEEN: Duration = Duration::from_millis(300);

/// One simulated proxy: a filter chain of plugins before the router, on several threads.
#[derive(Debug)]
pub struct Proxy<P> {
    sim: Sim,
    /// The main thread, which serves no requests, and the workers.
    threads: Vec<Thread<P>>,
    streams: u64,
    pace: Pace,
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

    /// Whether [`trap`](Self::trap) is none of a plugin: there were more events than are played, and everything was stopped.
    pub fn is_stopped(&self) -> bool {
        self.pace.is_over()
    }

    /// Sends requests through the plugins, all at the same moment, and lets time pass until each is answered or its client has left.
    ///
    /// A trap is what the client of an Envoy that fails closed sees: 503 with the details `wasm_fail_stream`, now and from
    /// now on; [`trap`](Self::trap) tells the rest.
    pub fn send(&mut self, requests: &[Sending]) -> Vec<Exchange> {
        self.pace.begin();
        let begin = self.sim.clock;
        let started = self.begin(requests);
        let leaves = requests.iter().map(|sending| begin.saturating_add(sending.patience()));
        let mut waiting: Vec<_> = leaves.zip(started.iter().copied()).collect();
        loop {
            waiting.retain(|(_, (_, id))| self.sim.is_running(*id));
            let Some((leaves, (thread, id))) = waiting.iter().copied().min() else { break };
            if !self.step(leaves) {
                self.sim.clock = self.sim.clock.max(leaves);
                self.abandon(thread, id);
                waiting.retain(|(_, (_, other))| *other != id);
            }
        }
        let exchanges = started.into_iter().map(|(thread, id)| self.conclude(thread, id)).collect();
        self.settle();
        exchanges
    }

    /// Carries a TCP connection through the plugins.
    pub fn converse(&mut self, conversation: &Conversation) -> TcpExchange {
        self.pace.begin();
        let thread = self.worker(conversation.worker);
        self.streams += 1;
        let id = self.streams;
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.connect(&mut self.sim, id);
        }
        for said in conversation.steps.iter().chain(&[Said::ClientCloses, Said::UpstreamCloses]) {
            let until = self.sim.clock.saturating_add(BETWEEN);
            while self.step(until) {}
            if self.sim.connections.get(&id).is_some_and(|it| it.is_held && !it.is_closed) {
                // Nothing comes of the last step, for which the ends have waited in vain.
                self.sim.clock = until.max(self.sim.clock);
            }
            if let Some(thread) = self.threads.get_mut(thread) {
                thread.hear(&mut self.sim, id, said);
            }
        }
        let thread = self.threads.get_mut(thread);
        let seen = thread.map(|thread| thread.disconnect(&mut self.sim, id)).unwrap_or_default();
        self.settle();
        seen
    }

    /// Lets time pass and runs what falls due. A tick is armed again after its callback, and none is caught up.
    pub fn advance(&mut self, by: Duration) {
        self.pace.begin();
        let target = self.sim.clock.saturating_add(by);
        while self.step(target) {}
        self.sim.clock = target.max(self.sim.clock);
    }

    /// Runs what is due at this moment.
    fn settle(&mut self) {
        while self.step(self.sim.clock) {}
    }

    /// Runs the next event, if there is one by then, and with an explorer all that are due at the same time.
    fn step(&mut self, until: UnixTime) -> bool {
        let Some((due, event)) = self.sim.events.pop(until) else { return false };
        let has_passed = due > self.sim.clock;
        self.sim.clock = due.max(self.sim.clock);
        if let Err(problem) = self.pace.count(has_passed) {
            self.sim.stop(problem);
            return false;
        }
        let mut work = vec![(event.thread, Work::Event(event.kind))];
        while self.sim.explorer.is_some()
            && let Some((_, event)) = self.sim.events.pop(due)
        {
            work.push((event.thread, Work::Event(event.kind)));
        }
        self.run(work);
        true
    }

    fn begin(&mut self, requests: &[Sending]) -> Vec<(usize, u64)> {
        let mut started = Vec::with_capacity(requests.len());
        let mut work = Vec::with_capacity(requests.len());
        for sending in requests {
            let thread = self.worker(sending.worker);
            self.streams += 1;
            started.push((thread, self.streams));
            work.push((thread, Work::Request(self.streams, sending)));
        }
        self.sim.lints.requests = self.streams;
        self.run(work);
        started
    }

    /// Does work on several threads: one piece after the other, or as an explorer wants it.
    fn run(&mut self, work: Vec<(usize, Work<'_>)>) {
        let Some(explorer) = self.sim.explorer.clone().filter(|_| work.len() > 1) else {
            for (thread, work) in work {
                if let Some(thread) = self.threads.get_mut(thread) {
                    work.done_by(thread, &mut self.sim);
                }
            }
            return;
        };
        let mut shares: BTreeMap<usize, Vec<Work<'_>>> = BTreeMap::new();
        for (thread, work) in work {
            shares.entry(thread).or_default().push(work);
        }
        let jobs = self.threads.iter_mut().filter_map(|thread| {
            let share = shares.remove(&thread.index)?;
            let index = thread.index;
            let job: Job<'_> =
                Box::new(move |sim| share.into_iter().for_each(|work| work.done_by(thread, sim)));
            Some((index, job))
        });
        explorer.run(&mut self.sim, jobs.collect());
    }

    /// The client of a request goes away.
    fn abandon(&mut self, thread: usize, id: u64) {
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.abandon(&mut self.sim, id);
        }
    }

    fn conclude(&mut self, thread: usize, id: u64) -> Exchange {
        self.abandon(thread, id);
        self.sim.exchanges.remove(&id).unwrap_or_default()
    }

    /// The thread for a new connection: the wanted worker, or each in turn. Thread 0 is the main thread.
    fn worker(&self, wanted: Option<u32>) -> usize {
        let workers = u64::from(self.sim.setup.workers.max(1));
        1 + (wanted.map_or(self.streams, u64::from) % workers) as usize
    }
}

/// Something for a thread to do.
enum Work<'a> {
    Request(u64, &'a Sending),
    Event(EventKind),
}

impl Work<'_> {
    fn done_by<P: Plugin>(self, thread: &mut Thread<P>, sim: &mut Sim) {
        match self {
            Self::Request(id, sending) => thread.accept(sim, id, sending),
            Self::Event(event) => thread.handle(sim, event),
        }
    }
}

#[cfg(test)]
mod tests;
