//! Lower-case hexadecimal digits.

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = pairs();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler alone, which would say so")]
const fn pairs() -> [[u8; 2]; 256] {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
}

/// Appends the digits of some bytes.
pub fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len() * 2, b'0');
    if let Some(room) = out.get_mut(start..) {
        write(room, bytes);
    }
}

/// Writes the digits of some bytes into a place that is twice as long.
pub(crate) fn write(place: &mut [u8], bytes: &[u8]) {
    for (place, byte) in place.chunks_exact_mut(2).zip(bytes) {
        if let Some(digits) = PAIRS.get(usize::from(*byte)) {
            place.copy_from_slice(digits);
        }
    }
}

/// The digits of some bytes.
pub fn lower(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter_map(|byte| PAIRS.get(usize::from(*byte)))
        .flatten()
        .map(|digit| char::from(*digit))
        .collect()
}

/// Reads exactly as many bytes, in lower-case digits.
pub fn parse<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    // Whatever is no digit is 16 or more; it is looked for once, at the end.
    let mut all = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let (high, low) = (value(*high), value(*low));
        all |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (all < 16).then_some(bytes)
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = b"x".to_vec();
        push(&mut text, &all);
        assert_eq!(text, format!("x{}", lower(&all)).into_bytes());
        assert_eq!(lower(&all), all.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(parse::<256>(lower(&all).as_bytes()).unwrap().to_vec(), all);
    }

    #[test]
    fn only_lower_case_digits_of_the_right_number() {
        for bad in ["", "0", "000", "0g", "A0", "g0", "0x", " 0", "\u{fc}"] {
            assert_eq!(parse::<1>(bad.as_bytes()), None, "{bad}");
        }
    }
}
