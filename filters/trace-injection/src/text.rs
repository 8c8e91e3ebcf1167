//! Pieces of header values: blanks and digits.

/// Without optional whitespace around it (RFC 9110 section 5.6.3).
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// What stands before the first `=`, and what behind it.
pub(crate) fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = text.split_at_checked(text.iter().position(|byte| *byte == b'=')?)?;
    Some((name, value.get(1..)?))
}

/// Bytes from exactly as many lower-case hexadecimal digits as they have.
pub(crate) fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

/// A number from 1 to 16 lower-case hexadecimal digits.
pub(crate) fn hex_number(digits: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| Some((number << 4) | u64::from(digit(*byte)?));
    (1..=16).contains(&digits.len()).then(|| digits.iter().try_fold(0, digit)).flatten()
}

/// A number from decimal digits alone.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(hex_number(b"1f"), Some(31));
        assert_eq!(hex_number(b"ffffffffffffffff"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1x", b"18446744073709551616"] {
            assert_eq!((hex_number(bad), decimal(bad)), (None, None), "{bad:?}");
        }
    }
}
