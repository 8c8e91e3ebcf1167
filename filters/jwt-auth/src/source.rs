use portcullis_kit::{Headers, rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outputs::reads_as;

/// Where a client puts its token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A header, whole or behind a scheme.
    Header(HeaderSource),
    /// A parameter of the query (RFC 6750 section 2.3), by name.
    Query(String),
    /// A cookie, by name.
    Cookie(String),
}

/// A header that carries a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderSource {
    /// Its name.
    pub(crate) name: String,
    /// The scheme before the token, any case (RFC 9110 section 11.1). Left out, the value is the token.
    pub(crate) scheme: Option<String>,
}

impl Source {
    /// `Authorization` with the scheme Bearer (RFC 6750 section 2.1) and, where it is used, DPoP (RFC 9449 section 7.1).
    pub(crate) fn authorization(with_dpop: bool) -> Vec<Self> {
        let schemes = ["Bearer", "DPoP"].into_iter().take(if with_dpop { 2 } else { 1 });
        let source =
            |scheme: &str| HeaderSource { name: "authorization".into(), scheme: Some(scheme.into()) };
        schemes.map(|scheme| Self::Header(source(scheme))).collect()
    }

    /// The scheme before the token.
    pub(crate) fn scheme(&self) -> Option<&str> {
        match self {
            Self::Header(header) => header.scheme.as_deref(),
            Self::Query(_) | Self::Cookie(_) => None,
        }
    }

    /// The header that it is in.
    pub(crate) fn header(&self) -> &str {
        match self {
            Self::Header(header) => &header.name,
            Self::Query(_) => ":path",
            Self::Cookie(_) => "cookie",
        }
    }

    /// Every token found here; nothing at all is no token.
    pub(crate) fn tokens<'r>(&self, request: &'r Headers) -> Vec<&'r [u8]> {
        let mut tokens: Vec<_> = match self {
            Self::Header(header) => {
                spelled(request, &header.name).filter_map(|(_, value)| header.token(value)).collect()
            }
            Self::Query(name) => parameters(request).flat_map(|pair| parameter(pair, name)).collect(),
            Self::Cookie(name) => cookies(request).filter_map(|pair| cookie(pair, name)).collect(),
        };
        tokens.retain(|token| !token.is_empty());
        tokens
    }

    /// Takes the token out of the request: its whole header, or its parameter or cookie from among the others.
    pub(crate) fn strip(&self, request: &mut Headers) {
        match self {
            Self::Header(header) => {
                let names: Vec<_> = spelled(request, &header.name)
                    .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
                    .collect();
                names.iter().for_each(|name| request.remove(name));
                // A proof of possession is for the token that is gone.
                if header.scheme.as_ref().is_some_and(|scheme| scheme.eq_ignore_ascii_case("DPoP")) {
                    request.remove("dpop");
                }
            }
            Self::Query(name) => {
                let target = request.first(":path").unwrap_or_default();
                let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
                let rest: Vec<_> =
                    parameters(request).filter(|pair| parameter(pair, name).next().is_none()).collect();
                let target = match rest.is_empty() {
                    true => path.to_vec(),
                    false => [path, b"?", &rest.join(&b'&')].concat(),
                };
                request.set(":path", &target);
            }
            Self::Cookie(name) => {
                let rest: Vec<_> = cookies(request).filter(|pair| cookie(pair, name).is_none()).collect();
                match rest.is_empty() {
                    true => request.remove("cookie"),
                    false => {
                        let rest = rest.join(&b"; "[..]);
                        request.set("cookie", &rest);
                    }
                }
            }
        }
    }
}

impl HeaderSource {
    fn token<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let value = value.trim_ascii();
        let Some(scheme) = &self.scheme else { return Some(value) };
        let (found, token) = value.split_at_checked(scheme.len())?;
        // Whatever ends the word: a server may take a tab, or anything else that is not of a word, for the space.
        let separated = token.first().is_none_or(|byte| !rules::is_tchar(*byte));
        (separated && found.eq_ignore_ascii_case(scheme.as_bytes())).then(|| token.trim_ascii())
    }
}

fn parameters(request: &Headers) -> impl Iterator<Item = &[u8]> {
    let target = request.first(":path").unwrap_or_default();
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let query = parts.nth(1).unwrap_or_default();
    query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty())
}

/// The pairs of all cookie headers: HTTP/2 may send each on its own (RFC 9113 section 8.2.3).
fn cookies(request: &Headers) -> impl Iterator<Item = &[u8]> {
    let pairs = request.all("cookie").flat_map(|value| value.split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// The fields that an upstream may take for this header.
fn spelled<'r>(request: &'r Headers, header: &str) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
    request.iter().filter(move |(name, _)| reads_as(name, header))
}

/// The values of a parameter in one part of the query: some servers also split at `;`, and escapes in the name count as what
/// they stand for. Otherwise `access%5Ftoken` would reach the upstream unseen.
fn parameter<'r>(part: &'r [u8], name: &str) -> impl Iterator<Item = &'r [u8]> {
    let pairs = part.split(|byte| *byte == b';').map(split_once);
    pairs.filter_map(move |(found, value)| unescape(found).eq(name.bytes()).then_some(value))
}

/// The value of a cookie, if it has this name; spaces and quotes around the name and escapes in it are lenience of servers.
fn cookie<'r>(pair: &'r [u8], name: &str) -> Option<&'r [u8]> {
    let (found, value) = split_once(pair);
    let found = found.trim_ascii();
    let found = found.strip_prefix(b"\"").and_then(|found| found.strip_suffix(b"\"")).unwrap_or(found);
    unescape(found).eq(name.bytes()).then(|| value.trim_ascii())
}

fn split_once(pair: &[u8]) -> (&[u8], &[u8]) {
    let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default())
}

/// Percent-decoding (RFC 3986 section 2.1).
fn unescape(mut text: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (first, rest) = text.split_first()?;
        let (byte, rest) = match rules::escaped(text) {
            Some(byte) => (byte, rest.get(2..).unwrap_or_default()),
            None => (*first, rest),
        };
        text = rest;
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    fn stripped(source: &Source, fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut request = request(fields);
        source.strip(&mut request);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        request.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn the_scheme_has_no_case_and_ends_at_a_space() {
        let tokens = |value: &str| {
            Source::authorization(false)
                .remove(0)
                .tokens(&request(&[("authorization", value)]))
                .first()
                .map(|t| t.to_vec())
        };
        for value in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(tokens(value), Some(b"abc".to_vec()), "{value}");
        }
        for value in ["Basic abc", "Bearerabc", "Bear", "abc", ""] {
            assert_eq!(tokens(value), None, "{value}");
        }
        assert_eq!(tokens("Bearer"), None);
    }

    #[test]
    fn repeated_headers_parameters_and_cookies_are_all_found() {
        let count = |source: &Source, fields: &[(&str, &str)]| source.tokens(&request(fields)).len();
        assert_eq!(
            count(
                &Source::authorization(false).remove(0),
                &[("authorization", "Bearer a"), ("authorization", "bearer b")]
            ),
            2
        );
        assert_eq!(count(&Source::Query("t".into()), &[(":path", "/?t=a&u=b&%74=c&xt=d&t=&t;t=e")]), 3);
        assert_eq!(
            count(
                &Source::Cookie("t".into()),
                &[("cookie", "t=a; u=b; t="), ("cookie", "t =c; \"t\"=d; %74=e")]
            ),
            4
        );
        let custom = Source::Header(HeaderSource { name: "x-token".into(), scheme: None });
        assert_eq!(count(&custom, &[("x-token", "a"), ("x_token", "b")]), 2);
    }

    #[test]
    fn stripping_leaves_the_rest() {
        let query = Source::Query("t".into());
        assert_eq!(stripped(&query, &[(":path", "/p?a=1&t=x&b=2&%74=y")])[0].1, "/p?a=1&b=2");
        assert_eq!(stripped(&query, &[(":path", "/p?t=x")])[0].1, "/p");
        let cookie = Source::Cookie("t".into());
        assert_eq!(
            stripped(&cookie, &[("cookie", "a=1; t=x"), ("cookie", "b=2")]),
            [("cookie".into(), "a=1; b=2".into())]
        );
        assert_eq!(stripped(&cookie, &[("cookie", "t=x")]), []);
        assert_eq!(
            stripped(&Source::authorization(false).remove(0), &[("authorization", "Bearer x"), ("a", "b")]),
            [("a".into(), "b".into())]
        );
    }
}
