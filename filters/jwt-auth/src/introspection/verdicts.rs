use std::collections::VecDeque;
use std::time::Duration;

use portcullis_kit::{StreamId, UnixTime};

use super::answer::Verdict;
use crate::bounded_lru::{BoundedLru, Footprint};
use crate::token;

/// For how long a request that has waited for an answer finds it. It may have to wait for others after it, each for at most as long
/// as a call takes.
const HANDED_OVER: Duration = Duration::from_secs(60);

/// The answers, by the bytes of their tokens. Tokens that are not active have memory of their own, so that made-up ones displace
/// no good one.
#[derive(Debug)]
pub(crate) struct Verdicts {
    active: BoundedLru<Entry>,
    others: BoundedLru<Entry>,
    max_streams: usize,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    since: UnixTime,
    /// For everybody, from `since` up to here.
    until: UnixTime,
    /// Who has waited for it, and finds it for longer.
    streams: VecDeque<StreamId>,
}

impl Verdicts {
    /// Takes about `max_bytes` of memory, and hands a verdict over to at most so many streams.
    pub(crate) fn new(max_bytes: usize, max_streams: usize) -> Self {
        let others = max_bytes / 4;
        Self { active: BoundedLru::new(max_bytes - others), others: BoundedLru::new(others), max_streams }
    }

    /// What is known of a token, for this stream.
    pub(crate) fn find(&mut self, token: &[u8], stream: StreamId, now: UnixTime) -> Option<&Verdict> {
        let entry = self.active.find(token).or_else(|| self.others.find(token))?;
        entry.holds(stream, now).then_some(&entry.verdict)
    }

    /// Remembers an answer up to a time, and for those who have waited for it.
    pub(crate) fn insert(
        &mut self,
        token: &[u8],
        verdict: Verdict,
        (since, until): (UnixTime, UnixTime),
        streams: &[StreamId],
    ) {
        let (active, other) = (self.active.take(token), self.others.take(token));
        // Who has waited for an earlier answer may still be waiting for something else.
        let earlier = active.or(other).filter(|entry| entry.is_handed_over(since));
        let mut all = earlier.map(|entry| entry.streams).unwrap_or_default();
        all.extend(streams);
        all.drain(..all.len().saturating_sub(self.max_streams));
        let segment = if matches!(verdict, Verdict::Active(_)) { &mut self.active } else { &mut self.others };
        // However large: somebody has waited for it.
        segment.insert_always(token, Entry { verdict, since, until, streams: all });
    }
}

impl Entry {
    /// Not before it was there: a clock that was set back must not give a verdict another life.
    fn holds(&self, stream: StreamId, now: UnixTime) -> bool {
        let is_known = self.since <= now && now < self.until;
        is_known || (self.is_handed_over(now) && self.streams.contains(&stream))
    }

    fn is_handed_over(&self, now: UnixTime) -> bool {
        self.since <= now && now < self.since.saturating_add(HANDED_OVER)
    }
}

impl Footprint for Entry {
    fn footprint(&self) -> usize {
        let claims = match &self.verdict {
            Verdict::Active(claims) => token::members(claims.members()),
            Verdict::Refused(_) | Verdict::Failed(_) => 0,
        };
        claims + self.streams.capacity() * size_of::<StreamId>()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::JwtError;
    use crate::claims::Claims;

    const NOBODY: StreamId = StreamId(0);

    fn active(text: usize) -> Verdict {
        let members: Map<String, Value> =
            [("a".to_owned(), Value::from("x".repeat(text)))].into_iter().collect();
        Verdict::Active(Arc::new(Claims::new(members).unwrap()))
    }

    fn inactive() -> Verdict {
        Verdict::Refused(JwtError::Inactive)
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    fn is_known(verdicts: &mut Verdicts, token: &[u8], stream: u32, now: u64) -> bool {
        verdicts.find(token, StreamId(stream), at(now)).is_some()
    }

    #[test]
    fn a_verdict_holds_from_its_start_to_just_before_its_end() {
        let mut verdicts = Verdicts::new(1 << 16, 10);
        verdicts.insert(b"t", active(1), (at(100), at(160)), &[]);
        for (now, expected) in
            [(0, false), (99, false), (100, true), (159, true), (160, false), (1000, false)]
        {
            assert_eq!(is_known(&mut verdicts, b"t", 1, now), expected, "{now}");
        }
        assert!(!is_known(&mut verdicts, b"T", 1, 100));
    }

    #[test]
    fn who_has_waited_finds_it_for_longer() {
        let mut verdicts = Verdicts::new(1 << 16, 10);
        verdicts.insert(b"t", active(1), (at(100), at(100)), &[StreamId(1), StreamId(2)]);
        for (stream, now, expected) in
            [(1, 100, true), (2, 100, true), (3, 100, false), (1, 159, true), (1, 160, false), (1, 99, false)]
        {
            assert_eq!(is_known(&mut verdicts, b"t", stream, now), expected, "{stream} {now}");
        }
    }

    #[test]
    fn a_later_answer_is_for_those_of_an_earlier_one_too() {
        let mut verdicts = Verdicts::new(1 << 16, 3);
        verdicts.insert(b"t", active(1), (at(100), at(100)), &[StreamId(1), StreamId(2)]);
        verdicts.insert(b"t", inactive(), (at(110), at(110)), &[StreamId(3), StreamId(4)]);
        let found = verdicts.find(b"t", StreamId(2), at(111));
        assert!(matches!(found, Some(Verdict::Refused(_))), "the latest one, not the one it has waited for");
        assert!(!is_known(&mut verdicts, b"t", 1, 111), "bounded in number, the oldest goes first");
        verdicts.insert(b"t", inactive(), (at(170), at(170)), &[StreamId(5)]);
        assert!(!is_known(&mut verdicts, b"t", 4, 170), "bounded in time");
    }

    #[test]
    fn a_flood_of_made_up_tokens_displaces_no_good_one() {
        let mut verdicts = Verdicts::new(1 << 16, 10);
        verdicts.insert(b"good", active(10), (at(0), at(100)), &[]);
        for n in 0..10_000_u32 {
            verdicts.insert(&n.to_le_bytes(), inactive(), (at(0), at(100)), &[]);
        }
        assert!(is_known(&mut verdicts, b"good", 1, 1));
        assert!(is_known(&mut verdicts, &9_999_u32.to_le_bytes(), 1, 1));
        assert!(!is_known(&mut verdicts, &0_u32.to_le_bytes(), 1, 1));
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut verdicts = Verdicts::new(2_700, 10);
        for name in [b"a", b"b", b"c"] {
            verdicts.insert(name, active(1), (at(0), at(100)), &[]);
            assert!(is_known(&mut verdicts, b"a", 1, 1), "used each time");
        }
        assert!(!is_known(&mut verdicts, b"b", 1, 1));
    }

    #[test]
    fn the_newest_is_there_for_those_who_wait_however_large() {
        let mut verdicts = Verdicts::new(1_000, 10);
        verdicts.insert(b"large", active(5_000), (at(0), at(100)), &[StreamId(1)]);
        assert!(is_known(&mut verdicts, b"large", 1, 1));
        verdicts.insert(b"small", active(1), (at(0), at(100)), &[]);
        assert!(!is_known(&mut verdicts, b"large", 1, 1));
        assert_eq!(verdicts.active.len(), 1);
    }

    #[test]
    fn a_token_that_is_revoked_leaves_no_claims_behind() {
        let mut verdicts = Verdicts::new(1 << 16, 10);
        verdicts.insert(b"t", active(1), (at(0), at(10)), &[]);
        verdicts.insert(b"t", inactive(), (at(10), at(20)), &[]);
        assert!(matches!(verdicts.find(b"t", NOBODY, at(11)), Some(Verdict::Refused(_))));
        assert_eq!((verdicts.active.len(), verdicts.active.bytes()), (0, (0, 0)));
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_counted(steps in proptest::collection::vec((0_u8..40, 0_usize..3_000, 0_usize..30), 1..200)) {
            let mut verdicts = Verdicts::new(20_000, 20);
            for (token, size, streams) in steps {
                let verdict = if size < 500 { inactive() } else { active(size) };
                let streams: Vec<_> = (0..streams as u32).map(StreamId).collect();
                verdicts.insert(&[token], verdict, (at(0), at(10)), &streams);
                for segment in [&verdicts.active, &verdicts.others] {
                    let (bytes, counted) = segment.bytes();
                    prop_assert_eq!(bytes, counted);
                    prop_assert!(bytes <= 15_000);
                }
                prop_assert!(verdicts.find(&[token], NOBODY, at(1)).is_some());
                let Verdicts { active, others, .. } = &mut verdicts;
                prop_assert!(active.find(&[token]).is_some() != others.find(&[token]).is_some());
            }
        }
    }
}
