//! What all users of a table have to agree on: the seed of its hash, and which rate each of its sets is kept by.

use portcullis_kit::{Host, WriteError};

use crate::Rate;
use crate::table::TRIES;

const LAYOUT: [u8; 4] = *b"PtR\x01";

/// How many former rates are remembered. Buckets of one that is forgotten keep their times.
const MOST: usize = 16;
/// Numbers of rates take seven bits.
const NUMBERS: u8 = 128;

/// Creates and never overwrites.
const CREATE: u32 = u32::MAX;

/// The seed and the rates of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// The entry in the shared data; empty for a table of one worker.
    entry: String,
    seed: [u8; 16],
    /// By number, the newest last.
    known: Vec<(u8, Rate)>,
}

impl Rates {
    /// Those of a table that nobody else uses, and the number of its rate.
    pub(crate) fn alone(rate: Rate, host: &mut dyn Host) -> (Self, u8) {
        let seed = host.random().unwrap_or_default();
        (Self { entry: String::new(), seed, known: vec![(0, rate)] }, 0)
    }

    /// Those of the table that all workers share, with this rate among them, and its number.
    pub(crate) fn shared(entry: &str, rate: Rate, host: &mut dyn Host) -> (Self, u8) {
        let (mut rates, _) = Self::alone(rate, host);
        rates.entry = entry.to_owned();
        for _ in 0..TRIES {
            match rates.agree(rate, host) {
                Ok(number) => return (rates, number),
                Err(WriteError::Conflict) => {}
                Err(WriteError::Host(_)) => break,
            }
        }
        (rates, 0)
    }

    fn agree(&mut self, rate: Rate, host: &mut dyn Host) -> Result<u8, WriteError> {
        let datum = host.shared(&self.entry).map_err(WriteError::Host)?;
        let cas = datum.as_ref().map_or(CREATE, |datum| datum.cas);
        if let Some((seed, known)) = datum.and_then(|datum| decode(&datum.value)) {
            (self.seed, self.known) = (seed, known);
            if let Some(number) = self.number(rate) {
                return Ok(number);
            }
            self.add(rate);
        }
        host.set_shared(&self.entry, &self.encode(), cas)?;
        Ok(self.number(rate).unwrap_or_default())
    }

    /// The seed of the hash.
    pub(crate) fn seed(&self) -> &[u8; 16] {
        &self.seed
    }

    /// The rate of this number; looks again at what all agree on, where it is not known yet.
    pub(crate) fn of(&mut self, number: u8, host: &mut dyn Host) -> Option<Rate> {
        if self.known(number).is_none() && !self.entry.is_empty() {
            let datum = host.shared(&self.entry).ok()??;
            self.known = decode(&datum.value)?.1;
        }
        self.known(number)
    }

    /// Goes on with the seed and the numbers of a table whose sets are taken over: the number of our rate among them.
    pub(crate) fn continued(&mut self, former: &Self, number: u8) -> u8 {
        let Some(ours) = self.known(number) else { return number };
        *self = former.clone();
        if self.number(ours).is_none() {
            self.add(ours);
        }
        self.number(ours).unwrap_or(number)
    }

    fn known(&self, number: u8) -> Option<Rate> {
        self.known.iter().rev().find(|(it, _)| *it == number).map(|(_, rate)| *rate)
    }

    fn number(&self, rate: Rate) -> Option<u8> {
        let same = |it: &Rate| it.parts() == rate.parts() && it.per_token() == rate.per_token();
        self.known.iter().rev().find(|(_, it)| same(it)).map(|(number, _)| *number)
    }

    fn add(&mut self, rate: Rate) {
        let newest = self.known.last().map_or(0, |(number, _)| number.wrapping_add(1) % NUMBERS);
        self.known.push((newest, rate));
        if self.known.len() > MOST {
            self.known.remove(0);
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = [&LAYOUT[..], &self.seed].concat();
        for (number, rate) in &self.known {
            bytes.push(*number);
            bytes.extend(rate.parts().to_le_bytes());
            bytes.extend(rate.per_token().to_le_bytes());
        }
        bytes
    }
}

type Agreed = ([u8; 16], Vec<(u8, Rate)>);

fn decode(bytes: &[u8]) -> Option<Agreed> {
    let (seed, rest) = bytes.strip_prefix(&LAYOUT)?.split_first_chunk::<16>()?;
    let (entries, rest) = rest.as_chunks::<13>();
    let known: Option<Vec<_>> = entries.iter().map(entry).collect();
    known.filter(|known| rest.is_empty() && known.len() <= MOST).map(|known| (*seed, known))
}

fn entry(bytes: &[u8; 13]) -> Option<(u8, Rate)> {
    let (number, rest) = bytes.split_first()?;
    let (tokens, nanos) = rest.split_first_chunk::<4>()?;
    let nanos = u64::from_le_bytes(*nanos.first_chunk::<8>()?);
    Some((*number, Rate::new(u32::from_le_bytes(*tokens), nanos)?))
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

    #[test]
    fn all_users_agree_on_seed_and_numbers() {
        let mut host = TestHost::default();
        let (first, number) = Rates::shared("a", rate(10), &mut host);
        let (mut second, other) = Rates::shared("a", rate(20), &mut host);
        assert_eq!((first.seed(), number, other), (second.seed(), 0, 1));
        assert_eq!(Rates::shared("a", rate(10), &mut host).1, 0);
        assert_eq!(second.of(0, &mut host), Some(rate(10)));
        let mut first = first;
        assert_eq!(first.of(1, &mut host), Some(rate(20)), "it looks again");
        assert_eq!(first.of(2, &mut host), None);
    }

    #[test]
    fn old_rates_are_forgotten_and_numbers_go_round() {
        let mut host = TestHost::default();
        let numbers: Vec<_> = (1..200).map(|it| Rates::shared("a", rate(it), &mut host).1).collect();
        assert_eq!((numbers[127], numbers[128], numbers[198]), (127, 0, 70));
        let (mut rates, newest) = Rates::shared("a", rate(199), &mut host);
        assert_eq!(rates.of(newest, &mut host), Some(rate(199)));
        assert_eq!(rates.of(numbers[198 - MOST], &mut host), None);
    }

    #[test]
    fn a_race_to_be_first_has_one_winner() {
        let mut host = TestHost::default();
        let mut winner = Rates::alone(rate(10), &mut host).0;
        winner.seed = [1; 16];
        // Another worker writes between our look and our write.
        host.meanwhile.push_back(("a".to_owned(), winner.encode()));
        let (rates, number) = Rates::shared("a", rate(20), &mut host);
        assert_eq!((rates.seed(), number), (&[1; 16], 1));
    }

    #[test]
    fn garbage_is_written_over() {
        let mut host = TestHost::default();
        let _ = host.set_shared("a", b"garbage", 0);
        let (mut rates, number) = Rates::shared("a", rate(10), &mut host);
        assert_eq!((number, rates.of(0, &mut host)), (0, Some(rate(10))));
        assert_eq!(decode(&[&LAYOUT[..], &[0; 16], &[0; 13]].concat()), None, "a rate of zero");
    }
}
