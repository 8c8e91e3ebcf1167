//! What the verifier needs of a record, found in one pass over its text.

use crate::integrity::Form;
use crate::json::{Cursor, DEPTH, Wrong};

use super::time;

/// What a record says of itself, as it is written; what it leaves out is empty or `None`.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    /// Whether all members are in order, so that none is there twice. Not told of names that are not plain ASCII.
    pub(crate) is_sorted: bool,
    /// `metadata.uid`, `event.id`.
    pub(crate) id: Option<&'a [u8]>,
    /// `metadata.sequence`, `event.sequence`.
    pub(crate) sequence: Option<u64>,
    /// `time`, `@timestamp`, in milliseconds.
    pub(crate) time: Option<i64>,
    /// `count`.
    pub(crate) count: Option<u64>,
    /// The object `audit`.
    pub(crate) audit: &'a [u8],
    /// Its member `kind`.
    pub(crate) kind: Option<&'a [u8]>,
    /// To which chain it says that it belongs.
    pub(crate) links: Option<Links<'a>>,
    /// Whether it says that more than once.
    pub(crate) is_ambiguous: bool,
}

/// To which chain a record says that it belongs.
#[derive(Debug, Default)]
pub(crate) struct Links<'a> {
    pub(crate) form: Form,
    pub(crate) chain: Option<&'a [u8]>,
    pub(crate) hash: Option<&'a [u8]>,
    pub(crate) previous: Option<&'a [u8]>,
    /// Its own, in [`Form::Member`].
    pub(crate) sequence: Option<u64>,
    /// OCSF's `prev_event.uid`.
    pub(crate) previous_id: Option<&'a [u8]>,
    /// Where the value of the member ends that the hash is not a hash of.
    pub(crate) end: usize,
}

/// Scans a whole record.
pub(crate) fn scan(text: &[u8]) -> Result<Scan<'_>, Wrong> {
    if let Err(error) = std::str::from_utf8(text) {
        // A text may have been cut within a character.
        let is_half = error.error_len().is_none();
        return Err(Cursor::new(if is_half { b"" } else { text }).wrong("it is not UTF-8"));
    }
    let mut cursor = Cursor::new(text);
    let mut found = Scan { is_sorted: true, ..Scan::default() };
    record(&mut cursor, &mut found)?;
    cursor.end()?;
    Ok(found)
}

fn record<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    cursor.peek()?;
    members(cursor, found, |cursor, found, name| {
        match name {
            b"time" => found.time = integer(cursor, found)?.and_then(|time| i64::try_from(time).ok()),
            b"@timestamp" => found.time = string(cursor, found)?.and_then(time::parse),
            b"count" => found.count = integer(cursor, found)?,
            b"metadata" | b"event" => about(cursor, found)?,
            b"unmapped" | b"portcullis" => ours(cursor, found)?,
            b"attestation_list" => attestations(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })
}

/// `metadata` of OCSF, `event` of ECS.
fn about<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    members(cursor, found, |cursor, found, name| {
        match name {
            b"uid" | b"id" => found.id = string(cursor, found)?,
            b"sequence" => found.sequence = integer(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })
}

/// `unmapped` of OCSF, `portcullis` of ECS.
fn ours<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    members(cursor, found, |cursor, found, name| {
        match name {
            b"audit" => audit(cursor, found)?,
            // ECS has no member of its own for it.
            b"count" => found.count = integer(cursor, found)?,
            b"integrity" => integrity(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })
}

fn audit<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    cursor.peek()?;
    let start = cursor.at();
    members(cursor, found, |cursor, found, name| {
        match name {
            b"kind" => found.kind = string(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })?;
    found.audit = cursor.span(start..cursor.at());
    Ok(())
}

fn integrity<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    let mut links = Links { form: Form::Member, ..Links::default() };
    members(cursor, found, |cursor, found, name| {
        match name {
            b"chain" => links.chain = string(cursor, found)?,
            b"hash" => {
                links.hash = string(cursor, found)?;
                links.end = cursor.at();
            }
            b"previous" => links.previous = string(cursor, found)?,
            b"sequence" => links.sequence = integer(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })?;
    found.is_ambiguous |= found.links.replace(links).is_some();
    Ok(())
}

fn attestations<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<(), Wrong> {
    if cursor.peek()? != b'[' {
        return pass(cursor, found, DEPTH);
    }
    cursor.array(|cursor| {
        let mut links = Links { form: Form::RecordIntegrity, ..Links::default() };
        members(cursor, found, |cursor, found, name| {
            match name {
                b"chain_uid" => links.chain = string(cursor, found)?,
                b"fingerprint" => {
                    links.hash = fingerprint(cursor, found)?;
                    links.end = cursor.at();
                }
                b"prev_event" => members(cursor, found, |cursor, found, name| {
                    match name {
                        b"fingerprint" => links.previous = fingerprint(cursor, found)?,
                        b"uid" => links.previous_id = string(cursor, found)?,
                        _ => pass(cursor, found, DEPTH)?,
                    }
                    Ok(())
                })?,
                _ => pass(cursor, found, DEPTH)?,
            }
            Ok(())
        })?;
        found.is_ambiguous |= found.links.replace(links).is_some();
        Ok(())
    })
}

fn fingerprint<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<Option<&'a [u8]>, Wrong> {
    let mut value = None;
    members(cursor, found, |cursor, found, name| {
        match name {
            b"value" => value = string(cursor, found)?,
            _ => pass(cursor, found, DEPTH)?,
        }
        Ok(())
    })?;
    Ok(value)
}

/// The members of an object; any other value is passed over.
fn members<'a>(
    cursor: &mut Cursor<'a>,
    found: &mut Scan<'a>,
    mut member: impl FnMut(&mut Cursor<'a>, &mut Scan<'a>, &'a [u8]) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    if cursor.peek()? != b'{' {
        return pass(cursor, found, DEPTH);
    }
    let mut before = None;
    cursor.object(|cursor, name| {
        found.is_sorted &= before.is_none_or(|before| before < name) && is_plain(name);
        before = Some(name);
        member(cursor, found, name)
    })
}

fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii() && *byte != b'\\')
}

/// Passes over a value.
fn pass<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>, depth: usize) -> Result<(), Wrong> {
    match cursor.peek()? {
        b'"' => cursor.string().map(drop),
        b'{' => {
            let depth = deeper(cursor, depth)?;
            members(cursor, found, |cursor, found, _| pass(cursor, found, depth))
        }
        b'[' => {
            let depth = deeper(cursor, depth)?;
            cursor.array(|cursor| pass(cursor, found, depth))
        }
        b't' | b'f' | b'n' => cursor.literal().map(drop),
        _ => cursor.number().map(drop),
    }
}

fn deeper(cursor: &Cursor<'_>, depth: usize) -> Result<usize, Wrong> {
    depth.checked_sub(1).ok_or_else(|| cursor.wrong("it is nested too deep"))
}

/// A string, as it is written.
fn string<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<Option<&'a [u8]>, Wrong> {
    match cursor.peek()? {
        b'"' => cursor.string().map(Some),
        _ => pass(cursor, found, DEPTH).map(|()| None),
    }
}

/// An integer that a double holds.
fn integer<'a>(cursor: &mut Cursor<'a>, found: &mut Scan<'a>) -> Result<Option<u64>, Wrong> {
    match cursor.peek()? {
        b'0'..=b'9' => cursor.number().map(exact),
        _ => pass(cursor, found, DEPTH).map(|()| None),
    }
}

fn exact(digits: &[u8]) -> Option<u64> {
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    (number < 1 << 53).then_some(number)
}
