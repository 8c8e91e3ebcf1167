//! Where a record says to which chain it belongs: the two forms, and how they are written.

use crate::canonical;

/// How a record says to which chain it belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A member `integrity`, the neighbour of `audit`.
    #[default]
    Member,
    /// The profile `record_integrity` of OCSF: a member `attestation_list` of the record.
    RecordIntegrity,
}

/// The digits of a hash.
pub(crate) type Digits = [u8; 64];

/// The record before: none for the first one.
pub(crate) struct Before<'a> {
    pub(crate) hash: &'a Digits,
    /// Its sequence, if it exists.
    pub(crate) sequence: Option<u64>,
}

/// What is around the digits of a hash that a record has of itself, the comma before the member included.
const MEMBER: (&[u8], &[u8]) = (b",\"hash\":\"", b"\"");
const FINGERPRINT: (&[u8], &[u8]) =
    (b",\"fingerprint\":{\"algorithm_id\":3,\"encoding_id\":1,\"serialization_id\":2,\"value\":\"", b"\"}");

impl Form {
    /// What is around the digits of the hash, the comma before the member included.
    pub(crate) fn around(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Member => MEMBER,
            Self::RecordIntegrity => FINGERPRINT,
        }
    }

    /// Appends what comes before the hash.
    pub(crate) fn head(self, out: &mut Vec<u8>, uid: &str, authority: &str) {
        match self {
            Self::Member => out.extend_from_slice(b",\"integrity\":{\"chain\":\""),
            Self::RecordIntegrity => {
                out.extend_from_slice(b"\"attestation_list\":[{\"authority_uid\":");
                canonical::string(out, authority);
                out.extend_from_slice(b",\"chain_uid\":\"");
            }
        }
        out.extend_from_slice(uid.as_bytes());
        out.push(b'"');
    }

    /// Appends the member that is not part of what it is a hash of. The digits begin at the offset that comes back.
    pub(crate) fn hash(self, out: &mut Vec<u8>, digits: &Digits) -> usize {
        let (before, after) = self.around();
        out.extend_from_slice(before);
        let start = out.len();
        out.extend_from_slice(digits);
        out.extend_from_slice(after);
        start
    }

    /// Appends what comes behind the hash.
    pub(crate) fn tail(self, out: &mut Vec<u8>, uid: &str, before: Before<'_>) {
        match self {
            Self::Member => {
                out.extend_from_slice(b",\"previous\":\"");
                out.extend_from_slice(before.hash);
                out.extend_from_slice(b"\",\"sequence\":");
                canonical::integer(out, before.sequence.map_or(0, |sequence| sequence + 1));
                out.push(b'}');
            }
            Self::RecordIntegrity => {
                if let Some(sequence) = before.sequence {
                    let (fingerprint, after) = FINGERPRINT;
                    out.extend_from_slice(b",\"prev_event\":{");
                    // As above, but as the first member.
                    out.extend_from_slice(fingerprint.strip_prefix(b",").unwrap_or_default());
                    out.extend_from_slice(before.hash);
                    out.extend_from_slice(after);
                    out.extend_from_slice(b",\"uid\":\"");
                    id(out, uid, sequence);
                    out.extend_from_slice(b"\"}");
                }
                out.extend_from_slice(b"}],");
            }
        }
    }
}

/// Appends the id of a record.
pub(crate) fn id(out: &mut Vec<u8>, uid: &str, sequence: u64) {
    out.extend_from_slice(uid.as_bytes());
    out.push(b'-');
    canonical::integer(out, sequence);
}
