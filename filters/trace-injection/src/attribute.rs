//! Attributes of spans and of resources.

use portcullis_proto::common::any_value::Value;
use portcullis_proto::common::{AnyValue, KeyValue};

/// The longest value of an attribute.
pub(crate) const LONGEST_VALUE: usize = 1024;

/// One with a text for a value.
pub(crate) fn string(key: &str, value: &str) -> KeyValue {
    let value = Value::StringValue(value.to_owned());
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

/// One with a number for a value.
pub(crate) fn number(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::IntValue(value)) }) }
}

/// Bytes from the wire as text, at most 1024 of them.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes.get(..LONGEST_VALUE).unwrap_or(bytes)).into_owned();
    text.truncate(text.floor_char_boundary(LONGEST_VALUE));
    text
}
