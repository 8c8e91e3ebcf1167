//! What the log says of itself.

use portcullis_audit_chain::hex;

use super::VERSION;
use super::json::Object;

/// What the log says of itself.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// The first record of each chain.
    Genesis {
        /// The SHA-256 of the configuration.
        config: [u8; 32],
        node: &'a Node,
        /// The name of the key that signs checkpoints.
        key: Option<&'a str>,
        previous_chain: Option<&'a str>,
        reason: &'static str,
    },
    /// How many records there are, and a digest of them.
    Checkpoint { root: &'a str, size: u64, signature: &'a portcullis_audit_chain::Signature },
    /// Records that nobody gets.
    Loss(Loss),
    /// The last record of a chain.
    Stop { reason: &'static str },
    /// The chain of another writer has ended without one.
    Abandoned { chain: &'a str, hash: &'a [u8; 32], sequence: u64 },
}

/// Records that nobody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) reason: &'static str,
    pub(crate) count: u64,
    /// When the first and the last request was; milliseconds since the epoch.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The numbers of the first and the last of the records where they had some, and how many there are from one to the other.
    pub(crate) sequences: Option<(u64, u64)>,
    /// The hash of the record before the first of them.
    pub(crate) previous: Option<[u8; 32]>,
    /// How often it has been told.
    pub(crate) told: u8,
}

/// The proxy that writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) cluster: String,
    pub(crate) pod: String,
    pub(crate) namespace: String,
}

impl Notice<'_> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Genesis { .. } => "genesis",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Loss(_) => "loss",
            Self::Stop { .. } => "stop",
            Self::Abandoned { .. } => "abandoned",
        }
    }

    /// Its number among the activities of OCSF's Event Log Activity, and its name where it has none there.
    pub(super) fn activity(&self) -> (u64, Option<&'static str>) {
        match self {
            Self::Genesis { .. } => (6, None),
            Self::Stop { .. } => (7, None),
            Self::Checkpoint { .. } => (99, Some("Checkpoint")),
            Self::Loss(_) => (99, Some("Loss")),
            Self::Abandoned { .. } => (99, Some("Abandoned")),
        }
    }

    /// The object `audit`.
    pub(super) fn write(&self, audit: &mut Object<'_>) {
        match self {
            Self::Genesis { config, node, key, previous_chain, reason } => {
                audit.text("config", &hex::lower(config));
                audit.text("filter", "audit-log");
                audit.some_text("key", key.unwrap_or_default());
                audit.text("kind", self.kind());
                audit.object("node", |it| {
                    it.some_text("cluster", &node.cluster);
                    it.some_text("id", &node.id);
                    it.some_text("namespace", &node.namespace);
                    it.some_text("pod", &node.pod);
                });
                audit.some_text("previous_chain", previous_chain.unwrap_or_default());
                audit.text("reason", reason);
                audit.text("version", VERSION);
            }
            Self::Checkpoint { root, size, signature } => checkpoint(audit, root, *size, signature),
            Self::Loss(Loss { reason, sequences, previous, .. }) => {
                audit.some_number("first_sequence", sequences.map(|(first, _)| first));
                audit.text("kind", self.kind());
                audit.some_number("last_sequence", sequences.map(|(_, last)| last));
                audit.some_text("previous", &previous.map(|hash| hex::lower(&hash)).unwrap_or_default());
                audit.text("reason", reason);
            }
            Self::Stop { reason } => {
                audit.text("kind", self.kind());
                audit.text("reason", reason);
            }
            Self::Abandoned { chain, hash, sequence } => {
                audit.text("chain", chain);
                audit.text("hash", &hex::lower(*hash));
                audit.text("kind", self.kind());
                audit.number("sequence", *sequence);
            }
        }
    }
}

fn checkpoint(audit: &mut Object<'_>, root: &str, size: u64, signature: &portcullis_audit_chain::Signature) {
    use portcullis_audit_chain::Signature;
    if let Signature::Mac { epoch, .. } = signature {
        audit.number("epoch", *epoch);
    }
    audit.text("kind", "checkpoint");
    match signature {
        Signature::Mac { mac, .. } => audit.text("mac", &hex::lower(mac)),
        Signature::Note(note) => audit.text("note", note),
        Signature::Unsigned => {}
    }
    audit.text("root", root);
    audit.number("size", size);
}
