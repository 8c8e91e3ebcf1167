//! A record as the verifier reads it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::scan::{Links, Scan, scan};
use super::uid::{Uid, parse_id};
use crate::integrity::Form;
use crate::json::{self, Wrong};
use crate::merkle::Hash;
use crate::{canonical, hex};

/// What the verifier needs of a record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) chain: Uid,
    pub(crate) sequence: u64,
    /// The hash that it says.
    pub(crate) hash: Hash,
    /// The hash of what it says. `None` where the member with the hash is not exactly what the writer writes: it is the one that no hash protects.
    pub(crate) computed: Option<Hash>,
    /// The hash of the record before it, as it says; zeros before the first.
    pub(crate) previous: Hash,
    /// Whether its id and its number are those of its place in the chain.
    pub(crate) is_itself: bool,
    /// The place that its id speaks of.
    pub(crate) named: Option<(Uid, u64)>,
    pub(crate) time: Option<i64>,
    pub(crate) count: Option<u64>,
    /// Whether somebody has rendered it anew since it was written.
    pub(crate) is_rendered_anew: bool,
    /// What kind of record, unless it is of a request.
    pub(crate) kind: Option<Kind>,
}

/// A kind of record that is not of a request.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) audit: Value,
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    NotJson(Wrong),
    /// What it has not.
    NotRecord(&'static str),
}

impl From<Wrong> for Unreadable {
    fn from(wrong: Wrong) -> Self {
        Self::NotJson(wrong)
    }
}

impl Record {
    /// Reads a record.
    ///
    /// As a rule the text is canonical, and the hash is that of its bytes. Otherwise it is brought into that form first.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let found = scan(text)?;
        let as_written = Self::of(text, &found);
        if found.is_sorted && as_written.as_ref().is_ok_and(Self::fits) {
            return as_written;
        }
        let mut anew = Vec::with_capacity(text.len());
        canonical::value(&mut anew, &json::parse(text)?);
        let record = Self::of(&anew, &scan(&anew)?)?;
        Ok(Self { is_rendered_anew: anew != text, ..record })
    }

    /// Whether it is as it was when its hash was made.
    pub(crate) fn fits(&self) -> bool {
        self.computed == Some(self.hash)
    }

    fn of(text: &[u8], found: &Scan<'_>) -> Result<Self, Unreadable> {
        use Unreadable::NotRecord;
        let links = found.links.as_ref().ok_or(NotRecord("a member `integrity` or `attestation_list`"))?;
        if found.is_ambiguous {
            return Err(NotRecord("one place alone that says to which chain it belongs"));
        }
        let chain = links.chain.and_then(Uid::parse).ok_or(NotRecord("the name of its chain, 32 digits"))?;
        let hash = links.hash.and_then(hex::parse).ok_or(NotRecord("its hash, 64 digits"))?;
        let sequence = match links.form {
            Form::Member => links.sequence,
            Form::RecordIntegrity => found.sequence,
        };
        let sequence = sequence.ok_or(NotRecord("its number in the chain"))?;
        let previous =
            previous(links, sequence).ok_or(NotRecord("the hash of the record before it, 64 digits"))?;
        let named = found.id.and_then(parse_id);
        let is_itself = named == Some((chain, sequence))
            && found.sequence == Some(sequence)
            && links
                .previous_id
                .is_none_or(|id| parse_id(id).map(|(of, before)| (of, before.saturating_add(1))) == named);
        let computed = digest(text, links);
        let kind = found.kind.map(|name| Kind::read(name, found.audit)).transpose()?;
        let Scan { time, count, .. } = *found;
        Ok(Self {
            chain,
            sequence,
            hash,
            computed,
            previous,
            is_itself,
            named,
            time,
            count,
            is_rendered_anew: false,
            kind,
        })
    }
}

fn previous(links: &Links<'_>, sequence: u64) -> Option<Hash> {
    match (links.form, links.previous) {
        (_, Some(digits)) => hex::parse(digits),
        (Form::RecordIntegrity, None) if sequence == 0 => Some([0; 32]),
        (_, None) => None,
    }
}

/// The hash of all but the member with the hash, if that is what the writer writes.
fn digest(text: &[u8], links: &Links<'_>) -> Option<Hash> {
    let (before, after) = links.form.around();
    let length = before.len() + 64 + after.len();
    let (head, rest) = text.split_at_checked(links.end.checked_sub(length)?)?;
    let (member, tail) = rest.split_at_checked(length)?;
    if !member.starts_with(before) || !member.ends_with(after) {
        return None;
    }
    let mut digest = Sha256::new();
    digest.update(head);
    digest.update(tail);
    Some(digest.finalize().into())
}

impl Kind {
    fn read(name: &[u8], audit: &[u8]) -> Result<Self, Wrong> {
        let name = String::from_utf8_lossy(name).into_owned();
        Ok(Self { name, audit: json::parse(audit)? })
    }

    /// A text of `audit`.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.audit.get(name)?.as_str()
    }

    /// A number of `audit`.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.audit.get(name)?.as_u64()
    }
}
