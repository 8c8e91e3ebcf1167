//! What all users of a table have to agree on: the seed of its hash, and which rate each of its sets is kept by.

use portcullis_kit::bucket::{Quota, Rate};
use portcullis_kit::{CREATE, Host, WriteError};

/// How often a write is tried again when another worker was faster. Each time one of them was.
pub(crate) const TRIES: usize = 64;

const LAYOUT: [u8; 4] = *b"PtR\x01";

/// How many former rates are remembered. Buckets of one that is forgotten keep their times.
const MOST: usize = 16;
/// Numbers of rates take seven bits.
const NUMBERS: u8 = 128;

/// The seed and the rates of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// The entry in the shared data; empty for a table of one worker.
    entry: String,
    seed: [u8; 16],
    /// The newest last.
    known: Vec<Known>,
}

/// A rate that buckets were kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    number: u8,
    rate: Rate,
    /// How many nanoseconds ahead its buckets can be full.
    horizon: u64,
}

impl Rates {
    /// Those of a table that nobody else uses, and the number of its rate.
    pub(crate) fn alone(quota: &Quota, host: &mut dyn Host) -> (Self, u8) {
        let seed = host.random().unwrap_or_default();
        let mut rates = Self { entry: String::new(), seed, known: Vec::new() };
        let number = rates.include(quota);
        (rates, number)
    }

    /// Those of the table that all workers share, with this rate among them, and its number.
    pub(crate) fn shared(entry: &str, quota: &Quota, host: &mut dyn Host) -> (Self, u8) {
        let (mut rates, _) = Self::alone(quota, host);
        rates.entry = entry.to_owned();
        for _ in 0..TRIES {
            match rates.agree(quota, host) {
                Ok(number) => return (rates, number),
                Err(WriteError::Conflict) => {}
                Err(WriteError::Host(_)) => break,
            }
        }
        (rates, 0)
    }

    fn agree(&mut self, quota: &Quota, host: &mut dyn Host) -> Result<u8, WriteError> {
        let datum = host.shared(&self.entry).map_err(WriteError::Host)?;
        let cas = datum.as_ref().map_or(CREATE, |datum| datum.cas);
        let agreed = datum.and_then(|datum| decode(&datum.value));
        let mut rates = self.clone();
        if let Some((seed, known)) = &agreed {
            (rates.seed, rates.known) = (*seed, known.clone());
        }
        let number = rates.include(quota);
        if agreed.is_none_or(|(_, known)| known != rates.known) {
            host.set_shared(&rates.entry, &rates.encode(), cas)?;
        }
        *self = rates;
        Ok(number)
    }

    /// Has this rate among them from now on; its number.
    pub(crate) fn include(&mut self, quota: &Quota) -> u8 {
        let (rate, horizon) = (quota.rate(), quota.horizon());
        let same =
            |it: &&mut Known| it.rate.parts() == rate.parts() && it.rate.per_token() == rate.per_token();
        // One that is about to be forgotten gets another number, lest it be forgotten while it is in use.
        if let Some(known) = self.known.iter_mut().rev().take(MOST / 2).find(same) {
            known.horizon = known.horizon.max(horizon);
            return known.number;
        }
        let number = self.known.last().map_or(0, |newest| newest.number.wrapping_add(1) % NUMBERS);
        self.known.push(Known { number, rate, horizon });
        if self.known.len() > MOST {
            self.known.remove(0);
        }
        number
    }

    /// The seed of the hash.
    pub(crate) fn seed(&self) -> &[u8; 16] {
        &self.seed
    }

    /// The rate of this number; looks again at what all agree on, where it is not known yet.
    pub(crate) fn of(&mut self, number: u8, host: &mut dyn Host) -> Option<Rate> {
        if self.known(number).is_none() {
            self.look_again(host);
        }
        self.known(number)
    }

    /// How many nanoseconds ahead a bucket can be full, by any of the rates.
    pub(crate) fn horizon(&mut self, host: &mut dyn Host) -> u64 {
        self.look_again(host);
        self.known.iter().map(|known| known.horizon).max().unwrap_or_default()
    }

    fn look_again(&mut self, host: &mut dyn Host) {
        if !self.entry.is_empty()
            && let Ok(Some(datum)) = host.shared(&self.entry)
            && let Some((_, known)) = decode(&datum.value)
        {
            self.known = known;
        }
    }

    fn known(&self, number: u8) -> Option<Rate> {
        self.known.iter().rev().find(|it| it.number == number).map(|it| it.rate)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = [&LAYOUT[..], &self.seed].concat();
        for known in &self.known {
            bytes.push(known.number);
            bytes.extend(known.rate.parts().to_le_bytes());
            bytes.extend(known.rate.per_token().to_le_bytes());
            bytes.extend(known.horizon.to_le_bytes());
        }
        bytes
    }
}

type Agreed = ([u8; 16], Vec<Known>);

fn decode(bytes: &[u8]) -> Option<Agreed> {
    let (seed, rest) = bytes.strip_prefix(&LAYOUT)?.split_first_chunk::<16>()?;
    let (entries, rest) = rest.as_chunks::<21>();
    let known: Option<Vec<_>> = entries.iter().map(entry).collect();
    known.filter(|known| rest.is_empty() && known.len() <= MOST).map(|known| (*seed, known))
}

fn entry(bytes: &[u8; 21]) -> Option<Known> {
    let (number, rest) = bytes.split_first()?;
    let (tokens, rest) = rest.split_first_chunk::<4>()?;
    let (nanos, horizon) = rest.split_first_chunk::<8>()?;
    Some(Known {
        number: *number,
        rate: Rate::new(u32::from_le_bytes(*tokens), u64::from_le_bytes(*nanos))?,
        horizon: u64::from_le_bytes(*horizon.first_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use portcullis_kit::SharedData;
    use portcullis_kit::testing::TestHost;

    use super::*;

    /// A rate in lowest terms.
    fn rate(seconds: u32) -> Rate {
        Rate::new(1, u64::from(seconds) * 1_000_000_000).unwrap()
    }

    fn quota(seconds: u32) -> Quota {
        Quota::new(rate(seconds), 1).unwrap()
    }

    #[test]
    fn all_users_agree_on_seed_and_numbers() {
        let mut host = TestHost::default();
        let (first, number) = Rates::shared("a", &quota(10), &mut host);
        let (mut second, other) = Rates::shared("a", &quota(20), &mut host);
        assert_eq!((first.seed(), number, other), (second.seed(), 0, 1));
        assert_eq!(Rates::shared("a", &quota(10), &mut host).1, 0);
        assert_eq!(second.of(0, &mut host), Some(rate(10)));
        let mut first = first;
        assert_eq!(first.of(1, &mut host), Some(rate(20)), "it looks again");
        assert_eq!(first.of(2, &mut host), None);
    }

    #[test]
    fn old_rates_are_forgotten_and_numbers_go_round() {
        let mut host = TestHost::default();
        let numbers: Vec<_> = (1..200).map(|it| Rates::shared("a", &quota(it), &mut host).1).collect();
        assert_eq!((numbers[127], numbers[128], numbers[198]), (127, 0, 70));
        let (mut rates, newest) = Rates::shared("a", &quota(199), &mut host);
        assert_eq!(rates.of(newest, &mut host), Some(rate(199)));
        assert_eq!(rates.of(numbers[198 - MOST], &mut host), None);
    }

    #[test]
    fn a_rate_that_comes_back_is_not_forgotten_while_it_is_used() {
        let mut host = TestHost::default();
        for it in 1..=17 {
            Rates::shared("a", &quota(it), &mut host);
        }
        let (mut rates, number) = Rates::shared("a", &quota(2), &mut host);
        Rates::shared("a", &quota(100), &mut host);
        assert_eq!(rates.of(number, &mut host), Some(rate(2)));
        let mut latest = Rates::shared("a", &quota(101), &mut host).0;
        assert_eq!(latest.of(number, &mut host), Some(rate(2)));
    }

    #[test]
    fn a_race_to_be_first_has_one_winner() {
        let mut host = TestHost::default();
        let mut winner = Rates::alone(&quota(10), &mut host).0;
        winner.seed = [1; 16];
        // Another worker writes between our look and our write.
        host.meanwhile.push_back(("a".to_owned(), winner.encode()));
        let (rates, number) = Rates::shared("a", &quota(20), &mut host);
        assert_eq!((rates.seed(), number), (&[1; 16], 1));
    }

    #[test]
    fn the_largest_burst_of_a_rate_says_how_far_buckets_reach() {
        let mut host = TestHost::default();
        let large = Quota::new(rate(10), 100).unwrap();
        let mut small = Rates::shared("a", &quota(10), &mut host).0;
        assert_eq!(Rates::shared("a", &large, &mut host).1, 0);
        assert_eq!(Rates::shared("a", &quota(10), &mut host).1, 0);
        assert_eq!(small.horizon(&mut host), large.horizon());
    }

    #[test]
    fn garbage_is_written_over() {
        let mut host = TestHost::default();
        let _ = host.set_shared("a", b"garbage", 0);
        let (mut rates, number) = Rates::shared("a", &quota(10), &mut host);
        assert_eq!((number, rates.of(0, &mut host)), (0, Some(rate(10))));
        assert_eq!(decode(&[&LAYOUT[..], &[0; 16], &[0; 21]].concat()), None, "a rate of zero");
    }
}
