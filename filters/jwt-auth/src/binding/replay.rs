//! The proofs that have been used (RFC 9449 section 11.1), remembered by all workers together.
//!
//! Shared data has no delete and no expiry, so the memory is a fixed number of slots, and each write of a slot leaves out what has
//! expired in it. A slot is [`MAGIC`] and then entries of 16 bytes: 12 of the fingerprint, 4 of the second (big-endian) from which
//! on the proof is too old anyway. Whatever else is found there, nobody can say which proofs it has displaced: then the slot
//! refuses every proof until those are too old as well.

use std::time::Duration;

use portcullis_kit::{CREATE, Datum, SharedData, UnixTime, WriteError};
use sha2::{Digest, Sha256};

use super::Thumbprint;
use super::config::{MAX_AGE, MAX_SKEW};
use crate::JwtError;

/// How many entries a slot has: 1 KiB is read and written for a proof.
pub(super) const SLOT_ENTRIES: u32 = 64;
const MAGIC: &[u8] = b"dpr1";
const FINGERPRINT: usize = 12;
const ENTRY: usize = FINGERPRINT + 4;
/// How often a write is tried when other workers are faster.
const ATTEMPTS: usize = 16;
/// The fingerprint of no proof: while it is there, the slot refuses.
const CLOSED: [u8; FINGERPRINT] = [0; FINGERPRINT];

/// The memory of used proofs.
#[derive(Debug)]
pub(super) struct ReplayCache {
    slots: u32,
    window: Duration,
}

/// A proof as it is remembered, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    fingerprint: [u8; FINGERPRINT],
    place: u32,
    expires: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    fingerprint: [u8; FINGERPRINT],
    expires: u32,
}

/// What to write, and what to say once it is written.
struct Step {
    value: Vec<u8>,
    cas: u32,
    verdict: Result<(), JwtError>,
}

impl Proof {
    /// A proof by its key and its `jti`, remembered until after the last moment at which it is fresh. `None` beyond 2106, where the
    /// seconds no longer fit.
    pub(super) fn new(key: &Thumbprint, jti: &str, fresh_until: UnixTime) -> Option<Self> {
        let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update(jti).finalize().into();
        let (fingerprint, rest) = digest.split_first_chunk()?;
        let place = u32::from_be_bytes(*rest.first_chunk()?);
        let expires = u32::try_from(fresh_until.as_secs()).ok()?.checked_add(1)?;
        Some(Self { fingerprint: *fingerprint, place, expires })
    }
}

impl ReplayCache {
    /// `window`: the longest time between the first and the last moment at which a proof is accepted.
    pub(super) const fn new(entries: u32, window: Duration) -> Self {
        Self { slots: entries / SLOT_ENTRIES, window }
    }

    /// Remembers a proof. Of all workers that ask, one at most is told that it is new.
    ///
    /// # Errors
    /// [`DpopReplayed`](JwtError::DpopReplayed); [`DpopReplayUnchecked`](JwtError::DpopReplayUnchecked) when the slot is full or in
    /// disorder, when others are always faster, and when the host refuses.
    pub(super) fn admit(
        &self,
        proof: &Proof,
        now: UnixTime,
        store: &mut (impl SharedData + ?Sized),
    ) -> Result<(), JwtError> {
        let key = self.key(proof);
        for _ in 0..ATTEMPTS {
            let found = store.shared(&key).map_err(|_| JwtError::DpopReplayUnchecked)?;
            let step = self.step(proof, now, found)?;
            match store.set_shared(&key, &step.value, step.cas) {
                Ok(()) => return step.verdict,
                Err(WriteError::Conflict) => {}
                Err(WriteError::Host(_)) => return Err(JwtError::DpopReplayUnchecked),
            }
        }
        Err(JwtError::DpopReplayUnchecked)
    }

    fn key(&self, proof: &Proof) -> String {
        format!("portcullis/jwt-auth/dpop/{}", proof.place.checked_rem(self.slots).unwrap_or(0))
    }

    /// What becomes of a slot in which a proof is looked for.
    fn step(&self, proof: &Proof, now: UnixTime, found: Option<Datum>) -> Result<Step, JwtError> {
        let cas = found.as_ref().map_or(CREATE, |datum| datum.cas);
        let entries = match &found {
            None => Some(Vec::new()),
            Some(datum) => read(&datum.value, now),
        };
        let Some(mut entries) = entries else {
            let expires = now.saturating_add(self.window).as_secs().saturating_add(1);
            let closed = Entry { fingerprint: CLOSED, expires: u32::try_from(expires).unwrap_or(u32::MAX) };
            return Ok(Step { value: write(&[closed]), cas, verdict: Err(JwtError::DpopReplayUnchecked) });
        };
        entries.retain(|entry| now.as_secs() < u64::from(entry.expires));
        let has = |fingerprint| entries.iter().any(|entry| entry.fingerprint == fingerprint);
        if has(proof.fingerprint) {
            return Err(JwtError::DpopReplayed);
        }
        if has(CLOSED) || entries.len() >= SLOT_ENTRIES as usize {
            return Err(JwtError::DpopReplayUnchecked);
        }
        entries.push(Entry { fingerprint: proof.fingerprint, expires: proof.expires });
        Ok(Step { value: write(&entries), cas, verdict: Ok(()) })
    }
}

/// The entries of a slot. `None` for what no worker of ours has written: another form, too many, or one that would stay for
/// longer than any configuration allows.
fn read(value: &[u8], now: UnixTime) -> Option<Vec<Entry>> {
    let (entries, []) = value.strip_prefix(MAGIC)?.as_chunks::<ENTRY>() else { return None };
    let horizon = now.saturating_add(MAX_AGE.0).saturating_add(MAX_SKEW.0).as_secs().saturating_add(1);
    let parse = |entry: &[u8; ENTRY]| {
        let (fingerprint, expires) = entry.split_first_chunk()?;
        let expires = u32::from_be_bytes(*expires.first_chunk()?);
        (u64::from(expires) <= horizon).then_some(Entry { fingerprint: *fingerprint, expires })
    };
    (entries.len() <= SLOT_ENTRIES as usize).then(|| entries.iter().map(parse).collect())?
}

fn write(entries: &[Entry]) -> Vec<u8> {
    let entries =
        entries.iter().flat_map(|entry| [&entry.fingerprint[..], &entry.expires.to_be_bytes()].concat());
    MAGIC.iter().copied().chain(entries).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::HostError;
    use portcullis_kit::testing::TestHost;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const NOW: UnixTime = UnixTime::from_secs(1000);
    const SLOT: &str = "portcullis/jwt-auth/dpop/0";

    fn cache() -> ReplayCache {
        ReplayCache::new(SLOT_ENTRIES, Duration::from_secs(65))
    }

    fn proof(jti: &str, fresh_until: u64) -> Proof {
        Proof::new(&[7; 32], jti, UnixTime::from_secs(fresh_until)).unwrap()
    }

    fn garbage(value: &[u8]) -> TestHost {
        let mut host = TestHost::default();
        host.shared.insert(SLOT.into(), Datum { value: value.to_vec(), cas: 9 });
        host
    }

    #[test]
    fn a_proof_is_new_once_until_it_is_too_old() {
        let (mut host, proof) = (TestHost::default(), proof("a", 1060));
        assert_eq!(cache().admit(&proof, NOW, &mut host), Ok(()));
        for second in [1000, 1060] {
            let now = UnixTime::from_secs(second);
            assert_eq!(cache().admit(&proof, now, &mut host), Err(JwtError::DpopReplayed));
        }
        assert_eq!(cache().admit(&proof, UnixTime::from_secs(1061), &mut host), Ok(()));
    }

    #[test]
    fn keys_and_jtis_are_told_apart() {
        let mut host = TestHost::default();
        for proof in [proof("a", 1060), proof("b", 1060), Proof::new(&[8; 32], "a", NOW).unwrap()] {
            assert_eq!(cache().admit(&proof, NOW, &mut host), Ok(()));
        }
    }

    #[test]
    fn a_full_slot_refuses_until_something_expires() {
        let mut host = TestHost::default();
        for index in 0..SLOT_ENTRIES {
            let proof = proof(&index.to_string(), 1060 + u64::from(index));
            assert_eq!(cache().admit(&proof, NOW, &mut host), Ok(()));
        }
        let before = host.shared.clone();
        let late = proof("late", 1130);
        assert_eq!(cache().admit(&late, NOW, &mut host), Err(JwtError::DpopReplayUnchecked));
        assert_eq!(host.shared, before);
        assert_eq!(cache().admit(&late, UnixTime::from_secs(1061), &mut host), Ok(()));
        assert_eq!(host.shared[SLOT].value.len(), MAGIC.len() + 64 * ENTRY);
    }

    #[test]
    fn half_of_the_entries_fit_wherever_they_fall() {
        let (mut host, cache) = (TestHost::default(), ReplayCache::new(65_536, Duration::from_secs(65)));
        for index in 0..65_536 / 2 {
            assert_eq!(cache.admit(&proof(&index.to_string(), 1060), NOW, &mut host), Ok(()), "{index}");
        }
    }

    #[test]
    fn the_number_of_keys_is_fixed() {
        let (mut host, cache) =
            (TestHost::default(), ReplayCache::new(4 * SLOT_ENTRIES + 63, Duration::ZERO));
        for index in 0..100 {
            cache.admit(&proof(&index.to_string(), 1060), NOW, &mut host).unwrap();
        }
        let keys: Vec<_> = host.shared.keys().map(String::as_str).collect();
        assert_eq!(keys, [0, 1, 2, 3].map(|slot| format!("portcullis/jwt-auth/dpop/{slot}")));
    }

    #[test]
    fn what_we_have_not_written_closes_the_slot_for_one_window() {
        let too_many = write(&vec![Entry { fingerprint: [1; 12], expires: 1010 }; 65]);
        let too_long = write(&[Entry { fingerprint: [1; 12], expires: 1662 }]);
        let cut = [MAGIC, &[1; 15]].concat();
        for value in [&b""[..], b"dpr0", b"hello", &cut, &too_many, &too_long] {
            let (mut host, proof) = (garbage(value), proof("a", 1200));
            for second in [1000, 1065] {
                let result = cache().admit(&proof, UnixTime::from_secs(second), &mut host);
                assert_eq!(result, Err(JwtError::DpopReplayUnchecked), "{value:?} at {second}");
            }
            assert_eq!(cache().admit(&proof, UnixTime::from_secs(1066), &mut host), Ok(()), "{value:?}");
        }
    }

    #[test]
    fn conflicts_are_retried_and_not_for_ever() {
        let mut host = TestHost::default();
        host.conflicts = ATTEMPTS as u32 - 1;
        assert_eq!(cache().admit(&proof("a", 1060), NOW, &mut host), Ok(()));
        host.conflicts = ATTEMPTS as u32;
        assert_eq!(cache().admit(&proof("b", 1060), NOW, &mut host), Err(JwtError::DpopReplayUnchecked));
    }

    #[test]
    fn a_host_that_refuses_admits_nobody() {
        struct Broken(Option<HostError>);
        impl SharedData for Broken {
            fn shared(&mut self, _: &str) -> Result<Option<Datum>, HostError> {
                self.0.map_or(Ok(None), Err)
            }

            fn set_shared(&mut self, _: &str, _: &[u8], _: u32) -> Result<(), WriteError> {
                Err(WriteError::Host(HostError(10)))
            }
        }
        for mut host in [Broken(None), Broken(Some(HostError(10)))] {
            assert_eq!(cache().admit(&proof("a", 1060), NOW, &mut host), Err(JwtError::DpopReplayUnchecked));
        }
    }

    #[test]
    fn beyond_2106_nothing_is_remembered_and_so_nothing_admitted() {
        assert!(Proof::new(&[7; 32], "a", UnixTime::from_secs(u64::from(u32::MAX) - 1)).is_some());
        assert!(Proof::new(&[7; 32], "a", UnixTime::from_secs(u64::from(u32::MAX))).is_none());
    }

    /// A worker in the middle of `admit`: every hostcall is a step of its own.
    #[derive(Default)]
    struct Worker {
        read: Option<Option<Datum>>,
        verdict: Option<Result<(), JwtError>>,
    }

    impl Worker {
        fn turn(&mut self, proof: &Proof, host: &mut TestHost) {
            let Some(found) = self.read.take() else {
                self.read = Some(host.shared(SLOT).unwrap());
                return;
            };
            match cache().step(proof, NOW, found) {
                Err(error) => self.verdict = Some(Err(error)),
                Ok(step) if host.set_shared(SLOT, &step.value, step.cas).is_ok() => {
                    self.verdict = Some(step.verdict);
                }
                Ok(_) => {}
            }
        }
    }

    proptest! {
        #[test]
        fn however_workers_interleave_each_proof_is_accepted_once(turns in vec(0_usize..6, 0..60)) {
            // Three workers have one proof, two another, the last a third; the slot does not exist yet.
            let proofs = ["a", "a", "a", "b", "b", "c"].map(|jti| proof(jti, 1060));
            let (mut host, mut workers) = (TestHost::default(), [(); 6].map(|()| Worker::default()));
            // In the end everybody comes to a verdict.
            for index in turns.into_iter().chain((0..6).cycle().take(6 * 2 * 6)) {
                if workers[index].verdict.is_none() {
                    workers[index].turn(&proofs[index], &mut host);
                }
            }
            let accepted = |range: std::ops::Range<usize>| workers[range].iter().filter(|w| w.verdict == Some(Ok(()))).count();
            prop_assert_eq!((accepted(0..3), accepted(3..5), accepted(5..6)), (1, 1, 1));
            prop_assert!(workers.iter().all(|worker| worker.verdict.is_some()));
            prop_assert_eq!(read(&host.shared[SLOT].value, NOW).unwrap().len(), 3);
        }

        #[test]
        fn no_bytes_in_a_slot_admit_a_proof_twice(value in vec(any::<u8>(), 0..200), magic: bool) {
            let value = if magic { [MAGIC, &value].concat() } else { value };
            let (mut host, proof) = (garbage(&value), proof("a", 1060));
            let first = cache().admit(&proof, NOW, &mut host);
            let second = cache().admit(&proof, NOW, &mut host);
            prop_assert!(second.is_err() && host.shared[SLOT].value.len() <= MAGIC.len() + 64 * ENTRY, "{first:?}");
        }

        #[test]
        fn slots_read_as_they_were_written(entries in vec((any::<[u8; 12]>(), 0_u32..1662), 0..64)) {
            let entries: Vec<_> =
                entries.into_iter().map(|(fingerprint, expires)| Entry { fingerprint, expires }).collect();
            prop_assert_eq!(read(&write(&entries), NOW), Some(entries));
        }
    }
}
