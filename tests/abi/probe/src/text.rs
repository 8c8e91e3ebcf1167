//! Bytes for the eyes, and pairs for the host.

use crate::host::Taken;

/// Longer values are logged by their start and their length.
const SHOWN: usize = 200;

/// The bytes in quotes, escaped where they are not plain ASCII.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { format!("... {} bytes", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", shown.escape_ascii())
}

/// The value of a hostcall; `null` where the host wrote a null pointer.
pub(crate) fn value(taken: &Taken) -> String {
    if taken.is_null { "null".to_owned() } else { quoted(&taken.bytes) }
}

/// Pairs that the host has serialized, those whose name starts with `prefix`; `null` as in [`value`].
pub(crate) fn pairs(taken: &Taken, prefix: &[u8]) -> String {
    if taken.is_null {
        return "null".to_owned();
    }
    let Some(pairs) = parse(&taken.bytes) else {
        return format!("malformed {}", quoted(&taken.bytes));
    };
    let shown = pairs.iter().filter(|(name, _)| name.starts_with(prefix));
    let shown: Vec<String> =
        shown.map(|(name, value)| format!("{}={}", name.escape_ascii(), quoted(value))).collect();
    format!("[{}]", shown.join(", "))
}

fn parse(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let (count, mut sizes) = number(bytes)?;
    let mut data = bytes.get(4 + count * 8..)?;
    let mut pairs = Vec::new();
    for _ in 0..count {
        let (name_size, after) = number(sizes)?;
        let (value_size, after) = number(after)?;
        sizes = after;
        let (name, after) = data.split_at_checked(name_size)?;
        let (value, after) = after.strip_prefix(b"\0")?.split_at_checked(value_size)?;
        data = after.strip_prefix(b"\0")?;
        pairs.push((name, value));
    }
    data.is_empty().then_some(pairs)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*first) as usize, rest))
}

/// Words as serialized pairs: `name=value`, `name#3=value` for `name0` to `name2`; `raw:...` instead of all that
/// for bytes as they are. No words are no bytes.
pub(crate) fn serialized<'a>(words: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut pairs = Vec::new();
    for word in words {
        if let Some(raw) = word.strip_prefix(b"raw:") {
            return expanded(raw);
        }
        let equals = word.iter().skip(1).position(|byte| *byte == b'=').map_or(word.len(), |at| at + 1);
        let (name, value) = (&word[..equals], word.get(equals + 1..).unwrap_or_default());
        match split_number(name) {
            Some((name, times)) => pairs.extend(
                (0..times).map(|turn| ([name, turn.to_string().as_bytes()].concat(), expanded(value))),
            ),
            None => pairs.push((name.to_vec(), expanded(value))),
        }
    }
    if pairs.is_empty() { Vec::new() } else { serialize(&pairs) }
}

fn serialize(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let size = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend([size(name), size(value)].concat());
    }
    for (name, value) in pairs {
        bytes.extend([name.as_slice(), b"\0", value, b"\0"].concat());
    }
    bytes
}

fn split_number(name: &[u8]) -> Option<(&[u8], u32)> {
    let at = name.iter().position(|byte| *byte == b'#')?;
    Some((&name[..at], std::str::from_utf8(&name[at + 1..]).ok()?.parse().ok()?))
}

/// `@1000` stands for a thousand bytes, `hex:ff00` for these two.
pub(crate) fn expanded(word: &[u8]) -> Vec<u8> {
    if let Some(digits) = word.strip_prefix(b"hex:") {
        let digit = |at: usize| (digits[at] as char).to_digit(16).unwrap_or_default() as u8;
        return (0..digits.len() / 2).map(|at| digit(2 * at) << 4 | digit(2 * at + 1)).collect();
    }
    let number = word.strip_prefix(b"@").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number.map_or_else(|| word.to_vec(), |size: usize| vec![b'a'; size])
}
