//! Keys for tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_chain::{KeyError, NoteKey, hex};

/// 32 bytes in base64.
pub(crate) const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The signing key of this name whose seed is this byte, all over.
pub(crate) fn signing_key(name: &str, seed: u8) -> String {
    let key = STANDARD.encode([&[1], [seed; 32].as_slice()].concat());
    let with = |id: &str| format!("PRIVATE+KEY+{name}+{id}+{key}");
    match NoteKey::parse(&with("00000000")) {
        Err(KeyError::Id { expected }) => with(&hex::lower(&expected)),
        other => panic!("{other:?}"),
    }
}
