use hashbrown::HashMap;
use portcullis_kit::{ConfigError, ForeignFunctions};
use serde_json::{Map, Value};

use super::{HostCrypto, Key, KeyId};
use crate::{Algorithm, Jws, JwtError};

/// How many keys are tried for one token that does not name its key.
pub(crate) const MAX_CANDIDATES: usize = 4;
const MAX_KEYS: usize = 100;

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
        let mut keys = Vec::new();
        for (index, jwk) in jwks.iter().enumerate() {
            let key = Key::from_jwk(jwk, allowed).map_err(|error| error.under(&format!("keys[{index}]")))?;
            // A key whose algorithm the provider does not allow would never be used.
            keys.extend(key.filter(|key| allowed.is_none_or(|allowed| allowed.contains(&key.algorithm))));
        }
        if keys.is_empty() {
            let problem = "no key that verifies signatures with an allowed algorithm; add one with use sig, or none, and a known kty";
            return Err(ConfigError::at("keys", problem));
        }
        let set = Self::new(keys);
        if let Some((id, _)) = set.by_id.iter().find(|(_, named)| named.len() > MAX_CANDIDATES) {
            let problem = format!("more than {MAX_CANDIDATES} keys with the kid {id:?}; name them apart");
            return Err(ConfigError::at("keys", problem));
        }
        Ok(set)
    }

    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, key) in keys.iter().enumerate() {
            if let Some(id) = &key.key_id {
                by_id.entry(id.clone()).or_default().push(index);
            }
        }
        Self { keys, by_id }
    }

    /// Checks the signature of a token with the key that it names, or with those that fit when it names none, by the host
    /// where `crypto` trusts it. Says which key it was.
    ///
    /// # Errors
    /// [`KeyNotFound`](JwtError::KeyNotFound) and [`SignatureInvalid`](JwtError::SignatureInvalid).
    pub fn verify(
        &self,
        jws: &Jws<'_>,
        crypto: &HostCrypto,
        host: &mut dyn ForeignFunctions,
    ) -> Result<KeyId, JwtError> {
        self.find(jws, |key| key.verifies_through((crypto, &mut *host), jws.signing_input, &jws.signature))
    }

    /// The same without a host.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_in_module(&self, jws: &Jws<'_>) -> Result<KeyId, JwtError> {
        self.find(jws, |key| key.verifies(jws.signing_input, &jws.signature))
    }

    /// Whether a key is in this set.
    pub fn contains(&self, key: KeyId) -> bool {
        self.keys.iter().any(|other| other.identity == key)
    }

    /// Whether there is a key for a token of this `kid` and `alg`. One without a name may be meant by any `kid`, and is no sign that
    /// this one is known.
    pub fn knows(&self, key_id: Option<&str>, algorithm: Algorithm) -> bool {
        let mut candidates = self.candidates(key_id, algorithm);
        candidates.any(|key| key_id.is_none() || key.key_id.as_deref() == key_id)
    }

    /// Whether there is a key that a token of this `kid` and `alg` may mean, by its name or for want of one.
    pub(crate) fn may_fit(&self, key_id: Option<&str>, algorithm: Algorithm) -> bool {
        self.candidates(key_id, algorithm).next().is_some()
    }

    /// Every `kid` of a key: the set may have it under several names.
    pub fn kids_of(&self, key: KeyId) -> impl Iterator<Item = &str> {
        self.keys
            .iter()
            .filter(move |other| other.identity == key)
            .filter_map(|other| other.key_id.as_deref())
    }

    fn find(&self, jws: &Jws<'_>, verifies: impl FnMut(&&Key) -> bool) -> Result<KeyId, JwtError> {
        let candidates = || self.candidates(jws.key_id.as_deref(), jws.algorithm);
        if !(1..=MAX_CANDIDATES).contains(&candidates().count()) {
            return Err(JwtError::KeyNotFound);
        }
        candidates().find(verifies).map(|key| key.identity).ok_or(JwtError::SignatureInvalid)
    }

    /// The keys that a token may mean.
    fn candidates(&self, key_id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let named = key_id.map(|id| self.by_id.get(id));
        let of_name = named.flatten().into_iter().flatten().filter_map(|index| self.keys.get(*index));
        let any = match named {
            None => self.keys.as_slice(),
            Some(_) => &[],
        };
        // A name that nobody has: only keys without one may be meant.
        let nameless = if named == Some(None) { self.keys.as_slice() } else { &[] };
        let nameless = nameless.iter().filter(|key| key.key_id.is_none());
        of_name.chain(any).chain(nameless).filter(move |key| key.algorithm == algorithm)
    }
}
