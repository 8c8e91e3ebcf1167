//! What nobody gets, until it is told.

use std::collections::BTreeMap;

use crate::record::Loss;

/// How many gaps in the numbers are told one by one.
const MOST_GAPS: usize = 1024;

/// Losses that are not recorded yet.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// What got no number, by its reason.
    unnumbered: BTreeMap<&'static str, Loss>,
    /// What had numbers.
    gaps: Vec<Loss>,
}

impl Losses {
    pub(super) fn is_empty(&self) -> bool {
        self.unnumbered.is_empty() && self.gaps.is_empty()
    }

    /// Notes a loss, with others that it can be told with.
    pub(super) fn add(&mut self, loss: Loss) {
        let Some((first, last)) = loss.sequences else { return self.add_unnumbered(loss) };
        let is_whole =
            |loss: &Loss| loss.sequences.is_some_and(|(first, last)| loss.count == last - first + 1);
        let touches = |before: &&mut Loss| {
            before.reason == loss.reason
                && before.told == 0
                && loss.told == 0
                && before.sequences.is_some_and(|(_, end)| end + 1 == first)
                && is_whole(before)
                && is_whole(&loss)
        };
        if let Some(before) = self.gaps.last_mut().filter(touches) {
            before.sequences = before.sequences.map(|(first, _)| (first, last));
            join(before, loss);
        } else if self.gaps.len() < MOST_GAPS {
            self.gaps.push(loss);
        } else {
            self.add_unnumbered(Loss { sequences: None, previous: None, ..loss });
        }
    }

    fn add_unnumbered(&mut self, loss: Loss) {
        match self.unnumbered.get_mut(loss.reason) {
            Some(before) => join(before, loss),
            None => {
                self.unnumbered.insert(loss.reason, loss);
            }
        }
    }

    /// All that is to be told.
    pub(super) fn take(&mut self) -> Vec<Loss> {
        let unnumbered = std::mem::take(&mut self.unnumbered).into_values();
        unnumbered.chain(std::mem::take(&mut self.gaps)).collect()
    }
}

fn join(before: &mut Loss, loss: Loss) {
    before.count = before.count.saturating_add(loss.count);
    before.first = before.first.min(loss.first);
    before.last = before.last.max(loss.last);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(
        reason: &'static str,
        count: u64,
        (first, last): (u64, u64),
        sequences: Option<(u64, u64)>,
    ) -> Loss {
        Loss { reason, count, first, last, sequences, previous: None, told: 0 }
    }

    #[test]
    fn losses_of_one_reason_are_one() {
        let mut losses = Losses::default();
        losses.add(loss("queue_full", 1, (10, 10), None));
        losses.add(loss("queue_full", 3, (5, 12), None));
        losses.add(loss("stopped", 1, (1, 1), None));
        let expected = [loss("queue_full", 4, (5, 12), None), loss("stopped", 1, (1, 1), None)];
        assert_eq!(losses.take(), expected);
        assert!(losses.is_empty());
    }

    #[test]
    fn gaps_that_touch_are_one() {
        let mut losses = Losses::default();
        for (first, last, count) in [(3, 4, 2), (5, 9, 5), (10, 19, 4), (20, 20, 1)] {
            losses.add(loss("refused", count, (first, last), Some((first, last))));
        }
        let told: Vec<_> = losses.take().iter().map(|loss| (loss.count, loss.sequences)).collect();
        assert_eq!(told, [(7, Some((3, 9))), (4, Some((10, 19))), (1, Some((20, 20)))]);
    }

    #[test]
    fn gaps_without_end_are_counted() {
        let mut losses = Losses::default();
        for n in 0..2000 {
            losses.add(loss("refused", 1, (n, n), Some((2 * n, 2 * n))));
        }
        let told = losses.take();
        assert_eq!((told.len(), told.iter().map(|loss| loss.count).sum::<u64>()), (MOST_GAPS + 1, 2000));
    }
}
