use std::fmt;

const MAX_URI: usize = 2048;

/// An absolute `http` or `https` URI as a request needs it: who is asked, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uri {
    pub(crate) is_https: bool,
    /// Lower case.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl Uri {
    /// Reads an absolute URI (RFC 9110 section 4.2). `None` for another scheme, for user information, for a fragment, for anything but
    /// printable ASCII, and without a host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| matches!(byte, b'!'..=b'~') && !b"#\"<>\\^`{|}".contains(&byte);
        if text.len() > MAX_URI || !text.bytes().all(is_plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
        if authority.is_empty() || authority.starts_with(':') || !authority.bytes().all(is_host) {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { is_https, authority: authority.to_ascii_lowercase(), path })
    }
}

impl fmt::Display for Uri {
    /// Shows the URI without its query, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_and_path_are_what_a_request_needs() {
        for (text, authority, path) in [
            ("https://idp.example/introspect?v=1", "idp.example", "/introspect?v=1"),
            ("HTTP://IdP.Example:8080", "idp.example:8080", "/"),
            ("https://[::1]?x", "[::1]", "/?x"),
        ] {
            let uri = Uri::parse(text).unwrap();
            assert_eq!((uri.authority.as_str(), uri.path.as_str()), (authority, path), "{text}");
        }
        assert_eq!(Uri::parse("https://a/b?key=secret").unwrap().to_string(), "https://a/b");
    }

    #[test]
    fn what_is_no_plain_http_uri_is_refused() {
        let long = format!("https://idp.example/{}", "a".repeat(MAX_URI));
        for text in [
            "",
            "/introspect",
            "ftp://idp.example/",
            "https://",
            "https:///k",
            "https://:1/k",
            "https://a@idp.example/",
            "https://idp.example/#a",
            "https://idp.example/a b",
            "https://idp.ex\u{e4}mple/",
            "https://idp.example/\r\nx: y",
            "https://%69dp.example/",
            &long,
        ] {
            assert_eq!(Uri::parse(text), None, "{text:?}");
        }
    }
}
