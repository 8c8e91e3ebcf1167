//! The path as rules see it: in normal form, or refused.

use std::borrow::Cow;

use crate::Headers;

/// The path of a request without its query.
pub(super) fn path(request: &Headers) -> Cow<'_, [u8]> {
    let target = request.first(":path").unwrap_or_default();
    unescaped(target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default())
}

/// A path without needless escapes: `/%61dmin` is `/admin` (RFC 3986 section 6.2.2.2).
fn unescaped(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let unreserved = escaped(rest).filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte));
        plain.push(unreserved.unwrap_or(*first));
        rest = if unreserved.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(plain)
}

/// The byte that the escape at the start of this text stands for.
pub fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// Whether a request can have this path at the point where rules are matched.
pub(super) fn is_in_normal_form(path: &[u8]) -> bool {
    !is_ambiguous(path) && !path.iter().any(|byte| matches!(byte, b'?' | b'#')) && *unescaped(path) == *path
}

/// Whether two implementations may disagree on what this path names.
pub(super) fn is_ambiguous(path: &[u8]) -> bool {
    let dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    // Some servers cut parameters off a segment before they look at it: `/admin;x/` is `/admin/` to them.
    path.iter().any(|byte| matches!(byte, b'\\' | b';'))
        || path.windows(2).any(|pair| pair == b"//")
        || path.split(|byte| *byte == b'/').any(dots)
        || path.windows(3).any(|text| matches!(escaped(text), Some(b'/' | b'\\' | b';' | 0)))
}
