use std::sync::Arc;

use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::{Algorithm, Jws, JwtError};

/// A token, taken apart once. Nothing in it is to be believed before its signature has been checked.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    /// Lower case, without `application/`.
    pub(crate) typ: Option<String>,
    /// The members of the header.
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Arc<Claims>,
}

impl Token {
    /// Reads the form and the types of the registered claims.
    pub(crate) fn new(jws: &mut Jws<'_>) -> Result<Self, JwtError> {
        Ok(Self {
            claims: Arc::new(Claims::new(jws.claims()?)?),
            algorithm: jws.algorithm,
            key_id: jws.key_id.clone(),
            typ: jws.typ.clone(),
            header: std::mem::take(&mut jws.header),
        })
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn footprint(&self) -> usize {
        members(&self.header) + members(self.claims.members())
    }
}

/// What one value of a map or list takes beside its text: the value itself and its share of a node.
const NODE: usize = 64;
/// The first node of a map has room for several members.
const LEAF: usize = 320;

/// About how many bytes of memory these take.
pub(crate) fn members(members: &Map<String, Value>) -> usize {
    let node = if members.is_empty() { 0 } else { LEAF };
    node + members.iter().map(|(name, value)| name.len() + NODE + footprint(value)).sum::<usize>()
}

fn footprint(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|item| NODE + footprint(item)).sum(),
        Value::Object(object) => members(object),
        _ => 0,
    }
}
