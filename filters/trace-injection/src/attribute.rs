//! Attributes of spans and of resources.

use std::borrow::Cow;

pub(crate) use portcullis_proto::common::string;
use portcullis_proto::wire::{bytes, field_len, head, int, varint_len};

/// The longest value of an attribute.
pub(crate) const LONGEST_VALUE: usize = 1024;

/// The fields of the messages: `Span.attributes`, those of `KeyValue`, those of `AnyValue` and that of `ArrayValue`.
const ATTRIBUTES: u8 = 9;
const KEY: u8 = 1;
const VALUE: u8 = 2;
const STRING: u8 = 1;
const INT: u8 = 3;
const ARRAY: u8 = 5;
const VALUES: u8 = 1;

/// The attributes of a span, as they stand in its message: a request has a dozen of them, each of which would be three allocations.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    encoded: Vec<u8>,
}

impl Attributes {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { encoded: Vec::with_capacity(bytes) }
    }

    /// One that is a text.
    pub(crate) fn string(&mut self, key: &str, value: &str) {
        self.begin(key, field_len(value.len()));
        bytes(STRING, value.as_bytes(), &mut self.encoded);
    }

    /// One that is a number.
    pub(crate) fn number(&mut self, key: &str, value: i64) {
        self.begin(key, 1 + varint_len(value.cast_unsigned()));
        int(INT, value, &mut self.encoded);
    }

    /// One that is a list of texts.
    pub(crate) fn strings(&mut self, key: &str, values: &[Cow<'_, str>]) {
        let list = values.iter().map(|value| field_len(field_len(value.len()))).sum();
        self.begin(key, field_len(list));
        head(ARRAY, list, &mut self.encoded);
        for value in values {
            head(VALUES, field_len(value.len()), &mut self.encoded);
            bytes(STRING, value.as_bytes(), &mut self.encoded);
        }
    }

    /// What stands in the message.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Everything up to the value, whose message has this length.
    fn begin(&mut self, key: &str, value: usize) {
        head(ATTRIBUTES, field_len(key.len()) + field_len(value), &mut self.encoded);
        bytes(KEY, key.as_bytes(), &mut self.encoded);
        head(VALUE, value, &mut self.encoded);
    }
}

/// Bytes from the wire as text, at most 1024 of them.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes.get(..LONGEST_VALUE).unwrap_or(bytes)) {
        Cow::Owned(mut text) => {
            text.truncate(text.floor_char_boundary(LONGEST_VALUE));
            Cow::Owned(text)
        }
        borrowed => borrowed,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_proto::common::any_value::Value;
    use portcullis_proto::common::{AnyValue, ArrayValue, KeyValue, number};
    use portcullis_proto::trace::Span;
    use prost::Message;

    use super::*;

    #[test]
    fn they_are_those_of_a_span() {
        let long = "x".repeat(300);
        let numbers = [0, 1, 127, 128, -1, i64::MIN, i64::MAX];
        let lists = [vec![], vec![""], vec!["a", &long], vec![&long; 80]];
        let mut attributes = Attributes::default();
        let mut span = Span::default();
        for value in ["", "a", &long] {
            attributes.string("a.text", value);
            span.attributes.push(string("a.text", value));
        }
        for value in numbers {
            attributes.number(&long, value);
            span.attributes.push(number(&long, value));
        }
        for list in lists {
            attributes.strings("", &list.iter().copied().map(Cow::Borrowed).collect::<Vec<_>>());
            let any = |value| Some(AnyValue { value: Some(value) });
            let values = list.into_iter().filter_map(|it| any(Value::StringValue(it.to_owned()))).collect();
            let value = any(Value::ArrayValue(ArrayValue { values }));
            span.attributes.push(KeyValue { key: String::new(), value });
        }
        assert_eq!(Span::decode(attributes.encoded()), Ok(span));
    }

    #[test]
    fn a_text_ends_where_a_character_does() {
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text(&[b'a'; 2000]).len(), LONGEST_VALUE);
        assert!(text(&[0xff; 2000]).len() <= LONGEST_VALUE);
        let cut = format!("{}\u{e9}", "a".repeat(LONGEST_VALUE - 1));
        assert_eq!(text(cut.as_bytes()), "a".repeat(LONGEST_VALUE - 1));
    }
}
