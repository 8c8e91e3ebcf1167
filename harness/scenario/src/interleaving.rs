use std::collections::BTreeSet;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use portcullis_sim::{Explorer, Job, Sim};

/// Worker threads that take turns after each hostcall, in an order that follows from a seed.
///
/// A thread of the operating system stands for each thread of the proxy, and whoever has the [`Sim`] runs: the same seed
/// gives the same order on every machine.
#[derive(Debug)]
pub struct Interleaving {
    state: Mutex<State>,
    turned: Condvar,
}

#[derive(Debug)]
struct State {
    entropy: fastrand::Rng,
    /// The threads that have something to do.
    running: BTreeSet<usize>,
    /// Whose turn it is.
    turn: usize,
    /// On its way from one thread to the next.
    sim: Option<Sim>,
}

impl Interleaving {
    /// The order of this seed.
    pub fn new(seed: u64) -> Self {
        let entropy = fastrand::Rng::with_seed(seed);
        let state = State { entropy, running: BTreeSet::new(), turn: 0, sim: None };
        Self { state: Mutex::new(state), turned: Condvar::new() }
    }

    /// Waits for the turn of a thread.
    fn take(&self, thread: usize) -> Sim {
        let mut state = self.state();
        loop {
            if state.turn == thread
                && let Some(sim) = state.sim.take()
            {
                return sim;
            }
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whose turn is next.
    fn choose(&mut self) -> Option<usize> {
        let running = self.running.len();
        if running == 0 {
            return None;
        }
        let chosen = self.entropy.usize(..running);
        self.running.iter().nth(chosen).copied()
    }
}

impl Explorer for Interleaving {
    fn run(&self, sim: &mut Sim, jobs: Vec<(usize, Job<'_>)>) {
        let mut state = self.state();
        state.running = jobs.iter().map(|(thread, _)| *thread).collect();
        state.turn = state.choose().unwrap_or_default();
        state.sim = Some(mem::take(sim));
        drop(state);
        thread::scope(|scope| {
            for (thread, job) in jobs {
                scope.spawn(move || {
                    let mut sim = self.take(thread);
                    job(&mut sim);
                    let mut state = self.state();
                    state.running.remove(&thread);
                    state.turn = state.choose().unwrap_or_default();
                    state.sim = Some(sim);
                    self.turned.notify_all();
                });
            }
        });
        *sim = self.state().sim.take().unwrap_or_default();
    }

    fn switch(&self, thread: usize, sim: &mut Sim) {
        let mut state = self.state();
        let next = state.choose().filter(|_| state.running.contains(&thread));
        let Some(next) = next.filter(|next| *next != thread) else { return };
        state.turn = next;
        state.sim = Some(mem::take(sim));
        self.turned.notify_all();
        drop(state);
        *sim = self.take(thread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use portcullis_sim::http::{Request, Sending};
    use portcullis_sim::{Callback, Plugin, PluginSetup, Proxy, Setup, Trap};

    /// Counts requests in shared data, and forgets that others count too.
    struct Careless;

    impl Plugin for Careless {
        fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
            if let Callback::RequestHeaders { .. } = callback {
                let count = sim.shared_data(b"count").map_or(0, |(value, _)| value[0]);
                sim.set_shared_data(b"count", &[count + 1], 0).unwrap();
            }
            Ok(None)
        }
    }

    fn counted(seed: Option<u64>) -> u8 {
        let plugins = vec![PluginSetup::default()];
        let mut sim = Sim::new(Setup { workers: 2, plugins, ..Setup::default() });
        if let Some(seed) = seed {
            sim.set_explorer(Arc::new(Interleaving::new(seed)));
        }
        let mut proxy = Proxy::start(sim, Arc::new(|_| Ok(Careless))).unwrap();
        let headers = vec![(b":authority".to_vec(), b"a.example".to_vec())];
        let request = Request { headers, ..Request::default() };
        let sending =
            |worker| Sending { worker: Some(worker), request: request.clone(), ..Sending::default() };
        let exchanges = proxy.send(&[sending(0), sending(1)]);
        assert!(exchanges.iter().all(|exchange| exchange.details.as_deref() == Some("via_upstream")));
        proxy.sim_mut().shared_data(b"count").unwrap().0[0]
    }

    #[test]
    fn a_lost_update_shows_under_some_seed_and_then_always() {
        assert_eq!(counted(None), 2);
        let found: Vec<u8> = (0..20).map(|seed| counted(Some(seed))).collect();
        assert!(found.contains(&1) && found.contains(&2), "{found:?}");
        assert_eq!(found, (0..20).map(|seed| counted(Some(seed))).collect::<Vec<_>>());
    }
}
