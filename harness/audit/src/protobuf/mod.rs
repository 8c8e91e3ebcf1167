//! Records as protobuf: `audit.proto` of portcullis-proto, from JSON and back again without losing a byte.

mod member;
mod members;
mod stream;

use portcullis_audit_chain::{canonical, hex};
use portcullis_proto::audit::Record;
use serde_json::{Map, Value};

use member::{Members, Object};
pub(crate) use stream::begins_stream;
pub use stream::{MessageReader, MessageWriter, StreamError};

/// The message for the JSON of a record, or for whatever else a line may hold: [`to_json`] makes the same bytes of it again.
pub fn from_json(json: &[u8]) -> Record {
    typed(json).unwrap_or_else(|| Record { json: Some(json.to_vec()), ..Record::default() })
}

/// The JSON for the message of a record.
///
/// # Errors
/// The message contradicts itself, which none of [`from_json`] does.
pub fn to_json(record: &Record) -> Result<Vec<u8>, ContradictionError> {
    if let Some(json) = &record.json {
        return if json.contains(&b'\n') { Err(ContradictionError::Lines) } else { Ok(json.clone()) };
    }
    let mut members = Map::new();
    record.give(&mut members);
    if record.metadata.as_ref().is_some_and(|metadata| metadata.uid_of_chain) {
        let id = id(record).ok_or(ContradictionError::NoId)?;
        merge(&mut members, Map::from_iter([("metadata".into(), serde_json::json!({ "uid": id }))]))?;
    }
    if let Some(further) = &record.further_json {
        merge(&mut members, serde_json::from_slice(further).map_err(|_| ContradictionError::NoJson)?)?;
    }
    let mut json = Vec::with_capacity(2048);
    canonical::value(&mut json, &Value::Object(members));
    Ok(json)
}

/// Why a message is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContradictionError {
    /// A member stands in a field and in `further_json`.
    Twice(String),
    /// `further_json` is no object of JSON.
    NoJson,
    /// `uid_of_chain` is set, and there is no chain or no number.
    NoId,
    /// `json` has more than one line.
    Lines,
}

impl std::error::Error for ContradictionError {}

impl std::fmt::Display for ContradictionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(member) => write!(f, "{member} stands in a field and in further_json"),
            Self::NoJson => f.write_str("further_json is no object of JSON"),
            Self::NoId => f.write_str("uid_of_chain is set, and there is no chain or no sequence"),
            Self::Lines => f.write_str("json has more than one line"),
        }
    }
}

/// A message with fields; `None` where the same bytes would not come back.
fn typed(json: &[u8]) -> Option<Record> {
    let mut members: Members = serde_json::from_slice(json).ok()?;
    let mut record = Record::take(&mut members);
    if !members.is_empty() {
        let mut further = Vec::new();
        canonical::value(&mut further, &Value::Object(members));
        record.further_json = Some(further);
    }
    leave_out_id(&mut record);
    (to_json(&record).ok()? == json).then_some(record)
}

/// An id that is as usual needs no room.
fn leave_out_id(record: &mut Record) {
    let usual = id(record);
    let Some(metadata) = &mut record.metadata else { return };
    if usual.is_some() && metadata.uid == usual {
        metadata.uid = None;
        metadata.uid_of_chain = true;
    }
}

/// The id of a record by its chain and its number there.
fn id(record: &Record) -> Option<String> {
    let integrity = record.unmapped.as_ref().and_then(|unmapped| unmapped.integrity.as_ref());
    let attestation = record.attestation_list.first();
    let chain = match integrity {
        Some(integrity) => integrity.chain.as_ref(),
        None => attestation.and_then(|attestation| attestation.chain_uid.as_ref()),
    };
    let sequence = record.metadata.as_ref()?.sequence?;
    Some(format!("{}-{sequence}", hex::lower(chain?)))
}

/// Adds members, also to objects that are there.
fn merge(members: &mut Members, more: Members) -> Result<(), ContradictionError> {
    for (name, value) in more {
        match (members.get_mut(&name), value) {
            (None, value) => {
                members.insert(name, value);
            }
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more)?,
            (Some(_), _) => return Err(ContradictionError::Twice(name)),
        }
    }
    Ok(())
}
