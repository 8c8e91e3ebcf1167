//! The path as rules compare it.

use std::borrow::Cow;

/// A path without its query, every escape decoded once (RFC 3986 section 2.1): `/%61dmin` is `/admin`.
///
/// `None` where a proxy and a server may read it differently: an escape that is broken, hides another escape, a `/` or a control
/// character; bytes that are not UTF-8; `\`, `;`, `//`; a segment that is `.` or `..` or has outer spaces.
pub(super) fn decode(target: &[u8]) -> Option<Cow<'_, str>> {
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let decoded = match path.contains(&b'%') {
        false => Cow::Borrowed(std::str::from_utf8(path).ok()?),
        true => Cow::Owned(String::from_utf8(unescape_all(path)?).ok()?),
    };
    is_unambiguous(&decoded).then_some(decoded)
}

fn unescape_all(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => (escaped(rest).filter(|byte| *byte != b'/')?, after.get(2..)?),
            byte => (*byte, after),
        };
        decoded.push(byte);
        rest = after;
    }
    Some(decoded)
}

fn is_unambiguous(path: &str) -> bool {
    // Some servers cut parameters off a segment before they look at it: `/admin;x/` is `/admin/` to them.
    let suspect = |c: char| c.is_control() || matches!(c, '\\' | ';');
    let plain = |segment: &str| segment.trim() == segment && !matches!(segment, "." | "..");
    !path.contains(suspect)
        && !path.contains("//")
        && path.split('/').all(plain)
        && !path.as_bytes().windows(3).any(|text| escaped(text).is_some())
}

/// The byte that the escape at the start of this text stands for.
pub fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}
