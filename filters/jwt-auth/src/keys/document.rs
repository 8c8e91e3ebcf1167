//! JWK Sets from an issuer. What one of its keys lacks must not take the others away (RFC 7517 section 5).

use portcullis_kit::{ConfigError, json};
use serde_json::{Map, Value};

use super::jwk::check_public;
use super::key_set::MAX_CANDIDATES;
use super::{Key, KeySet};
use crate::Algorithm;

/// The keys of a fetched document that are meant for signatures and cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub count: usize,
    /// What is wrong with the first of them; nothing of the key is in it.
    pub problem: Option<String>,
}

impl KeySet {
    /// Reads a JWK Set that somebody may have sent. Keys for other purposes and of unknown kinds are left out silently; broken
    /// keys, private keys and shared secrets are left out and counted: what anybody can fetch is no secret.
    ///
    /// # Errors
    /// What makes the whole document useless. Nothing of the document is in the text.
    pub fn from_document(
        document: &[u8],
        allowed: Option<&[Algorithm]>,
        max_keys: usize,
    ) -> Result<(Self, Skipped), String> {
        let members = json::parse_strict(document).map_err(|error| {
            format!("not JSON with each member once, at line {} column {}", error.line(), error.column())
        })?;
        let Some(Value::Array(keys)) = members.get("keys") else { return Err("no list `keys`".to_owned()) };
        if keys.len() > max_keys {
            return Err(format!("{} keys; at most {max_keys}", keys.len()));
        }
        let (mut usable, mut skipped): (Vec<Key>, _) = (Vec::new(), Skipped::default());
        for (index, jwk) in keys.iter().enumerate() {
            match read(jwk, allowed).and_then(|key| named_apart(key, &usable)) {
                Ok(key) => usable.extend(key),
                Err(error) => skipped.add(error.under(&format!("keys[{index}]"))),
            }
        }
        match usable.is_empty() {
            false => Ok((Self::new(usable), skipped)),
            true => Err(skipped.explain("no key that verifies signatures with an allowed algorithm")),
        }
    }
}

impl Skipped {
    fn add(&mut self, error: ConfigError) {
        self.count += 1;
        self.problem.get_or_insert_with(|| error.to_string());
    }

    fn explain(&self, what: &str) -> String {
        match &self.problem {
            None => what.to_owned(),
            Some(problem) => format!("{what}; {problem}"),
        }
    }
}

fn read(jwk: &Value, allowed: Option<&[Algorithm]>) -> Result<Option<Key>, ConfigError> {
    let Value::Object(jwk) = jwk else { return Err(ConfigError::at("", "not an object")) };
    check_fetched(jwk)?;
    let key = Key::from_jwk(jwk, allowed)?;
    Ok(key.filter(|key| allowed.is_none_or(|allowed| allowed.contains(&key.algorithm))))
}

fn check_fetched(jwk: &Map<String, Value>) -> Result<(), ConfigError> {
    check_public(jwk)?;
    match jwk.get("kty") {
        Some(key_type) if key_type == "oct" => {
            Err(ConfigError::at("k", "a shared secret in a public document"))
        }
        _ => Ok(()),
    }
}

/// One key too many of a name would be one try too many for each token.
fn named_apart(key: Option<Key>, before: &[Key]) -> Result<Option<Key>, ConfigError> {
    let id = key.as_ref().and_then(|key| key.key_id.as_ref());
    let namesakes = before.iter().filter(|other| id.is_some() && other.key_id.as_ref() == id).count();
    match namesakes < MAX_CANDIDATES {
        true => Ok(key),
        false => Err(ConfigError::at("kid", format!("more than {MAX_CANDIDATES} keys with this name"))),
    }
}
