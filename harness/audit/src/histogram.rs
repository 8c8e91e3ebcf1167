//! How many requests there were, over time.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::field::Field;
use crate::row::{Decision, Row};
use crate::scan::Sink;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How wide a bar may be, in milliseconds. With the last of these, all times that have a name have room.
const ROUND: [i64; 30] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    20 * DAY,
    50 * DAY,
    100 * DAY,
    200 * DAY,
    500 * DAY,
    1000 * DAY,
    2000 * DAY,
    5000 * DAY,
    10_000 * DAY,
    20_000 * DAY,
    50_000 * DAY,
];
/// In which steps requests are counted while nobody knows yet how long a time they will span. Each is a multiple of the one before.
const FINE: [i64; 11] = [
    SECOND,
    10 * SECOND,
    MINUTE,
    10 * MINUTE,
    HOUR,
    6 * HOUR,
    DAY,
    10 * DAY,
    100 * DAY,
    1000 * DAY,
    10_000 * DAY,
];
/// How many of those there are, at most.
const STEPS: i64 = 1200;
/// How many bars there are, at most.
const BARS: i64 = 120;

/// Counts requests over time, in one pass and in any order, without knowing before which time they span.
#[derive(Debug, Default)]
pub struct Histogram {
    /// The place of the step in [`FINE`].
    level: usize,
    /// The number of the first step, from the epoch on.
    first: i64,
    steps: VecDeque<Bar>,
}

/// Requests over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bars {
    /// The beginning of the first bar, in milliseconds since the epoch; a multiple of the width.
    pub from: i64,
    /// The width of each bar, in milliseconds: a round one, as 5 s, 10 min or 2 days.
    pub width: i64,
    /// The bars, at most 120, one behind the other.
    pub columns: Vec<Bar>,
}

/// How many requests there were in a time, by decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bar {
    /// Those that were let through.
    pub allowed: u64,
    /// Those that a filter has denied.
    pub denied: u64,
    /// Those of which the record does not say either.
    pub other: u64,
}

impl Histogram {
    /// Counts requests that were decided at this time, in milliseconds since the epoch.
    fn count(&mut self, time: i64, decision: Decision, requests: u64) {
        while !self.has_room(time) {
            self.coarsen();
        }
        let step = time.div_euclid(self.step());
        if self.steps.is_empty() {
            self.first = step;
        }
        while step < self.first {
            self.steps.push_front(Bar::default());
            self.first -= 1;
        }
        while self.behind() <= step {
            self.steps.push_back(Bar::default());
        }
        if let Some(bar) = usize::try_from(step - self.first).ok().and_then(|at| self.steps.get_mut(at)) {
            let count = match decision {
                Decision::Allowed => &mut bar.allowed,
                Decision::Denied => &mut bar.denied,
                Decision::Other => &mut bar.other,
            };
            *count = count.saturating_add(requests);
        }
    }

    /// How long a step is, in milliseconds.
    fn step(&self) -> i64 {
        FINE.get(self.level).copied().unwrap_or(i64::MAX)
    }

    /// The number of the step behind the last.
    fn behind(&self) -> i64 {
        self.first + self.steps.len() as i64
    }

    fn has_room(&self, time: i64) -> bool {
        let step = time.div_euclid(self.step());
        self.steps.is_empty() || self.behind().max(step + 1) - self.first.min(step) <= STEPS
    }

    fn coarsen(&mut self) {
        let old = self.step();
        self.level += 1;
        let (first, bars) = folded(self.first, &self.steps, self.step() / old);
        (self.first, self.steps) = (first, bars.into());
    }

    /// The bars; `None` if there was no request with a time.
    pub fn bars(&self) -> Option<Bars> {
        if self.steps.is_empty() {
            return None;
        }
        let step = self.step();
        let count = |width: i64| {
            let (first, end) = (self.first * step, self.behind() * step);
            (end - 1).div_euclid(width) - first.div_euclid(width) + 1
        };
        let width = *ROUND.iter().find(|width| *width % step == 0 && count(**width) <= BARS)?;
        let (first, columns) = folded(self.first, &self.steps, width / step);
        Some(Bars { from: first * width, width, columns })
    }
}

impl Sink for Histogram {
    fn take(&mut self, row: &Row<'_>, _: &[u8]) -> io::Result<ControlFlow<()>> {
        if let Some(time) = row.integer(Field::Time).filter(|_| row.is_complete()) {
            self.count(time, row.decision(), row.count());
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Bar {
    fn add(&mut self, other: &Self) {
        self.allowed = self.allowed.saturating_add(other.allowed);
        self.denied = self.denied.saturating_add(other.denied);
        self.other = self.other.saturating_add(other.other);
    }
}

/// As many steps at a time as one, and the number of the first of those.
fn folded(first: i64, steps: &VecDeque<Bar>, at_a_time: i64) -> (i64, Vec<Bar>) {
    let first_of_all = first.div_euclid(at_a_time);
    let mut bars = Vec::new();
    for (step, bar) in (first..).zip(steps) {
        let place = usize::try_from(step.div_euclid(at_a_time) - first_of_all).unwrap_or_default();
        if bars.len() <= place {
            bars.resize(place + 1, Bar::default());
        }
        if let Some(sum) = bars.get_mut(place) {
            sum.add(bar);
        }
    }
    (first_of_all, bars)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The last millisecond that has a name.
    const LAST: i64 = 253_402_300_799_999;
    const START: i64 = 1_790_000_000_000;

    fn of(times: &[i64]) -> Bars {
        let mut histogram = Histogram::default();
        times.iter().for_each(|time| histogram.count(*time, Decision::Allowed, 1));
        histogram.bars().unwrap()
    }

    #[test]
    fn requests_are_counted_by_decision_where_they_belong() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.bars(), None);
        let record = |time, action, rest: &str| {
            format!(r#"{{"action_id":{action},"class_uid":4002{rest},"time":{}}}"#, START + time)
        };
        let loss = r#"{"class_uid":1008,"time":1,"unmapped":{"audit":{"kind":"loss"}}}"#;
        let begun = r#"{"class_uid":4002,"time":1,"unmapped":{"audit":{"stage":"request_received"}}}"#;
        let records = [
            record(2999, 2, r#","count":7"#),
            record(0, 1, ""),
            record(2000, 0, ""),
            record(1, 1, ""),
            loss.into(),
            begun.into(),
            r#"{"action_id":1,"class_uid":4002}"#.into(),
        ];
        for record in records {
            let row = Row::read(record.as_bytes()).unwrap();
            assert!(histogram.take(&row, record.as_bytes()).unwrap().is_continue());
        }
        let columns = vec![
            Bar { allowed: 2, denied: 0, other: 0 },
            Bar::default(),
            Bar { allowed: 0, denied: 7, other: 1 },
        ];
        assert_eq!(histogram.bars(), Some(Bars { from: START, width: SECOND, columns }));
    }

    #[test]
    fn the_width_is_the_smallest_round_one_that_has_room() {
        for (span, width) in [
            (0, SECOND),
            (119 * SECOND, SECOND),
            (120 * SECOND, 2 * SECOND),
            (5 * MINUTE, 5 * SECOND),
            (19 * MINUTE, 10 * SECOND),
            (59 * MINUTE, 30 * SECOND),
            (3 * HOUR, 2 * MINUTE),
            (DAY, 30 * MINUTE),
            (7 * DAY, 2 * HOUR),
            (90 * DAY, DAY),
            (365 * DAY, 5 * DAY),
        ] {
            let start = 20_000 * DAY;
            let bars = of(&[start, start + span]);
            assert_eq!((bars.width, bars.from), (width, start), "{span}");
            assert_eq!(bars.columns.len() as i64, span / width + 1, "{span}");
        }
    }

    #[test]
    fn a_time_far_from_the_others_has_its_place() {
        let bars = of(&[START, START + 1, 0, LAST, START]);
        assert!(bars.columns.len() <= BARS as usize && bars.from == 0);
        let at = |time| bars.columns[(time / bars.width) as usize].allowed;
        assert_eq!((bars.columns[0].allowed, at(START), at(LAST)), (4, 4, 1));
    }

    #[test]
    fn each_step_divides_the_next() {
        for pair in FINE.windows(2) {
            assert_eq!(pair[1] % pair[0], 0);
        }
    }

    proptest! {
        #[test]
        fn every_request_is_in_the_bar_of_its_time(
            start in 0..LAST / 2, spread in 1..LAST / 2, parts in prop::collection::vec(0.0..1.0_f64, 1..60)
        ) {
            let times: Vec<_> = parts.iter().map(|part| start + (spread as f64 * part) as i64).collect();
            let bars = of(&times);
            prop_assert!(bars.columns.len() as i64 <= BARS && bars.from % bars.width == 0);
            let mut expected = vec![0; bars.columns.len()];
            times.iter().for_each(|time| expected[((time - bars.from) / bars.width) as usize] += 1);
            prop_assert_eq!(bars.columns.iter().map(|bar| bar.allowed).collect::<Vec<_>>(), expected);
        }
    }
}
