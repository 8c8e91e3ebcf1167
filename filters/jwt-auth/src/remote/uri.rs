use portcullis_kit::ConfigError;
use std::fmt;

const MAX_URI: usize = 2048;

/// An absolute `http` or `https` URI as a request needs it: who is asked, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uri {
    pub(crate) is_https: bool,
    /// Lower case; the port only where it is not the scheme's own.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl Uri {
    /// Reads an absolute URI (RFC 9110 section 4.2). `None` for another scheme, for user information (section 4.2.4), for a fragment,
    /// which no server sees, for anything but printable ASCII, and for what is no host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_URI || !text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && !is_unsafe(byte)) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { is_https, authority: normalized(authority, is_https)?, path })
    }

    /// Reads a URI of the configuration.
    ///
    /// # Errors
    /// What is none, without what may be a secret in it: a query, and whatever stands before a host.
    pub(crate) fn from_config(member: &str, text: &str, example: &str) -> Result<Self, ConfigError> {
        Self::parse(text).ok_or_else(|| {
            let shown = text.split('?').next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
            let problem = format!(
                "{shown:?}; write an absolute URI, as in {example}, without user, fragment and space"
            );
            ConfigError::at(member, problem)
        })
    }

    /// The whole URI, in its one form.
    pub(crate) fn identity(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    /// Whether both URIs name the same server (RFC 6454 section 5).
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.is_https, &self.authority) == (other.is_https, &other.authority)
    }
}

impl fmt::Display for Uri {
    /// Shows the URI without its query: some hand out their lists by a key in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.authority)
    }
}

/// No part of a URI (RFC 3986 section 2), or one that is not meant for a server.
fn is_unsafe(byte: u8) -> bool {
    matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn normalized(authority: &str, is_https: bool) -> Option<String> {
    // The colons of an IPv6 address are inside of its brackets.
    let end_of_host = authority.find(']').map_or(0, |end| end + 1);
    let colon = authority.get(end_of_host..)?.find(':').map(|at| at + end_of_host);
    let (host, port) = authority.split_at_checked(colon.unwrap_or(authority.len()))?;
    if !is_host(host) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let Some(port) = port.strip_prefix(':') else { return Some(host) };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match port.parse::<u16>().ok()? {
        0 => None,
        443 if is_https => Some(host),
        80 if !is_https => Some(host),
        port => Some(format!("{host}:{port}")),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (bool, String, String) {
        let uri = Uri::parse(text).unwrap_or_else(|| panic!("{text}"));
        (uri.is_https, uri.authority, uri.path)
    }

    #[test]
    fn authority_and_path_are_what_a_request_needs() {
        for (text, is_https, authority, path) in [
            ("https://idp.example/jwks?v=1", true, "idp.example", "/jwks?v=1"),
            ("HTTP://IdP.Example:80", false, "idp.example", "/"),
            ("https://idp.example:443?x", true, "idp.example", "/?x"),
            ("https://idp.example:80/a", true, "idp.example:80", "/a"),
            ("http://10.0.0.1:8080/.well-known/x", false, "10.0.0.1:8080", "/.well-known/x"),
            ("https://[2001:DB8::1]:8443/k", true, "[2001:db8::1]:8443", "/k"),
            ("http://key_server/k", false, "key_server", "/k"),
        ] {
            assert_eq!(parts(text), (is_https, authority.to_owned(), path.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_http_uri_is_refused() {
        let long = format!("https://idp.example/{}", "a".repeat(MAX_URI));
        for text in [
            "",
            "/jwks",
            "idp.example/jwks",
            "ftp://idp.example/",
            "file:///etc/passwd",
            "https://",
            "https:///k",
            "https://a@idp.example/",
            "https://idp.example/#a",
            "https://idp.example/a b",
            "https://idp.example:/",
            "https://idp.example:0/",
            "https://idp.example:65536/",
            "https://idp.example:+1/",
            "https://idp..example/",
            "https://idp.example./k",
            "https://[::1/",
            "https://[evil]/",
            "https://idp.exämple/",
            "https://a\\b/",
            "https://idp.example/\r\nx: y",
            "https://%69dp.example/",
            "https://idp.example:1:2/",
            "https://[::1]a/",
            &long,
        ] {
            assert_eq!(Uri::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a, b| Uri::parse(a).unwrap().same_origin(&Uri::parse(b).unwrap());
        assert!(same("https://idp.example/a", "https://IDP.example:443/b"));
        assert!(!same("https://idp.example/a", "http://idp.example/a"));
        assert!(!same("https://idp.example/a", "https://idp.example:8443/a"));
        assert!(!same("https://idp.example/a", "https://idp.example.evil/a"));
    }

    #[test]
    fn a_query_is_not_shown() {
        assert_eq!(Uri::parse("https://a/b?key=secret").unwrap().to_string(), "https://a/b");
    }

    proptest::proptest! {
        #[test]
        fn a_uri_has_one_form_that_fits_into_headers(text in "[hH]ttps?://[a-zA-Z0-9.:@\\[\\]_-]{0,20}[/?]?[ -~\r\n\u{e4}]{0,20}") {
            if let Some(uri) = Uri::parse(&text) {
                let again = Uri::parse(&uri.identity());
                proptest::prop_assert_eq!(again.as_ref(), Some(&uri));
                proptest::prop_assert!(uri.path.starts_with('/') && !uri.authority.is_empty());
                proptest::prop_assert!(uri.identity().bytes().all(|byte| byte.is_ascii_graphic()));
                proptest::prop_assert!(!uri.authority.contains(['@', '/', '?']));
            }
        }
    }
}
