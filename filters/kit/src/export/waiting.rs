use std::collections::VecDeque;

use crate::UnixTime;

/// Items that wait to be sent, in their order.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    entries: VecDeque<Entry<T>>,
    /// The sum of their sizes.
    bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    size: usize,
    since: UnixTime,
}

/// Items that no longer wait.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub(super) items: Vec<T>,
    pub(super) bytes: usize,
    /// Since when the first of them has waited.
    pub(super) since: UnixTime,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn oldest(&self) -> Option<UnixTime> {
        self.entries.front().map(|entry| entry.since)
    }

    pub(super) fn push(&mut self, item: T, size: usize, since: UnixTime) {
        self.bytes = self.bytes.saturating_add(size);
        self.entries.push_back(Entry { item, size, since });
    }

    /// Takes the oldest: no more of them, and no more bytes, but one alone whatever its size. `None` where nothing waits.
    pub(super) fn take(&mut self, most: usize, most_bytes: usize) -> Option<Taken<T>> {
        let since = self.oldest()?;
        let mut size = 0_usize;
        let fits = |entry: &&Entry<T>| {
            size = size.saturating_add(entry.size);
            size <= most_bytes
        };
        let count = self.entries.iter().take(most).take_while(fits).count().max(1);
        let mut bytes = 0_usize;
        let taken = self.entries.drain(..count.min(self.entries.len()));
        let items: Vec<_> =
            taken.inspect(|entry| bytes = bytes.saturating_add(entry.size)).map(|entry| entry.item).collect();
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(Taken { items, bytes, since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(sizes: &[usize]) -> Waiting<usize> {
        let mut waiting = Waiting::new();
        for (second, size) in (1..).zip(sizes) {
            waiting.push(*size, *size, UnixTime::from_secs(second));
        }
        waiting
    }

    #[test]
    fn the_oldest_are_taken_and_no_more_than_asked_for() {
        for (sizes, most, most_bytes, expected) in [
            (&[1, 2, 3, 4][..], 2, 100, &[1, 2][..]),
            (&[1, 2, 3, 4], 9, 100, &[1, 2, 3, 4]),
            (&[1, 2, 3, 4], 9, 5, &[1, 2]),
            (&[1, 2, 3, 4], 9, 6, &[1, 2, 3]),
            // One alone always goes.
            (&[9, 2], 9, 5, &[9]),
            (&[9], 0, 0, &[9]),
            (&[usize::MAX, 2], 9, usize::MAX, &[usize::MAX, 2]),
        ] {
            let mut waiting = waiting(sizes);
            let taken = waiting.take(most, most_bytes).unwrap();
            assert_eq!(taken.items, expected, "{sizes:?}, {most} of {most_bytes} bytes");
            assert_eq!(taken.since, UnixTime::from_secs(1));
            let left = sizes.len() - taken.items.len();
            assert_eq!(waiting.len(), left);
            let next = u64::try_from(expected.len() + 1).unwrap();
            assert_eq!(waiting.oldest(), (left > 0).then(|| UnixTime::from_secs(next)));
        }
    }

    #[test]
    fn bytes_are_those_that_are_left() {
        let mut waiting = waiting(&[1, 2, 3, 4]);
        assert_eq!(waiting.bytes(), 10);
        assert_eq!(waiting.take(2, 100).unwrap().bytes, 3);
        assert_eq!((waiting.bytes(), waiting.is_empty()), (7, false));
        assert_eq!(waiting.take(9, 100).unwrap().bytes, 7);
        assert_eq!((waiting.bytes(), waiting.is_empty(), waiting.oldest()), (0, true, None));
        assert!(waiting.take(9, 100).is_none());
    }
}
