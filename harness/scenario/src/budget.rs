//! What callbacks may take, what they have taken, and whether they keep any of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_sim::{Costs, Tally};

use crate::expectation::Mismatch;
use crate::schema::LimitsFile;

/// The key for all callbacks.
pub(crate) const ANY: &str = "any";

/// What one call of a callback may take, by name; under `any` what each may take that sets no limit of its own.
pub type Budget = BTreeMap<String, LimitsFile>;

/// Every figure beyond its limit.
pub(crate) fn check(budget: &Budget, costs: &Costs) -> Vec<Mismatch> {
    let any = budget.get(ANY).copied().unwrap_or_default();
    let breaches = costs.iter().flat_map(|(callback, tally)| {
        let own = budget.get(*callback).copied().unwrap_or_default();
        let limits = [
            ("fuel", own.fuel.or(any.fuel), tally.most.fuel),
            ("hostcalls", own.hostcalls.or(any.hostcalls), tally.most.hostcalls),
            ("bytes", own.bytes.or(any.bytes), tally.most_bytes),
            ("memory_growth", own.memory_growth.or(any.memory_growth), tally.most.memory_growth),
        ];
        let beyond = limits.into_iter().filter_map(|(figure, limit, found)| {
            let limit = limit.filter(|limit| found > *limit)?;
            Some(Mismatch::new(format!("{figure} of {callback}"), format!("at most {limit}"), found))
        });
        beyond.collect::<Vec<_>>()
    });
    breaches.collect()
}

/// The fuel of each callback as a text to keep in a file.
pub(crate) fn fuel(costs: &Costs) -> String {
    let mut text = String::new();
    for (callback, Tally { calls, most, total, .. }) in costs {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{callback}: {calls} calls, {} at most, {} in all", most.fuel, total.fuel);
    }
    text
}

#[cfg(test)]
mod tests {
    use portcullis_sim::Cost;

    use super::*;

    #[test]
    fn a_callback_has_its_own_limits_before_those_of_all() {
        let most = Cost { fuel: 10, hostcalls: 2, ..Cost::default() };
        let total = Cost { fuel: 15, ..most };
        let tally = Tally { calls: 3, most, most_bytes: 7, total, ..Tally::default() };
        let costs = Costs::from([("proxy_on_log", tally.clone()), ("proxy_on_tick", tally)]);
        let limits = |fuel| LimitsFile { fuel: Some(fuel), ..LimitsFile::default() };
        let budget = Budget::from([
            ("any".to_owned(), LimitsFile { bytes: Some(7), ..limits(9) }),
            ("proxy_on_log".to_owned(), LimitsFile { hostcalls: Some(1), ..limits(10) }),
        ]);
        let found: Vec<_> =
            check(&budget, &costs).into_iter().map(|it| (it.what, it.expected, it.found)).collect();
        let expected =
            [("hostcalls of proxy_on_log", "at most 1", "2"), ("fuel of proxy_on_tick", "at most 9", "10")];
        assert_eq!(found, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
        assert!(fuel(&costs).starts_with("proxy_on_log: 3 calls, 10 at most, 15 in all\n"));
    }
}
