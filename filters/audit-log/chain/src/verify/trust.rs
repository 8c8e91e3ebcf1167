//! Whether a checkpoint is vouched for.

use std::collections::BTreeSet;

use super::note;
use super::problem::Problem;
use super::record::Kind;
use super::uid::Uid;
use crate::checkpoint::Checkpoint;
use crate::hex;
use crate::keys::{MacKey, VerifierKey};
use crate::signer::{Epochs, Signature};

/// How many keys of MACs are passed over at once. Every missing checkpoint has had one.
const PASSED: u64 = 1 << 20;
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
    fn has_keys(&self) -> bool {
        !self.notes.is_empty() || !self.macs.is_empty()
    }
}

/// What vouches for the checkpoints of one chain.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    /// Whether the chain itself says that its checkpoints are signed.
    pub(crate) are_announced: bool,
    /// Whether checkpoints may be missing since the last one.
    pub(crate) has_hole: bool,
    /// Who has signed.
    pub(crate) names: BTreeSet<String>,
    /// One for each key that may still be the right one. `None` before the first MAC.
    epochs: Option<Vec<Epochs>>,
    told_unsigned: bool,
    told_key: bool,
}

/// What a checkpoint record says.
pub(crate) fn checkpoint(kind: &Kind) -> Result<(Checkpoint, Signature), Problem> {
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
    Ok((Checkpoint { size, root }, signature))
}

impl Signatures {
    /// Whether a key that was given vouches for a checkpoint.
    pub(crate) fn check(
        &mut self,
        chain: Uid,
        checkpoint: &Checkpoint,
        signature: &Signature,
        trust: &Trust,
    ) -> Result<bool, Problem> {
        let text = checkpoint.text(&chain.to_string());
        match signature {
            Signature::Unsigned => self.unsigned(trust),
            Signature::Note(note) => self.note(note, &text, trust),
            Signature::Mac { epoch, mac } => self.mac(chain, (*epoch, mac), &text, trust),
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
        let signers = note::verify(note, text, &trust.notes)?;
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
        trust: &Trust,
    ) -> Result<bool, Problem> {
        if trust.macs.is_empty() {
            return self.unknown(vec![MAC.to_owned()], trust);
        }
        let has_hole = std::mem::take(&mut self.has_hole);
        let epochs = self.epochs.get_or_insert_with(|| {
            trust.macs.iter().map(|master| Epochs::new(master, &chain.to_string())).collect()
        });
        let expected = epochs.first().map_or(0, Epochs::epoch);
        let can_pass = epoch >= expected && epoch - expected <= PASSED;
        if !can_pass {
            return Err(Problem::Epoch { expected, found: epoch });
        }
        epochs.iter_mut().for_each(|it| it.skip_to(epoch));
        let right: Vec<bool> = epochs.iter_mut().map(|it| it.next(text.as_bytes()).1 == *mac).collect();
        if epoch != expected && !has_hole {
            return Err(Problem::Epoch { expected, found: epoch });
        }
        if !right.contains(&true) {
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
