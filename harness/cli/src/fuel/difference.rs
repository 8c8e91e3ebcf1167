//! What is not as a golden file says.
//!
//! Fuel and bytes may move by two percent either way: less is the noise of a change somewhere else in a module. Hostcalls and calls
//! are counted exactly: each costs more than many instructions, and none comes by chance. What has become less fails like
//! what has become more: until it is blessed, the difference is room in which the next rise would not be seen.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter, Result};

use portcullis_scenario::Taken;

use super::Figures;

/// In percent, by how much a figure may move.
const TOLERANCE: u128 = 2;

/// A callback in a step of a scenario.
type Place<'a> = (&'a str, &'a str, &'a str);

/// What is not as it should be with one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    place: Place<'a>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Measured, and not in the golden file.
    New,
    /// In the golden file, and not measured.
    Missing,
    /// More, or less, than the golden file says.
    Moved { figure: String, golden: u64, found: u64 },
}

impl Display for Difference<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (scenario, step, callback) = self.place;
        write!(f, "{scenario} / {step} / {callback}: ")?;
        match &self.kind {
            Kind::New => f.write_str("not in the golden file"),
            Kind::Missing => f.write_str("in the golden file, but not called"),
            Kind::Moved { figure, golden, found } => {
                let way = if found > golden { "more" } else { "less, which is not blessed yet" };
                write!(f, "{figure} {golden} -> {found} ({}): {way}", percent(*golden, *found))
            }
        }
    }
}

/// By how much a figure has moved, in percent with one digit.
pub(crate) fn percent(golden: u64, found: u64) -> String {
    match (golden, found) {
        (0, 0) => "=".to_owned(),
        (0, _) => "from nothing".to_owned(),
        _ if golden == found => "=".to_owned(),
        // Both are far below 2^53.
        _ => format!("{:+.1} %", (found as f64 / golden as f64 - 1.0) * 100.0),
    }
}

/// All differences, scenario by scenario.
pub(crate) fn differences<'a>(golden: &'a Figures, found: &'a Figures) -> Vec<Difference<'a>> {
    let places: BTreeSet<_> = places(golden).chain(places(found)).collect();
    let of_place = |place: Place<'a>| {
        let kinds = match (at(golden, place), at(found, place)) {
            (Some(golden), Some(found)) => moved(golden, found),
            (Some(_), None) => vec![Kind::Missing],
            (None, _) => vec![Kind::New],
        };
        kinds.into_iter().map(move |kind| Difference { place, kind })
    };
    places.into_iter().flat_map(of_place).collect()
}

/// What the figures say of a place.
pub(crate) fn at<'a>(figures: &'a Figures, (scenario, step, callback): Place<'_>) -> Option<&'a Taken> {
    figures.get(scenario)?.get(step)?.get(callback)
}

fn places(figures: &Figures) -> impl Iterator<Item = Place<'_>> {
    figures.iter().flat_map(|(scenario, steps)| {
        steps.iter().flat_map(move |(step, callbacks)| {
            callbacks.keys().map(move |callback| (scenario.as_str(), step.as_str(), callback.as_str()))
        })
    })
}

fn moved(golden: &Taken, found: &Taken) -> Vec<Kind> {
    let within = [("fuel", golden.fuel, found.fuel), ("bytes", golden.bytes, found.bytes)];
    let within = within.into_iter().filter(|(_, golden, found)| !is_near(*golden, *found));
    let within = within.map(|(figure, golden, found)| (figure.to_owned(), golden, found));
    let calls = [("calls".to_owned(), golden.calls, found.calls)];
    let names: BTreeSet<_> = golden.hostcalls.keys().chain(found.hostcalls.keys()).collect();
    let times = |taken: &Taken, name| taken.hostcalls.get(name).copied().unwrap_or_default();
    let hostcalls = names.into_iter().map(|name| (name.clone(), times(golden, name), times(found, name)));
    let exact = calls.into_iter().chain(hostcalls).filter(|(_, golden, found)| golden != found);
    within.chain(exact).map(|(figure, golden, found)| Kind::Moved { figure, golden, found }).collect()
}

fn is_near(golden: u64, found: u64) -> bool {
    u128::from(golden.abs_diff(found)) * 100 <= u128::from(golden) * TOLERANCE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn figures(fuel: u64, bytes: u64, hostcalls: &[(&str, u64)]) -> Figures {
        let hostcalls = hostcalls.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect();
        let taken = Taken { calls: 1, fuel, bytes, hostcalls };
        let callbacks = BTreeMap::from([("proxy_on_log".to_owned(), taken)]);
        BTreeMap::from([("s".to_owned(), BTreeMap::from([("again".to_owned(), callbacks)]))])
    }

    fn told(golden: &Figures, found: &Figures) -> Vec<String> {
        differences(golden, found).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fuel_and_bytes_may_move_by_two_percent() {
        let golden = figures(10_000, 1000, &[("f", 1)]);
        for (fuel, bytes) in
            [(10_000, 1000), (10_190, 1000), (10_200, 1020), (9810, 981), (9800, 980), (10_199, 980)]
        {
            assert_eq!(told(&golden, &figures(fuel, bytes, &[("f", 1)])), [""; 0], "{fuel}, {bytes}");
        }
        let rise = told(&golden, &figures(10_210, 1000, &[("f", 1)]));
        assert_eq!(rise, ["s / again / proxy_on_log: fuel 10000 -> 10210 (+2.1 %): more"]);
        assert_eq!(told(&golden, &figures(10_201, 1000, &[("f", 1)])).len(), 1, "just above");
        let bytes = told(&golden, &figures(10_000, 1021, &[("f", 1)]));
        assert_eq!(bytes, ["s / again / proxy_on_log: bytes 1000 -> 1021 (+2.1 %): more"]);
        let fall = told(&golden, &figures(9000, 1000, &[("f", 1)]));
        assert_eq!(
            fall,
            ["s / again / proxy_on_log: fuel 10000 -> 9000 (-10.0 %): less, which is not blessed yet"]
        );
        assert_eq!(told(&figures(0, 0, &[]), &figures(0, 0, &[])), [""; 0]);
        let nothing = told(&figures(0, 0, &[]), &figures(1, 0, &[]));
        assert_eq!(nothing, ["s / again / proxy_on_log: fuel 0 -> 1 (from nothing): more"]);
    }

    #[test]
    fn a_hostcall_more_or_less_is_a_difference() {
        let golden = figures(100, 0, &[("f", 100), ("g", 1)]);
        let found = figures(100, 0, &[("f", 101), ("h", 1)]);
        assert_eq!(
            told(&golden, &found),
            [
                "s / again / proxy_on_log: f 100 -> 101 (+1.0 %): more",
                "s / again / proxy_on_log: g 1 -> 0 (-100.0 %): less, which is not blessed yet",
                "s / again / proxy_on_log: h 0 -> 1 (from nothing): more",
            ]
        );
    }

    #[test]
    fn what_only_one_side_has_is_a_difference() {
        let some = figures(100, 0, &[]);
        let none = Figures::new();
        assert_eq!(told(&none, &some), ["s / again / proxy_on_log: not in the golden file"]);
        assert_eq!(told(&some, &none), ["s / again / proxy_on_log: in the golden file, but not called"]);
        let mut calls = some.clone();
        calls.get_mut("s").unwrap().get_mut("again").unwrap().get_mut("proxy_on_log").unwrap().calls = 2;
        assert_eq!(told(&some, &calls), ["s / again / proxy_on_log: calls 1 -> 2 (+100.0 %): more"]);
    }
}
