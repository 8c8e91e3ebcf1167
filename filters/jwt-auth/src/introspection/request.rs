//! The question: one POST per token.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_kit::{CallId, CallOuts, HostError, HttpCall};

use crate::remote::Uri;

/// The question about a token, but for the token.
pub(crate) struct Request {
    cluster: String,
    uri: Uri,
    authorization: Option<String>,
    /// What follows the token in the body.
    hint: String,
    timeout: Duration,
}

impl Request {
    pub(crate) fn new(
        cluster: String,
        uri: Uri,
        authorization: Option<String>,
        token_type_hint: Option<&str>,
        timeout: Duration,
    ) -> Self {
        let hint = token_type_hint.map(|hint| format!("&token_type_hint={}", form_encode(hint.as_bytes())));
        Self { cluster, uri, authorization, hint: hint.unwrap_or_default(), timeout }
    }

    /// Asks about this token (RFC 7662 section 2.1).
    pub(crate) fn send(
        &self,
        token: &[u8],
        host: &mut (impl CallOuts + ?Sized),
    ) -> Result<CallId, HostError> {
        let mut headers: Vec<(&str, &[u8])> =
            vec![("accept", b"application/json"), ("content-type", b"application/x-www-form-urlencoded")];
        headers.extend(self.authorization.as_ref().map(|value| ("authorization", value.as_bytes())));
        let body = format!("token={}{}", form_encode(token), self.hint);
        host.http_call(&HttpCall {
            cluster: &self.cluster,
            method: "POST",
            authority: &self.uri.authority,
            path: &self.uri.path,
            headers: &headers,
            body: body.as_bytes(),
            timeout: self.timeout,
        })
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for Request {
    /// Shows who is asked, and not the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "POST {} by {}", self.uri, self.cluster)
    }
}

/// HTTP Basic with both parts in form encoding first (RFC 6749 section 2.3.1): a colon in the id would otherwise end it.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", form_encode(id.as_bytes()), form_encode(secret.as_bytes()));
    format!("Basic {}", STANDARD.encode(pair))
}

/// Whether it has the form of a bearer token, `b64token` (RFC 6750 section 2.1). That of a JWT is one of these.
pub(crate) fn is_b64token(token: &[u8]) -> bool {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let text = token.get(..end).unwrap_or_default();
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B).
fn form_encode(text: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    let mut encoded = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(*byte)),
            byte => encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use proptest::prelude::*;

    use super::*;

    fn sent(
        authorization: Option<String>,
        hint: Option<&str>,
        token: &str,
    ) -> portcullis_kit::testing::TestCall {
        let uri = Uri::parse("https://server.example.com/introspect?v=1").unwrap();
        let request = Request::new("idp".into(), uri, authorization, hint, Duration::from_secs(2));
        let mut host = TestHost::default();
        request.send(token.as_bytes(), &mut host).unwrap();
        host.calls.pop().unwrap()
    }

    fn header<'a>(call: &'a portcullis_kit::testing::TestCall, name: &str) -> Option<&'a str> {
        let mut values =
            call.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice");
        value
    }

    #[test]
    fn form_encoding_is_that_of_rfc_6749_appendix_b() {
        assert_eq!(form_encode(" %&+\u{a3}\u{20ac}".as_bytes()), "+%25%26%2B%C2%A3%E2%82%AC");
        assert_eq!(form_encode(b"aZ09*-._~/="), "aZ09*-._%7E%2F%3D");
    }

    #[test]
    fn the_examples_of_rfc_7662_and_rfc_6749() {
        // RFC 7662 section 2.1.
        let call = sent(Some("Bearer 23410913-abewfq.123483".into()), None, "2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(call.body, b"token=2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(header(&call, ":method"), Some("POST"));
        assert_eq!(header(&call, ":authority"), Some("server.example.com"));
        assert_eq!(header(&call, ":path"), Some("/introspect?v=1"));
        assert_eq!(header(&call, "accept"), Some("application/json"));
        assert_eq!(header(&call, "content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(header(&call, "authorization"), Some("Bearer 23410913-abewfq.123483"));
        assert_eq!((call.cluster.as_str(), call.timeout), ("idp", Duration::from_secs(2)));
        let call = sent(None, Some("access_token"), "mF_9.B5f-4.1JqM");
        assert_eq!(call.body, b"token=mF_9.B5f-4.1JqM&token_type_hint=access_token");
        assert_eq!(header(&call, "authorization"), None);
        // RFC 6749 section 2.3.1.
        assert_eq!(
            basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"),
            "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"
        );
    }

    #[test]
    fn credentials_with_special_characters_stay_two() {
        let decoded = |id, secret| {
            let value = basic(id, secret);
            String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap()).unwrap()
        };
        assert_eq!(decoded("a:b", "c:d"), "a%3Ab:c%3Ad");
        assert_eq!(
            decoded("https://rp.example/", "p w+\u{e4}%"),
            "https%3A%2F%2Frp.example%2F:p+w%2B%C3%A4%25"
        );
        assert_eq!(decoded("a\r\nb", "\0"), "a%0D%0Ab:%00");
    }

    #[test]
    fn a_b64token_ends_with_its_padding() {
        for good in ["a", "mF_9.B5f-4.1JqM", "a+/~==", "e30.e30.AA", "a==="] {
            assert!(is_b64token(good.as_bytes()), "{good}");
        }
        for bad in ["", "=", "===", "a=b", "a b", "a&b", "a%20", "a,b", "a\"", "a\n", "a\0", "\u{e4}", "a:b"]
        {
            assert!(!is_b64token(bad.as_bytes()), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn form_encoding_can_be_undone_and_ends_no_pair(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let encoded = form_encode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte)));
            let mut decoded = Vec::new();
            let mut rest = encoded.as_bytes();
            while let Some((first, after)) = rest.split_first() {
                rest = after;
                match first {
                    b'+' => decoded.push(b' '),
                    b'%' => {
                        let digits = std::str::from_utf8(&rest[..2]).unwrap();
                        decoded.push(u8::from_str_radix(digits, 16).unwrap());
                        rest = &rest[2..];
                    }
                    other => decoded.push(*other),
                }
            }
            prop_assert_eq!(decoded, text);
        }
    }
}
