use std::time::Duration;

use portcullis_kit::{StreamId, UnixTime};

use crate::denial::Awaited;

/// How many requests of one worker may wait.
const MOST: usize = 1024;
/// How many of them for newer keys: anybody can make up the name of a key, and must not take the places of all others.
const MOST_FOR_NEWER_KEYS: usize = 256;
/// How long a request waits at most; by then every call has been answered or has timed out.
const LONGEST: Duration = Duration::from_secs(65);

/// The requests that wait for something to be fetched.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    streams: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    stream: StreamId,
    awaited: Awaited,
    /// How many attempts to fetch were over when it began to wait.
    attempts: u64,
    until: UnixTime,
}

/// Why a request cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has waited for as long as anything can take.
    TooLong,
    /// So many wait already.
    TooMany,
}

impl Waiting {
    /// Lets a request wait. `since` is when it first did.
    pub(crate) fn add(
        &mut self,
        (stream, awaited): (StreamId, Awaited),
        attempts: u64,
        since: UnixTime,
        now: UnixTime,
    ) -> Result<(), Refused> {
        let until = since.saturating_add(LONGEST);
        if until <= now {
            return Err(Refused::TooLong);
        }
        let alike = self.streams.iter().filter(|waiter| waiter.awaited == awaited).count();
        let is_full = awaited == Awaited::NewerKeys && alike >= MOST_FOR_NEWER_KEYS;
        if is_full || self.streams.len() >= MOST {
            return Err(Refused::TooMany);
        }
        self.streams.push(Waiter { stream, awaited, attempts, until });
        Ok(())
    }

    /// The requests that may look again: one more attempt is over than when they began to wait, or their time is up. The others
    /// wait on.
    pub(crate) fn due(&mut self, attempts: u64, now: UnixTime) -> Vec<StreamId> {
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.streams)
            .into_iter()
            .partition(|waiter| waiter.attempts != attempts || waiter.until <= now);
        self.streams = rest;
        due.into_iter().map(|waiter| waiter.stream).collect()
    }

    /// Lets requests wait no longer.
    pub(crate) fn forget(&mut self, streams: &[StreamId]) {
        self.streams.retain(|waiter| !streams.contains(&waiter.stream));
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1000);

    #[test]
    fn requests_wait_for_the_end_of_an_attempt() {
        let mut waiting = Waiting::default();
        waiting.add((StreamId(1), Awaited::Anything), 7, NOW, NOW).unwrap();
        waiting.add((StreamId(2), Awaited::Anything), 8, NOW, NOW).unwrap();
        assert_eq!(waiting.due(8, NOW), [StreamId(1)]);
        assert_eq!(waiting.due(8, NOW), []);
        assert_eq!(waiting.due(9, NOW), [StreamId(2)]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn nobody_waits_for_ever_however_often() {
        let mut waiting = Waiting::default();
        waiting.add((StreamId(1), Awaited::Anything), 7, NOW, NOW).unwrap();
        let late = NOW.saturating_add(LONGEST);
        assert_eq!(waiting.due(7, late), [StreamId(1)]);
        assert_eq!(waiting.add((StreamId(1), Awaited::Anything), 7, NOW, late), Err(Refused::TooLong));
    }

    #[test]
    fn only_so_many_wait() {
        let mut waiting = Waiting::default();
        for id in 0..u32::try_from(MOST).unwrap() {
            waiting.add((StreamId(id), Awaited::Anything), 0, NOW, NOW).unwrap();
        }
        assert_eq!(waiting.add((StreamId(0), Awaited::Anything), 0, NOW, NOW), Err(Refused::TooMany));
    }

    #[test]
    fn made_up_keys_leave_room_for_others() {
        let mut waiting = Waiting::default();
        for id in 0..u32::try_from(MOST_FOR_NEWER_KEYS).unwrap() {
            waiting.add((StreamId(id), Awaited::NewerKeys), 0, NOW, NOW).unwrap();
        }
        assert_eq!(waiting.add((StreamId(0), Awaited::NewerKeys), 0, NOW, NOW), Err(Refused::TooMany));
        assert_eq!(waiting.add((StreamId(0), Awaited::Anything), 0, NOW, NOW), Ok(()));
    }
}
