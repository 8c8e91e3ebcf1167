//! What a step of a scenario has taken, callback by callback.

use std::collections::BTreeMap;

use portcullis_sim::{Costs, Tally};
use serde::Deserialize;

/// What the calls of one callback took together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// How many calls.
    pub calls: u64,
    /// Steps of the WebAssembly engine.
    pub fuel: u64,
    /// Bytes that hostcalls moved, both ways.
    pub bytes: u64,
    /// How often each hostcall was made, by its name.
    pub hostcalls: BTreeMap<String, u64>,
}

/// What one step took, by the names of the callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepTaken {
    /// The step, or `start`.
    pub step: String,
    /// The callbacks that were called.
    pub callbacks: BTreeMap<String, Taken>,
}

/// The steps so far, and what everything had taken at the end of the last one.
#[derive(Debug, Default)]
pub(crate) struct Takings {
    pub(crate) steps: Vec<StepTaken>,
    before: Costs,
}

impl Takings {
    /// A step has ended. Steps of one name count as one.
    pub(crate) fn end(&mut self, step: &str, now: Costs) {
        let index = self.steps.iter().position(|known| known.step == step);
        let mut taken = index.map(|index| self.steps.remove(index)).unwrap_or_default();
        step.clone_into(&mut taken.step);
        let none = Tally::default();
        for (callback, tally) in &now {
            let before = self.before.get(callback).unwrap_or(&none);
            if tally.calls > before.calls {
                taken.callbacks.entry((*callback).to_owned()).or_default().add(tally, before);
            }
        }
        self.steps.insert(index.unwrap_or(self.steps.len()), taken);
        self.before = now;
    }
}

impl Taken {
    fn add(&mut self, now: &Tally, before: &Tally) {
        let bytes = |tally: &Tally| tally.total.bytes_read.saturating_add(tally.total.bytes_written);
        self.calls += now.calls.saturating_sub(before.calls);
        self.fuel += now.total.fuel.saturating_sub(before.total.fuel);
        self.bytes += bytes(now).saturating_sub(bytes(before));
        for (name, times) in &now.hostcalls {
            let made = times.saturating_sub(before.hostcalls.get(name).copied().unwrap_or_default());
            if made > 0 {
                *self.hostcalls.entry((*name).to_owned()).or_default() += made;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sim::{Cost, Hostcalls};

    use super::*;

    fn costs(calls: u64, fuel: u64, hostcalls: Hostcalls) -> Costs {
        let total = Cost { fuel, bytes_read: fuel, bytes_written: 1, ..Cost::default() };
        Costs::from([("proxy_on_log", Tally { calls, total, hostcalls, ..Tally::default() })])
    }

    #[test]
    fn a_step_has_taken_what_came_since_the_one_before_it() {
        let mut takings = Takings::default();
        takings.end("start", Costs::new());
        takings.end("a", costs(1, 10, Hostcalls::from([("f", 2)])));
        takings.end("b", costs(1, 10, Hostcalls::from([("f", 2)])));
        takings.end("a", costs(3, 17, Hostcalls::from([("f", 2), ("g", 1)])));
        let names: Vec<_> = takings.steps.iter().map(|taken| taken.step.as_str()).collect();
        assert_eq!(names, ["start", "a", "b"]);
        assert!(takings.steps[0].callbacks.is_empty() && takings.steps[2].callbacks.is_empty());
        let hostcalls = BTreeMap::from([("f".to_owned(), 2), ("g".to_owned(), 1)]);
        let expected = Taken { calls: 3, fuel: 17, bytes: 18, hostcalls };
        assert_eq!(takings.steps[1].callbacks, BTreeMap::from([("proxy_on_log".to_owned(), expected)]));
    }
}
