//! What has a bucket of its own.

use portcullis_kit::ConfigError;
use portcullis_kit::parts::{Missing, Part, PartConfig, Request, Unclear};

/// Where a key's bucket is in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash {
    pub(crate) set: u64,
    /// Never 0. Keys of one set that have it in common, one pair in four billions, share a bucket.
    pub(crate) fingerprint: u32,
}

/// More of a part is not kept: a client can send very long ones.
const LONGEST: usize = 1024;

/// A hash of a key, with a secret seed: two keys have the same one as good as never.
pub(crate) type LongHash = u128;

/// The parts of a key.
#[derive(Debug, Default)]
pub(crate) struct Key {
    parts: Vec<KeyPart>,
}

#[derive(Debug)]
struct KeyPart {
    part: Part,
    missing: Missing,
    /// What the rate limit service calls it.
    name: String,
}

/// The key of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has one: its parts, in order.
    Parts(Vec<Vec<u8>>),
    /// The limit does not apply to it.
    Skipped,
    /// It has none, and may not pass.
    Denied,
}

impl Key {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The key of a request. Of parts that are longer than a kibibyte the beginning counts.
    ///
    /// # Errors
    /// A part is something that others may read differently.
    pub(crate) fn of(&self, request: &mut Request<'_>) -> Result<Found, Unclear> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for KeyPart { part, missing, .. } in &self.parts {
            match (part.of(request)?, missing) {
                (Some(value), _) => {
                    let mut value = value.into_owned();
                    value.truncate(LONGEST);
                    parts.push(value);
                }
                (None, Missing::Default(text)) => parts.push(text.clone().into_bytes()),
                (None, Missing::Skip) => return Ok(Found::Skipped),
                (None, Missing::Deny) => return Ok(Found::Denied),
            }
        }
        Ok(Found::Parts(parts))
    }

    /// What the rate limit service calls the parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// Checks the names that the rate limit service has for the parts.
    pub(crate) fn check_names(&self) -> Result<(), ConfigError> {
        for (index, name) in self.names().enumerate() {
            let fail = |problem| Err(ConfigError::at(format!("[{index}].as"), problem));
            if name.is_empty() {
                return fail("empty; write what the service calls the part".to_owned());
            }
            if self.names().take(index).any(|other| other == name) {
                return fail(format!(
                    "the service would know two parts as {name:?}; write another name for one"
                ));
            }
        }
        Ok(())
    }

    /// What tells this key from one of other parts: buckets of the one are not those of the other.
    pub(crate) fn identity(&self) -> String {
        format!("{:?}", self.parts.iter().map(|part| &part.part).collect::<Vec<_>>())
    }

    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        self.parts.iter().any(|part| part.part.reads_headers())
    }

    /// Checks the parts of a key.
    pub(crate) fn new(config: Vec<PartConfig>) -> Result<Self, ConfigError> {
        let parts = config.into_iter().enumerate().map(|(index, mut part)| {
            let missing = part.missing.take().unwrap_or(Missing::Default(String::new()));
            let name = part.name.take();
            let part = Part::new(part).map_err(|error| error.under(&format!("[{index}]")))?;
            Ok(KeyPart { name: name.unwrap_or_else(|| part.name().to_owned()), part, missing })
        });
        Ok(Self { parts: parts.collect::<Result<_, ConfigError>>()? })
    }
}

/// One text of the parts, from which they can be told: it is what a table hashes.
pub(crate) fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        let key = |a: &str, b: &str| joined(&[a.as_bytes().to_vec(), b.as_bytes().to_vec()]);
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("", "a"), key("a", ""));
    }
}
