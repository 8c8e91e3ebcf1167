//! What a checkpoint says, as the text that is signed (C2SP signed-note and tlog-checkpoint).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hex;
use crate::merkle::Hash;

/// Of whom all our trees are, in the first line of a note.
const ORIGIN: &str = "portcullis.audit/";

/// A chain at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many records it has.
    pub size: u64,
    /// The root of the tree whose leaves are their hashes.
    pub root: Hash,
    /// The hash of the last of them, which leads back to all before it; zeros if there is none.
    pub last: Hash,
}

impl Checkpoint {
    /// The root as it is written: in base64.
    pub fn root_text(&self) -> String {
        STANDARD.encode(self.root)
    }

    /// The text of its note, with its last newline, without signatures. Behind the root is the one extension line that we have: the hash of the last
    /// record, which can be compared also where records are missing and the root cannot be computed.
    pub fn text(&self, chain: &str) -> String {
        format!("{}\n{}\n{}\n{}\n", origin(chain), self.size, self.root_text(), hex::lower(&self.last))
    }
}

/// The origin of the notes of a chain, which its MAC keys are derived by as well.
pub(crate) fn origin(chain: &str) -> String {
    format!("{ORIGIN}{chain}")
}
