//! The compact form of a JWS (RFC 7515 section 7.1), read so strictly that no two readers can differ.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_kit::json;
use serde_json::{Map, Value};

use crate::{Algorithm, JwtError};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
const MAX_HEADER: usize = 8 * 1024;
const MAX_KID: usize = 256;

/// A token whose form is right. Nothing in it is to be believed before its signature has been checked.
#[derive(Debug)]
pub struct Jws<'a> {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub key_id: Option<String>,
    /// `typ`, lower case, without `application/` (RFC 7515 section 4.1.9).
    pub typ: Option<String>,
    /// The members of the header.
    pub header: Map<String, Value>,
    /// What is signed: header and payload in base64url with the dot between them (RFC 7515 section 5.1).
    pub signing_input: &'a [u8],
    /// The payload in base64url.
    pub payload: &'a [u8],
    /// The signature, decoded.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`TooLarge`](JwtError::TooLarge), [`Malformed`](JwtError::Malformed), [`Unsupported`](JwtError::Unsupported)
    /// and [`AlgorithmNotAllowed`](JwtError::AlgorithmNotAllowed).
    pub fn parse(token: &'a [u8]) -> Result<Self, JwtError> {
        if token.len() > MAX_TOKEN {
            return Err(JwtError::TooLarge);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwtError::Malformed);
        };
        if header.len() > MAX_HEADER {
            return Err(JwtError::TooLarge);
        }
        let signing_input = token.get(..header.len() + 1 + payload.len()).ok_or(JwtError::Malformed)?;
        let header = parse_object(header)?;
        if ["b64", "crit", "enc", "zip"].iter().any(|member| header.contains_key(*member)) {
            return Err(JwtError::Unsupported);
        }
        if matches!(text(&header, "cty")?, Some(nested) if media_type(nested) == "jwt") {
            return Err(JwtError::Unsupported);
        }
        let key_id = text(&header, "kid")?;
        if key_id.is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(JwtError::TooLarge);
        }
        let algorithm = text(&header, "alg")?.ok_or(JwtError::Malformed)?;
        let (algorithm, key_id) = (Algorithm::from_name(algorithm), key_id.map(str::to_owned));
        Ok(Self {
            algorithm: algorithm.ok_or(JwtError::AlgorithmNotAllowed)?,
            key_id,
            typ: text(&header, "typ")?.map(media_type),
            signing_input,
            header,
            payload,
            signature: decode(signature)?,
        })
    }

    /// The `jwk` of the header, where it is an object: the key that the sender says it has, which proves nothing of who it is
    /// (RFC 7515 section 4.1.3).
    pub(crate) fn jwk(&self) -> Option<&Map<String, Value>> {
        self.header.get("jwk")?.as_object()
    }

    /// The payload as a JSON object.
    ///
    /// # Errors
    /// [`Malformed`](JwtError::Malformed).
    pub fn claims(&self) -> Result<Map<String, Value>, JwtError> {
        parse_object(self.payload)
    }
}

/// A media type as `typ` and `cty` abbreviate it.
pub(crate) fn media_type(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}

pub(crate) fn decode(part: &[u8]) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)
}

fn parse_object(part: &[u8]) -> Result<Map<String, Value>, JwtError> {
    match json::parse_strict(&decode(part)?) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(JwtError::Malformed),
    }
}

fn text<'a>(header: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, JwtError> {
    header.get(member).map(|value| value.as_str().ok_or(JwtError::Malformed)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    fn error(token: &str) -> JwtError {
        Jws::parse(token.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_token_comes_apart() {
        let token =
            token(r#"{"alg":"ES256","kid":"k","typ":"application/AT+JWT","x5c":[]}"#, r#"{"sub":"a"}"#);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert_eq!(jws.algorithm, Algorithm::Es256);
        assert_eq!((jws.key_id.as_deref(), jws.typ.as_deref()), (Some("k"), Some("at+jwt")));
        assert_eq!(jws.signing_input, token.rsplit_once('.').unwrap().0.as_bytes());
        assert_eq!(jws.claims().unwrap()["sub"], "a");
    }

    #[test]
    fn only_two_dots_and_the_alphabet_of_base64url_without_padding() {
        let good = token(r#"{"alg":"ES256"}"#, "{}");
        assert!(Jws::parse(good.as_bytes()).is_ok());
        let (h, rest) = good.split_once('.').unwrap();
        for bad in [
            "".to_owned(),
            ".".into(),
            "..".into(),
            h.into(),
            format!(".{good}"),
            format!("{good}."),
            format!("{h}..{rest}"),
            format!("{h}=.{rest}"),
            format!("{h} .{rest}"),
            format!(" {good}"),
            format!("{good}\n"),
            good.replace("AAAA", "AA+/"),
            good.replace("AAAA", "AB"),
            "eyJhbGciOiJFUzI1NiJ9.e30".into(),
            "{\"payload\":\"\"}".into(),
        ] {
            assert_eq!(error(&bad), JwtError::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn headers_that_must_be_understood_are_not_ignored() {
        for member in [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""b64":false"#,
            r#""zip":"DEF""#,
            r#""enc":"A128GCM""#,
            r#""cty":"JWT""#,
        ] {
            assert_eq!(
                error(&token(&format!("{{\"alg\":\"ES256\",{member}}}"), "{}")),
                JwtError::Unsupported,
                "{member}"
            );
        }
    }

    #[test]
    fn headers_with_the_wrong_types_or_members_twice_are_malformed() {
        for header in [
            "{}",
            "[]",
            "null",
            r#"{"alg":1}"#,
            r#"{"alg":"ES256","kid":1}"#,
            r#"{"alg":"ES256","typ":[]}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"none","alg":"ES256"}"#,
            r#"{"alg":"ES256","x":{"y":1,"y":2}}"#,
        ] {
            assert_eq!(error(&token(header, "{}")), JwtError::Malformed, "{header}");
        }
    }

    #[test]
    fn none_is_no_algorithm_in_any_case() {
        for alg in ["none", "None", "NONE", "nOnE", "", "es256", "ES256K", "RS256\\u0000"] {
            assert_eq!(
                error(&token(&format!(r#"{{"alg":"{alg}"}}"#), "{}")),
                JwtError::AlgorithmNotAllowed,
                "{alg}"
            );
        }
    }

    #[test]
    fn size_is_checked_before_anything_is_decoded() {
        assert_eq!(error(&"A".repeat(10_000_000)), JwtError::TooLarge);
        assert_eq!(
            error(&token(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257)), "{}")),
            JwtError::TooLarge
        );
        assert_eq!(error(&format!("{}.e30.AA", "A".repeat(MAX_HEADER + 1))), JwtError::TooLarge);
    }
}
