use hashbrown::HashMap;
use portcullis_kit::ConfigError;
use serde_json::{Map, Value};

use crate::key::Key;
use crate::{Algorithm, Jws, JwtError};

/// How many keys are tried for one token that does not name its key.
const MAX_CANDIDATES: usize = 4;
const MAX_KEYS: usize = 100;

/// Which key it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyId(pub(crate) [u8; 16]);

/// The keys of one issuer (RFC 7517 section 5).
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    by_id: HashMap<String, Vec<usize>>,
}

impl KeySet {
    /// Reads the `keys` of a JWK Set. Keys for other purposes and of unknown kinds are left out.
    ///
    /// # Errors
    /// A broken key by its index; too many keys; none left that verifies signatures.
    pub fn from_jwks(
        jwks: &[Map<String, Value>],
        allowed: Option<&[Algorithm]>,
    ) -> Result<Self, ConfigError> {
        if jwks.len() > MAX_KEYS {
            return Err(ConfigError::at("keys", format!("{} keys; at most {MAX_KEYS}", jwks.len())));
        }
        let mut set = Self { keys: Vec::new(), by_id: HashMap::new() };
        for (index, jwk) in jwks.iter().enumerate() {
            let key = Key::from_jwk(jwk, allowed).map_err(|error| error.under(&format!("keys[{index}]")))?;
            // A key whose algorithm the provider does not allow would never be used.
            set.keys.extend(key.filter(|key| allowed.is_none_or(|allowed| allowed.contains(&key.algorithm))));
        }
        if set.keys.is_empty() {
            let problem = "no key that verifies signatures with an allowed algorithm; add one with use sig, or none, and a known kty";
            return Err(ConfigError::at("keys", problem));
        }
        for (index, key) in set.keys.iter().enumerate() {
            if let Some(id) = &key.key_id {
                set.by_id.entry(id.clone()).or_default().push(index);
            }
        }
        if let Some((id, _)) = set.by_id.iter().find(|(_, named)| named.len() > MAX_CANDIDATES) {
            let problem = format!("more than {MAX_CANDIDATES} keys with the kid {id:?}; name them apart");
            return Err(ConfigError::at("keys", problem));
        }
        Ok(set)
    }

    /// Checks the signature of a token with the key that it names, or with those that fit when it names none.
    ///
    /// # Errors
    /// [`KeyNotFound`](JwtError::KeyNotFound) and [`SignatureInvalid`](JwtError::SignatureInvalid).
    pub fn verify(&self, jws: &Jws<'_>) -> Result<(), JwtError> {
        let candidates = self.candidates(jws);
        if candidates.is_empty() || candidates.len() > MAX_CANDIDATES {
            return Err(JwtError::KeyNotFound);
        }
        match candidates.iter().any(|key| key.verifies(jws.signing_input, &jws.signature)) {
            true => Ok(()),
            false => Err(JwtError::SignatureInvalid),
        }
    }

    pub(crate) fn contains(&self, _: KeyId) -> bool {
        true
    }

    fn candidates(&self, jws: &Jws<'_>) -> Vec<&Key> {
        let fits = |key: &&Key| key.algorithm == jws.algorithm;
        match jws.key_id.as_ref().map(|id| self.by_id.get(id)) {
            None => self.keys.iter().filter(fits).collect(),
            Some(Some(named)) => {
                named.iter().filter_map(|index| self.keys.get(*index)).filter(fits).collect()
            }
            // A name that nobody has: only keys without one may be meant.
            Some(None) => self.keys.iter().filter(|key| key.key_id.is_none()).filter(fits).collect(),
        }
    }
}
