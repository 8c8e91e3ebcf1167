//! Attributes of spans and of resources.

pub(crate) use portcullis_proto::common::{number, string};

/// The longest value of an attribute.
pub(crate) const LONGEST_VALUE: usize = 1024;

/// Bytes from the wire as text, at most 1024 of them.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes.get(..LONGEST_VALUE).unwrap_or(bytes)).into_owned();
    text.truncate(text.floor_char_boundary(LONGEST_VALUE));
    text
}
