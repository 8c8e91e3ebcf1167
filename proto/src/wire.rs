//! Fields of messages, written one by one: for what would be many small pieces as a message of prost. Their numbers are below 16, which have one byte.

const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;

/// Appends a number as it stands in front of what has that length, or is it.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes that takes.
pub fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a field that is a number. Protobuf has the bits of a negative one as those of a large one.
pub fn int(number: u8, value: i64, out: &mut Vec<u8>) {
    out.push(number << 3 | VARINT);
    varint(value.cast_unsigned(), out);
}

/// Appends what stands in front of a field of this length.
pub fn head(number: u8, length: usize, out: &mut Vec<u8>) {
    out.push(number << 3 | LENGTH_DELIMITED);
    varint(length as u64, out);
}

/// Appends a field of bytes: a text, or a message that is written already.
pub fn bytes(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(number, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// How long a field is that has so many bytes.
pub fn field_len(bytes: usize) -> usize {
    1 + varint_len(bytes as u64) + bytes
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::common::any_value::Value;
    use crate::common::{AnyValue, InstrumentationScope};

    #[test]
    fn fields_are_those_of_prost() {
        for length in [0, 1, 127, 128, 300, 20_000] {
            let text = "x".repeat(length);
            let mut out = Vec::new();
            bytes(2, text.as_bytes(), &mut out);
            assert_eq!(out.len(), field_len(length));
            let message = InstrumentationScope::decode(&*out).unwrap();
            assert_eq!(message, InstrumentationScope { name: String::new(), version: text });
        }
        for value in [0, 1, -1, 127, 128, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            int(3, value, &mut out);
            assert_eq!(out.len(), 1 + varint_len(value.cast_unsigned()));
            assert_eq!(AnyValue::decode(&*out), Ok(AnyValue { value: Some(Value::IntValue(value)) }));
        }
    }
}
