//! The URI that a proof is for (RFC 9449 section 4.3, check 9): without query and fragment, after the syntax-based and the
//! scheme-based normalisation of RFC 3986 sections 6.2.2 and 6.2.3.

use portcullis_kit::{Headers, rules};

/// The normal form of `htu`. `None` for what is no absolute http URI, or one with userinfo or a host that needs escapes.
pub(super) fn of_claim(htu: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = htu.split_once("://")?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let rest = rest.get(..end)?;
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    normal(scheme.as_bytes(), authority.as_bytes(), path.as_bytes())
}

/// The normal form of the URI that was asked for. `None` where a header it takes is missing, repeated or malformed.
pub(super) fn of_request(request: &Headers) -> Option<Vec<u8>> {
    let target = request.only(":path")?;
    if !target.starts_with(b"/") || target.contains(&b'#') {
        return None;
    }
    let path = target.split(|byte| *byte == b'?').next()?;
    normal(scheme(request)?, request.only(":authority")?, path)
}

/// What the client used as far as the proxy knows: at the edge (`use_remote_address`) Envoy sets `x-forwarded-proto` from the
/// connection, behind another proxy it keeps that one's, while an HTTP/2 client writes `:scheme` itself.
fn scheme(request: &Headers) -> Option<&[u8]> {
    match request.first("x-forwarded-proto") {
        Some(_) => request.only("x-forwarded-proto"),
        None => request.only(":scheme"),
    }
}

fn normal(scheme: &[u8], authority: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let scheme = scheme.to_ascii_lowercase();
    let default_port: &[u8] = match scheme.as_slice() {
        b"http" => b"80",
        b"https" => b"443",
        _ => return None,
    };
    let (host, port) = split_port(authority)?;
    let mut uri = [&scheme, &b"://"[..], &host.to_ascii_lowercase()].concat();
    if !port.is_empty() && port != default_port {
        uri.push(b':');
        uri.extend(port);
    }
    uri.extend(normal_path(path)?);
    Some(uri)
}

/// Host and port; the latter may be empty, with and without its colon.
fn split_port(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match authority.strip_prefix(b"[") {
        Some(rest) => rest.iter().position(|byte| *byte == b']')? + 2,
        None => authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let is_host = match host {
        [b'[', address @ .., b']'] => {
            !address.is_empty() && address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte))
        }
        name => !name.is_empty() && name.iter().all(plain),
    };
    let port = if port.is_empty() { port } else { port.strip_prefix(b":")? };
    (is_host && port.iter().all(u8::is_ascii_digit)).then_some((host, port))
}

/// RFC 3986 sections 6.2.2.1 to 6.2.2.3: escapes in capitals, unreserved characters without escape, no dot segments. `None` for
/// a `%` that is no escape.
fn normal_path(path: &[u8]) -> Option<Vec<u8>> {
    let mut unescaped = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            unescaped.push(*first);
            rest = after;
            continue;
        }
        let byte = rules::escaped(rest)?;
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => unescaped.push(byte),
            false => unescaped.extend(format!("%{byte:02X}").into_bytes()),
        }
        rest = rest.get(3..)?;
    }
    Some(without_dot_segments(&unescaped))
}

/// RFC 3986 section 5.2.4, for a path that is absolute or empty.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_open = false;
    for segment in path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/') {
        ends_open = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    if ends_open {
        segments.push(b"");
    }
    [b"/", segments.join(&b'/').as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assume, proptest};
    use proptest::sample::Index;

    fn claim(htu: &str) -> Option<String> {
        of_claim(htu).map(|uri| String::from_utf8(uri).unwrap())
    }

    #[test]
    fn equal_uris_have_one_normal_form() {
        for (htu, normal) in [
            ("https://a.example/p", "https://a.example/p"),
            ("HTTPS://A.Example:443/p?q#f", "https://a.example/p"),
            ("https://a.example:/p#f?", "https://a.example/p"),
            ("http://a.example:80", "http://a.example/"),
            ("http://a.example:443/", "http://a.example:443/"),
            ("https://a.example?x=/", "https://a.example/"),
            ("https://a.example/%7euser/%2e%2E/%e4%2f%41", "https://a.example/%E4%2FA"),
            ("https://a.example/a/./b/../c", "https://a.example/a/c"),
            ("https://a.example/a/b/..", "https://a.example/a/"),
            ("https://a.example/a/.", "https://a.example/a/"),
            ("https://a.example/../../a", "https://a.example/a"),
            ("https://a.example//a//", "https://a.example//a//"),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ] {
            assert_eq!(claim(htu).as_deref(), Some(normal), "{htu}");
        }
    }

    #[test]
    fn what_is_no_plain_http_uri_has_none() {
        for htu in [
            "",
            "/p",
            "a.example/p",
            "ftp://a.example/",
            "https:///p",
            "https://u@a.example/",
            "https://a.example:8x/",
            "https://a%2eexample/",
            "https://a.example/%",
            "https://a.example/%4",
            "https://a.example/%zz",
            "https://[::1/",
            "https://[]/",
            "https://a.example:1:2/",
            "https://[::1]a/",
            " https://a.example/",
            "https://a.example\\p",
        ] {
            assert_eq!(claim(htu), None, "{htu}");
        }
    }

    #[test]
    fn the_scheme_is_what_the_proxy_vouches_for() {
        let uri = |fields: &[(&str, &str)]| {
            let target = [(":authority", "a.example"), (":path", "/p?q=%zz")];
            let request: Headers = target.iter().chain(fields).copied().collect();
            of_request(&request).map(|uri| String::from_utf8(uri).unwrap())
        };
        let https = Some("https://a.example/p".to_owned());
        assert_eq!(uri(&[(":scheme", "https")]), https);
        assert_eq!(uri(&[(":scheme", "http"), ("x-forwarded-proto", "https")]), https);
        assert_eq!(uri(&[(":scheme", "https"), ("x-forwarded-proto", "https,http")]), None);
        assert_eq!(uri(&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]), None);
        assert_eq!(uri(&[]), None);
        assert_eq!(uri(&[(":scheme", "https"), (":authority", "b.example")]), None);
        assert_eq!(uri(&[(":scheme", "https"), (":path", "/q")]), None);
    }

    #[test]
    fn a_target_that_is_no_path_has_none() {
        for path in ["*", "", "https://a.example/p", "/p#f", "/%"] {
            let fields = [(":scheme", "https"), (":authority", "a.example"), (":path", path)];
            assert_eq!(of_request(&fields.into_iter().collect()), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(path in "(/([a-z.~]|%[2-7][0-9A-F]){0,6}){0,5}") {
            let normal = claim(&format!("https://a.example{path}")).unwrap();
            prop_assert_eq!(claim(&normal), Some(normal.clone()));
        }

        #[test]
        fn escaping_what_needs_none_changes_nothing(path in "(/[a-zA-Z0-9._~-]{0,6}){1,5}", at in any::<Index>()) {
            let at = at.index(path.len());
            let byte = path.as_bytes()[at];
            prop_assume!(byte != b'/');
            for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
                let escaped = format!("https://a.example{}{escape}{}", &path[..at], &path[at + 1..]);
                prop_assert_eq!(claim(&escaped), claim(&format!("https://a.example{path}")));
            }
        }

        #[test]
        fn different_plain_paths_differ(one in "(/[ab]{1,2}){1,2}", two in "(/[ab]{1,2}){1,2}") {
            let of = |path: &str| claim(&format!("https://a.example{path}"));
            prop_assert_eq!(of(&one) == of(&two), one == two);
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}", uri in "https?://[\\[\\]a:0-9@%.]{0,12}[/%.a?#]{0,12}") {
            let _ = claim(&text);
            let Some(normal) = claim(&uri) else { return Ok(()) };
            prop_assert!(!normal.contains(['?', '#', '@']), "{}", normal);
        }
    }
}
