use std::collections::BTreeMap;

use crate::{Cost, Sim};

/// How often each hostcall was made, by its name.
pub type Hostcalls = BTreeMap<&'static str, u64>;

/// What all calls of one callback took, in every VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was called.
    pub calls: u64,
    /// The most that one call took, figure by figure.
    pub most: Cost,
    /// The most bytes that one call moved, both ways.
    pub most_bytes: u64,
    /// What all calls took together; of the memory, which is no sum, the most.
    pub total: Cost,
    /// The hostcalls of all calls together.
    pub hostcalls: Hostcalls,
}

/// What each callback has taken, by the name of its export; a callback that no plugin exports takes nothing.
pub type Costs = BTreeMap<&'static str, Tally>;

impl Sim {
    /// What each callback has taken since the start; nothing unless [`Setup::costs`](crate::Setup::costs) asks for it.
    pub fn costs(&self) -> &Costs {
        &self.costs
    }

    /// HTTP streams and TCP connections that have not ended.
    pub fn open_streams(&self) -> usize {
        self.streams.len() + self.connections.len()
    }

    /// Contexts of streams and connections that no VM has been told to delete.
    pub fn open_contexts(&self) -> usize {
        self.vms.iter().filter(|vm| !vm.is_dead).map(crate::vm::Vm::streams).sum()
    }

    /// The plugin makes a hostcall; it counts for the callback that runs, where [`Setup::costs`](crate::Setup::costs) asks for it.
    pub fn count_hostcall(&mut self, name: &'static str) {
        if self.setup.costs {
            *self.hostcalls.entry(self.turn.vm).or_default().entry(name).or_default() += 1;
        }
    }

    /// A callback of a VM has ended.
    pub(crate) fn count(&mut self, vm: usize, callback: &'static str, cost: Cost) {
        let made = self.hostcalls.remove(&vm).unwrap_or_default();
        self.costs.entry(callback).or_default().add(cost, made);
    }
}

impl Tally {
    fn add(&mut self, cost: Cost, made: Hostcalls) {
        let both = |most: fn(u64, u64) -> u64, one: Cost| Cost {
            fuel: most(one.fuel, cost.fuel),
            hostcalls: most(one.hostcalls, cost.hostcalls),
            bytes_read: most(one.bytes_read, cost.bytes_read),
            bytes_written: most(one.bytes_written, cost.bytes_written),
            memory: one.memory.max(cost.memory),
            memory_growth: most(one.memory_growth, cost.memory_growth),
        };
        self.calls += 1;
        self.most = both(u64::max, self.most);
        self.total = both(u64::saturating_add, self.total);
        self.most_bytes = self.most_bytes.max(cost.bytes_read.saturating_add(cost.bytes_written));
        made.into_iter().for_each(|(name, times)| *self.hostcalls.entry(name).or_default() += times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;

    #[test]
    fn the_most_of_each_figure_and_the_sum_are_kept() {
        let mut sim = Sim::new(Setup { costs: true, ..Setup::default() });
        sim.count_hostcall("g");
        sim.turn.vm = 1;
        sim.count_hostcall("h");
        sim.turn.vm = 0;
        sim.count(0, "f", Cost { fuel: 3, bytes_read: 1, bytes_written: 9, memory: 64, ..Cost::default() });
        sim.count_hostcall("g");
        sim.count(0, "f", Cost { fuel: 2, bytes_read: 5, hostcalls: 1, memory: 64, ..Cost::default() });
        let tally = &sim.costs()["f"];
        assert_eq!(tally.hostcalls, Hostcalls::from([("g", 2)]), "what another VM does is no part of it");
        assert_eq!((tally.calls, tally.most.fuel, tally.total.fuel, tally.total.memory), (2, 3, 5, 64));
        assert_eq!((tally.most.bytes_read, tally.most.bytes_written, tally.most_bytes), (5, 9, 10));
    }
}
