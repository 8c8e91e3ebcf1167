//! What the writers of a proxy tell each other: which chains there are, and how far each has come.
//!
//! A VM that traps takes its chain along, and nobody says so. Here each writer says every few seconds that it is there; of one that no longer does,
//! another one writes down how far it had come. One entry of the shared data holds them all.

use std::time::Duration;

use portcullis_audit_chain::hex;
use portcullis_kit::{Host, update_shared};

/// How long a writer may be silent.
const SILENCE: u64 = 10;
/// How many writers there may be.
const MOST: usize = 256;
const ENTRY: usize = 80;
const TRIES: u32 = 8;

/// A writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    chain: [u8; 16],
    /// The beginning of the digest of its configuration.
    config: [u8; 8],
    /// The number and the hash of its last record.
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 32],
    /// When it said so, and since when its oldest record waits, or 0; seconds since the epoch.
    pub(crate) seen: u64,
    pub(crate) oldest: u64,
}

impl Entry {
    /// What a writer says of itself; `None` for a chain that has no such name.
    pub(crate) fn new(
        chain: &str,
        config: [u8; 32],
        (sequence, hash): (u64, [u8; 32]),
        (seen, oldest): (u64, u64),
    ) -> Option<Self> {
        let config = *config.first_chunk()?;
        Some(Self { chain: hex::parse(chain.as_bytes())?, config, sequence, hash, seen, oldest })
    }

    /// Which chain it is.
    pub(crate) fn chain(&self) -> String {
        hex::lower(&self.chain)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (chain, rest) = bytes.split_first_chunk::<16>()?;
        let (config, rest) = rest.split_first_chunk::<8>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<32>()?;
        let (seen, rest) = rest.split_first_chunk::<8>()?;
        let oldest = rest.first_chunk::<8>()?;
        let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let (sequence, seen, oldest) = (number(sequence), number(seen), number(oldest));
        Some(Self { chain: *chain, config: *config, sequence, hash: *hash, seen, oldest })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.chain);
        out.extend_from_slice(&self.config);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(&self.seen.to_le_bytes());
        out.extend_from_slice(&self.oldest.to_le_bytes());
    }

    /// Whether it has been silent for too long. A clock that was set back makes nobody silent.
    fn is_gone(&self, now: u64) -> bool {
        now.saturating_sub(self.seen) > SILENCE
    }
}

/// The list of them, in the shared data.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    key: String,
}

impl Writers {
    /// How often each says that it is there.
    pub(crate) const PERIOD: Duration = Duration::from_secs(1);

    pub(crate) fn new(domain: &str) -> Self {
        Self { key: format!("portcullis/audit-log/{domain}/writers") }
    }

    /// Why there is a writer more, where there have been others before: one with the same configuration comes in the place of one whose VM has died.
    pub(crate) fn reason(&self, config: [u8; 32], host: &mut dyn Host) -> Option<&'static str> {
        let value = host.shared(&self.key).ok()??.value;
        let others: Vec<_> = value.chunks_exact(ENTRY).filter_map(Entry::read).collect();
        let is_same = others.iter().any(|entry| config.starts_with(&entry.config));
        (!others.is_empty()).then_some(if is_same { "restart" } else { "configuration" })
    }

    /// Says how far a writer has come. Those that are gone are taken off the list and returned: nobody else gets them. With them comes since
    /// when the oldest record of any writer waits.
    pub(crate) fn report(&self, entry: Entry, host: &mut dyn Host) -> (Vec<Entry>, Option<u64>) {
        let told = update_shared(host, &self.key, TRIES, |value| {
            let mut others = read(value, &entry.chain);
            let (gone, there): (Vec<_>, Vec<_>) = others.drain(..).partition(|it| it.is_gone(entry.seen));
            let oldest = there.iter().chain([&entry]).map(|it| it.oldest).filter(|oldest| *oldest > 0).min();
            (Some(written(there.iter().chain([&entry]))), (gone, oldest))
        });
        told.unwrap_or_default()
    }

    /// Takes a writer off the list that has come to its end.
    pub(crate) fn remove(&self, chain: &str, host: &mut dyn Host) {
        let Some(chain) = hex::parse::<16>(chain.as_bytes()) else { return };
        // Where that fails it looks abandoned, and its last record says that it is not.
        let _ = update_shared(host, &self.key, TRIES, |value| {
            let Some(value) = value else { return (None, ()) };
            (Some(written(read(Some(value), &chain).iter())), ())
        });
    }
}

/// All but this one.
fn read(value: Option<&[u8]>, but: &[u8; 16]) -> Vec<Entry> {
    let entries = value.unwrap_or_default().chunks_exact(ENTRY).filter_map(Entry::read);
    entries.filter(|entry| entry.chain != *but).take(MOST).collect()
}

fn written<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u8> {
    entries.fold(Vec::new(), |mut out, entry| {
        entry.write(&mut out);
        out
    })
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    fn entry(chain: u8, sequence: u64, seen: u64, oldest: u64) -> Entry {
        Entry::new(&hex::lower(&[chain; 16]), [chain; 32], (sequence, [chain; 32]), (seen, oldest)).unwrap()
    }

    #[test]
    fn who_is_silent_is_gone_and_one_hears_of_it() {
        let (writers, mut host) = (Writers::new("edge"), TestHost::default());
        assert_eq!(writers.reason([1; 32], &mut host), None);
        assert_eq!(writers.report(entry(1, 7, 100, 0), &mut host), (vec![], None));
        assert_eq!(writers.reason([1; 32], &mut host), Some("restart"));
        assert_eq!(writers.reason([2; 32], &mut host), Some("configuration"));
        assert_eq!(writers.report(entry(2, 3, 110, 108), &mut host), (vec![], Some(108)));
        assert_eq!(writers.report(entry(2, 4, 111, 0), &mut host), (vec![entry(1, 7, 100, 0)], None));
        assert_eq!(writers.report(entry(3, 0, 111, 0), &mut host), (vec![], None));
        // It has only been busy, and is back.
        assert_eq!(writers.report(entry(1, 9, 112, 99), &mut host), (vec![], Some(99)));
        assert_eq!(writers.report(entry(2, 5, 50, 0), &mut host), (vec![], Some(99)), "a clock set back");
    }

    #[test]
    fn who_has_ended_is_not_gone() {
        let (writers, mut host) = (Writers::new("edge"), TestHost::default());
        writers.report(entry(1, 7, 100, 0), &mut host);
        writers.remove(&entry(1, 7, 100, 0).chain(), &mut host);
        writers.remove("no chain", &mut host);
        assert_eq!(writers.report(entry(2, 3, 200, 0), &mut host), (vec![], None));
    }

    #[test]
    fn without_shared_data_nobody_is_known() {
        let (writers, mut host) = (Writers::new("edge"), TestHost::default());
        host.storeless = true;
        assert_eq!(writers.report(entry(1, 7, 100, 0), &mut host), (vec![], None));
        assert_eq!(writers.reason([1; 32], &mut host), None);
    }
}
