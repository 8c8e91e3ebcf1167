//! What a checkpoint says, as the text that is signed (C2SP signed-note and tlog-checkpoint).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
}

impl Checkpoint {
    /// The root as it is written: in base64.
    pub fn root_text(&self) -> String {
        STANDARD.encode(self.root)
    }

    /// The text of its note, with its last newline, without signatures.
    pub fn text(&self, chain: &str) -> String {
        format!("{}\n{}\n{}\n", origin(chain), self.size, self.root_text())
    }
}

/// The origin of the notes of a chain, which its MAC keys are derived by as well.
pub(crate) fn origin(chain: &str) -> String {
    format!("{ORIGIN}{chain}")
}
