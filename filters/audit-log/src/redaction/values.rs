//! Single values: what they are called, and what stands for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use portcullis_kit::ConfigError;
use portcullis_kit::rules::{escaped, is_token};
use sha2::Sha256;

/// The schemes of credentials that are shown (IANA's registry of HTTP authentication schemes): a word that is none may be the secret itself.
const SCHEMES: [&str; 9] =
    ["Basic", "Bearer", "Digest", "DPoP", "GNAP", "HOBA", "Mutual", "Negotiate", "SCRAM-SHA-256"];
/// The shortest key for [`hmac`], in bytes.
const SHORTEST_KEY: usize = 16;

/// Names of headers in lower case.
pub(super) fn header_names(member: &str, names: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let checked = names.into_iter().enumerate().map(|(index, name)| match is_token(&name) {
        true => Ok(name.to_ascii_lowercase()),
        false => {
            let problem = format!("{name:?} is no header name; write one such as x-env");
            Err(ConfigError::at(format!("{member}[{index}]"), problem))
        }
    });
    checked.collect()
}

/// The key of [`hmac`]. It is a secret: no message repeats it.
pub(super) fn key(text: &str) -> Result<Vec<u8>, ConfigError> {
    let remedy = "write at least 16 random bytes in base64, as from openssl rand -base64 32";
    let key =
        STANDARD.decode(text.trim()).map_err(|_| ConfigError::at("key", format!("not base64; {remedy}")))?;
    match key.len() >= SHORTEST_KEY {
        true => Ok(key),
        false => Err(ConfigError::at("key", format!("{} bytes; {remedy}", key.len()))),
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub(super) fn hmac(key: &[u8], value: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(value);
            mac.finalize().into_bytes().into()
        }
        // HMAC takes keys of every length.
        Err(_) => [0; 32],
    }
}

/// The scheme of credentials, where it is a known one with something behind it.
pub(super) fn scheme(value: &[u8]) -> Option<&'static str> {
    let (first, rest) = split(value, b' ');
    rest?;
    SCHEMES.into_iter().find(|scheme| first.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// Whether a text looks like the name of a parameter or a cookie, and not like what may be a secret.
pub(super) fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]%+$:".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_part)
}

/// Both sides of the first such byte; what is behind it is `None` where there is none.
pub(super) fn split(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next())
}

/// Whether a name as it was written is this one, its escapes decoded.
pub(super) fn reads_as(written: &str, name: &str) -> bool {
    if written == name {
        return true;
    }
    let mut decoded = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, escaped(rest)) {
            (b'+', _) => (b' ', after),
            (_, Some(byte)) => (byte, after.get(2..).unwrap_or_default()),
            (byte, None) => (*byte, after),
        };
        decoded.push(byte);
        rest = after;
    }
    decoded == name.as_bytes()
}
