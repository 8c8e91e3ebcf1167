//! Signed notes (C2SP signed-note).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::problem::Problem;
use super::uid::Uid;
use crate::checkpoint::{Checkpoint, origin};
use crate::hex;
use crate::keys::{VerifierKey, is_name};

/// Who has signed a note.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signers {
    /// Those whose keys are known, and whose signatures are right.
    pub(crate) known: Vec<String>,
    /// Names and key ids of the others.
    pub(crate) others: Vec<String>,
}

/// Verifies a note that should have this text.
pub(crate) fn verify(note: &str, text: &str, keys: &[VerifierKey]) -> Result<Signers, Problem> {
    let lines = note.strip_prefix(text).and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'));
    let lines = lines.ok_or(Problem::Note { why: "says something else than the checkpoint" })?;
    let mut signers = Signers { known: Vec::new(), others: Vec::new() };
    for line in lines.split('\n') {
        let line = Line::parse(line).ok_or(Problem::Note { why: "has a line that is no signature" })?;
        let told = format!("{}+{}", line.name, hex::lower(&line.id));
        let Some(key) = keys.iter().find(|key| key.name == line.name && key.id == line.id) else {
            signers.others.push(told);
            continue;
        };
        if !line.is_by(key, text) {
            return Err(Problem::WrongSignature { key: told });
        }
        signers.known.push(key.name.clone());
    }
    Ok(signers)
}

/// Who has signed a note, as it says itself.
pub(crate) fn claimed(note: &str) -> Vec<String> {
    let told = |line: Line<'_>| format!("{}+{}", line.name, hex::lower(&line.id));
    note.lines().filter_map(Line::parse).map(told).collect()
}

struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(rest).ok()?;
        let (id, signature) = bytes.split_at_checked(4)?;
        let is_signature = is_name(name) && !signature.is_empty();
        is_signature.then_some(Self { name, id: id.try_into().ok()?, signature: signature.to_owned() })
    }

    fn is_by(&self, key: &VerifierKey, text: &str) -> bool {
        let signature = ed25519_compact::Signature::from_slice(&self.signature);
        signature.is_ok_and(|signature| key.key.verify(text, &signature).is_ok())
    }
}

/// What a note speaks of, and its text.
pub(crate) fn read(note: &str) -> Option<(Uid, Checkpoint)> {
    let mut lines = note.lines();
    let (first, size, root, last) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
    let chain = Uid::parse(first.strip_prefix(&origin(""))?.as_bytes())?;
    let checkpoint =
        Checkpoint { size: size.parse().ok()?, root: root_of(root)?, last: hex::parse(last.as_bytes())? };
    // Whatever is written otherwise than it would be written is not what was signed.
    note.starts_with(&checkpoint.text(&chain.to_string())).then_some((chain, checkpoint))
}

/// Reads the root of a tree.
pub(crate) fn root_of(text: &str) -> Option<crate::merkle::Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
