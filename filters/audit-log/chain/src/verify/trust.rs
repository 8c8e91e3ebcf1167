//! Whether a checkpoint is vouched for.

use std::collections::BTreeSet;

use super::note;
use super::problem::Problem;
use super::record::Kind;
use super::uid::Uid;
use crate::checkpoint::Checkpoint;
use crate::hex;
use crate::keys::{MacKey, VerifierKey};
use crate::merkle::Hash;
use crate::signer::{Epochs, Signature};

/// How many keys of MACs may be computed in vain. Whoever has no key can write checkpoints that skip as many as they like.
const IN_VAIN: u64 = 1 << 20;
/// How many names of signers of one chain are kept.
const NAMES: usize = 16;

/// What stands for the name of a key of MACs, which has none.
const MAC: &str = "MAC";

/// Which keys are trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Those of notes.
    pub notes: Vec<VerifierKey>,
    /// Those of MACs.
    pub macs: Vec<MacKey>,
    /// Whether each chain has to be vouched for by one of them.
    pub is_required: bool,
}

impl Trust {
    pub(crate) fn has_keys(&self) -> bool {
        !self.notes.is_empty() || !self.macs.is_empty()
    }
}

/// What vouches for the checkpoints of one chain.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    /// Whether the chain itself says that its checkpoints are signed.
    pub(crate) are_announced: bool,
    /// How many records have been missing so far, less the keys that were passed over: each of them may have been a checkpoint.
    pub(crate) missing: u64,
    /// Who has signed.
    pub(crate) names: BTreeSet<String>,
    /// One for each key that may still be the right one. `None` before the first MAC.
    epochs: Option<Vec<Epochs>>,
    told_unsigned: bool,
    told_key: bool,
    told_epoch: bool,
    /// Whether a MAC was wrong, so that no key is passed over any more.
    is_doubtful: bool,
}

/// What a checkpoint record says that follows a record with this hash.
pub(crate) fn checkpoint(kind: &Kind, last: Hash) -> Result<(Checkpoint, Signature), Problem> {
    use Problem::Incomplete;
    let size = kind.number("size").ok_or(Incomplete { missing: "the number of records" })?;
    let root = kind
        .text("root")
        .and_then(note::root_of)
        .ok_or(Incomplete { missing: "the root, 32 bytes in base64" })?;
    let signature = match (kind.text("note"), kind.text("mac")) {
        (Some(note), None) => Signature::Note(note.to_owned()),
        (None, Some(mac)) => Signature::Mac {
            epoch: kind.number("epoch").ok_or(Incomplete { missing: "the number of the key of its MAC" })?,
            mac: hex::parse(mac.as_bytes()).ok_or(Incomplete { missing: "a MAC of 64 digits" })?,
        },
        (None, None) => Signature::Unsigned,
        (Some(_), Some(_)) => return Err(Incomplete { missing: "one signature alone" }),
    };
    Ok((Checkpoint { size, root, last }, signature))
}

impl Signatures {
    /// Whether a key that was given vouches for a checkpoint. `in_vain` counts keys of MACs, for all chains.
    pub(crate) fn check(
        &mut self,
        chain: Uid,
        checkpoint: &Checkpoint,
        signature: &Signature,
        trust: &Trust,
        in_vain: &mut u64,
    ) -> Result<bool, Problem> {
        let text = checkpoint.text(&chain.to_string());
        match signature {
            Signature::Unsigned => self.unsigned(trust),
            Signature::Note(note) => self.note(note, &text, trust),
            Signature::Mac { epoch, mac } => {
                let room = IN_VAIN.saturating_sub(*in_vain).min(self.missing);
                let room = if self.is_doubtful || *epoch > checkpoint.size { 0 } else { room };
                let checked = self.mac(chain, (*epoch, mac), &text, (trust, room));
                if let Err(Problem::WrongMac { .. }) = checked {
                    *in_vain = in_vain.saturating_add(room.min(*epoch));
                }
                checked
            }
        }
    }

    fn unsigned(&mut self, trust: &Trust) -> Result<bool, Problem> {
        let is_wanted = self.are_announced || trust.has_keys();
        // Once is enough: it is the same for all of them.
        match is_wanted && !std::mem::replace(&mut self.told_unsigned, true) {
            true => Err(Problem::Unsigned),
            false => Ok(false),
        }
    }

    fn note(&mut self, note: &str, text: &str, trust: &Trust) -> Result<bool, Problem> {
        let signers = match note::verify(note, text, &trust.notes) {
            Ok(signers) => signers,
            Err(problem) => {
                note::claimed(note).into_iter().for_each(|name| self.name(name));
                return Err(problem);
            }
        };
        if signers.known.is_empty() {
            return self.unknown(signers.others, trust);
        }
        signers.known.into_iter().for_each(|name| self.name(name));
        Ok(true)
    }

    /// Signed with keys that were not given.
    fn unknown(&mut self, found: Vec<String>, trust: &Trust) -> Result<bool, Problem> {
        if !trust.has_keys() {
            found.into_iter().for_each(|name| self.name(name));
            return Ok(false);
        }
        match std::mem::replace(&mut self.told_key, true) {
            false => Err(Problem::WrongKey { found }),
            true => Ok(false),
        }
    }

    fn mac(
        &mut self,
        chain: Uid,
        (epoch, mac): (u64, &[u8; 32]),
        text: &str,
        (trust, room): (&Trust, u64),
    ) -> Result<bool, Problem> {
        if trust.macs.is_empty() {
            return self.unknown(vec![MAC.to_owned()], trust);
        }
        let epochs = self.epochs.get_or_insert_with(|| {
            trust.macs.iter().map(|master| Epochs::new(master, &chain.to_string())).collect()
        });
        let expected = epochs.first().map_or(0, Epochs::epoch);
        let Some(passed) = epoch.checked_sub(expected).filter(|passed| *passed <= room) else {
            self.is_doubtful = true;
            // Those that follow have the same fault.
            return match std::mem::replace(&mut self.told_epoch, true) {
                false => Err(Problem::Epoch { expected, found: epoch }),
                true => Ok(false),
            };
        };
        self.missing = self.missing.saturating_sub(passed);
        epochs.iter_mut().for_each(|it| it.skip_to(epoch));
        let right: Vec<bool> = epochs.iter_mut().map(|it| it.next(text.as_bytes()).1 == *mac).collect();
        if !right.contains(&true) {
            self.is_doubtful = true;
            return Err(Problem::WrongMac { epoch });
        }
        // From now on it is this key and no other.
        let mut right = right.into_iter();
        epochs.retain(|_| right.next().unwrap_or_default());
        self.name(MAC.to_owned());
        Ok(true)
    }

    fn name(&mut self, name: String) {
        if self.names.len() < NAMES {
            self.names.insert(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many keys were computed for a chain, whose checkpoints have MACs that are made up.
    fn computed(missing: u64, epochs: &[u64], in_vain: &mut u64) -> u64 {
        let Some(chain) = Uid::parse(&[b'0'; 32]) else { unreachable!() };
        let trust = Trust { macs: vec![MacKey::parse(&"05".repeat(32)).unwrap()], ..Trust::default() };
        let mut signatures = Signatures { missing, ..Signatures::default() };
        for epoch in epochs {
            let checkpoint = Checkpoint { size: 1 << 40, root: [0; 32], last: [0; 32] };
            let signature = Signature::Mac { epoch: *epoch, mac: [0; 32] };
            assert_ne!(signatures.check(chain, &checkpoint, &signature, &trust, in_vain), Ok(true));
        }
        signatures.epochs.iter().flatten().map(Epochs::epoch).sum()
    }

    #[test]
    fn nobody_without_a_key_has_many_computed() {
        for (missing, epochs, expected) in [
            (0, &[5, 1_000, 1 << 30][..], 0),
            (3, &[4, 3], 0),
            (3, &[3, 5, 900], 4),
            (0, &[0, 1, 2], 3),
            (1 << 50, &[(1 << 40) + 1], 0),
            (1 << 50, &[1 << 30], 0),
            (1 << 50, &[1_000, 100_000, 1 << 20], 1_001),
        ] {
            assert_eq!(computed(missing, epochs, &mut 0), expected, "{missing} {epochs:?}");
        }
        // Nor with many chains.
        let mut in_vain = 0;
        let sum: u64 = (0..100).map(|_| computed(1 << 50, &[1 << 18], &mut in_vain)).sum();
        assert_eq!(sum, 4 * ((1 << 18) + 1));
    }
}
