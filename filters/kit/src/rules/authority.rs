//! The host as rules compare it.

/// The host of an authority, without its port and the dot at its end (RFC 3986 section 3.2.2).
///
/// `None` for what is no host: somebody else may find one in it. `a@b`, `b:80:80`, `b%2eexample.com`, `b..` and a host that
/// was sent twice all end here.
pub(super) fn host(authority: Option<&[u8]>) -> Option<&[u8]> {
    let authority = authority?;
    if authority.starts_with(b"[") {
        let end = authority.iter().position(|byte| *byte == b']')?;
        let (address, port) = authority.split_at_checked(end + 1)?;
        let inside = address.get(1..end)?;
        let is_address = inside.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        return (is_address && !inside.is_empty() && is_port(port)).then_some(address);
    }
    let colon = authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len());
    let (name, port) = authority.split_at_checked(colon)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    let is_label = |label: &[u8]| {
        !label.is_empty()
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (is_port(port) && name.split(|byte| *byte == b'.').all(is_label)).then_some(name)
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}
