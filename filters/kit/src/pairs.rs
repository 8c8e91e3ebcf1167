//! The byte form of a header map on its way between a proxy and a module.
//!
//! Little-endian `u32` count; per pair a `u32` name length and a `u32` value length; then per pair the name,
//! a NUL, the value, a NUL. (proxy-wasm ABI 0.2.1, "Serialization"; the lengths are 32-bit, as every host
//! writes them.)

use std::ops::Range;

/// Where one name and one value stand in an encoded block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Byte range of the name.
    pub name: Range<usize>,
    /// Byte range of the value.
    pub value: Range<usize>,
}

/// Encodes name-value pairs. No pairs give the count alone: four zero bytes.
pub fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let payload: usize = pairs.iter().map(|(n, v)| n.as_ref().len() + v.as_ref().len() + 10).sum();
    let mut block = Vec::with_capacity(payload + 4);
    block.extend(length(pairs.len()));
    for (name, value) in pairs {
        block.extend(length(name.as_ref().len()));
        block.extend(length(value.as_ref().len()));
    }
    for (name, value) in pairs {
        block.extend_from_slice(name.as_ref());
        block.push(0);
        block.extend_from_slice(value.as_ref());
        block.push(0);
    }
    block
}

/// Finds the pairs of an encoded block without copying them. An empty block holds no pairs.
///
/// # Errors
/// `None` when a length points past the end, a NUL is missing, or bytes are left over.
pub fn decode(block: &[u8]) -> Option<Vec<Field>> {
    if block.is_empty() {
        return Some(Vec::new());
    }
    let count = read_length(block, 0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    // The table of lengths must fit before anything is allocated for it.
    block.get(..at)?;
    let mut spans = Vec::with_capacity(count);
    for index in 0..count {
        let name = field(block, &mut at, read_length(block, 4 + index * 8)?)?;
        let value = field(block, &mut at, read_length(block, 8 + index * 8)?)?;
        spans.push(Field { name, value });
    }
    (at == block.len()).then_some(spans)
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn read_length(block: &[u8], at: usize) -> Option<usize> {
    let bytes = block.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn field(block: &[u8], at: &mut usize, length: usize) -> Option<Range<usize>> {
    let end = at.checked_add(length)?;
    let range = *at..end;
    *at = end.checked_add(1)?;
    (block.get(end)? == &0).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_decodes_to_what_was_encoded() {
        let block = encode(&[("a", "1"), ("", ""), ("name", "va\0lue")]);
        let spans = decode(&block).unwrap();
        let found: Vec<_> = spans.iter().map(|s| (&block[s.name.clone()], &block[s.value.clone()])).collect();
        assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"", b""), (b"name", b"va\0lue")]);
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_refused() {
        let block = encode(&[("a", "1"), ("bc", "23")]);
        for end in 1..block.len() {
            assert_eq!(decode(&block[..end]), None, "cut at {end}");
        }
        let longer = [block.as_slice(), b"\0"].concat();
        assert_eq!(decode(&longer), None);
    }

    #[test]
    fn lengths_that_point_nowhere_are_refused() {
        assert_eq!(decode(&[255, 255, 255, 255]), None);
        assert_eq!(decode(&[1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0]), None);
    }
}
