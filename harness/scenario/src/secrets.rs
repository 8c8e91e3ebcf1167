//! Values that admit whoever holds them, on their way to a file or a terminal.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Headers that carry credentials.
const HEADERS: [&[u8]; 4] = [b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"];

/// The value of a header as text; credentials and the query of a path only as their length and the start of their SHA-256,
/// so that equal ones are seen to be equal.
pub fn concealed(name: &[u8], value: &[u8]) -> String {
    if HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return digest(value);
    }
    let query = value.iter().position(|byte| *byte == b'?').filter(|_| name == b":path");
    match query.and_then(|at| value.split_at_checked(at.saturating_add(1))) {
        Some((path, query)) if !query.is_empty() => format!("{}{}", path.escape_ascii(), digest(query)),
        _ => value.escape_ascii().to_string(),
    }
}

fn digest(value: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(value).iter().take(4) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    format!("<{} bytes, sha256 {hex}...>", value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_admits_is_concealed() {
        // The digest of "abc" that FIPS 180-2 gives begins so.
        assert_eq!(concealed(b"Authorization", b"abc"), "<3 bytes, sha256 ba7816bf...>");
        assert_eq!(concealed(b":path", b"/x?abc"), "/x?<3 bytes, sha256 ba7816bf...>");
        assert_eq!(concealed(b":path", b"/x?"), "/x?");
        assert_eq!(concealed(b"x-a", b"a?b\xff"), "a?b\\xff");
    }
}
