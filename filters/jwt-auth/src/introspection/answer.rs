//! What the authorization server says of a token, and how it can fail to.

use std::fmt;
use std::sync::Arc;

use portcullis_kit::HttpAnswer;
use portcullis_kit::json::parse_strict;
use serde_json::Value;

use crate::JwtError;
use crate::claims::Claims;

/// No server describes a token at greater length.
const MAX_BODY: usize = 64 << 10;

/// What is known of a token.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The server vouches for it.
    Active(Arc<Claims>),
    /// The server does not, or says of it what no token can say.
    Refused(JwtError),
    /// It could not be asked, or was not understood.
    Failed(Failure),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The cluster is unknown or has no healthy host.
    Unreachable,
    /// The connection broke off.
    BrokenOff,
    /// Another status than 200.
    Status(u16),
    /// The answer is too long.
    TooLong,
    /// The answer is not a JSON object with a boolean `active`.
    NotUnderstood,
}

impl Verdict {
    /// Reads an answer (RFC 7662 section 2.2). Whatever is not clearly a yes or a no is a failure: "inactive" would end the session of a
    /// client whose token is good.
    pub(crate) fn read(answer: &HttpAnswer) -> Self {
        match claims(answer) {
            Ok(Some(claims)) => claims.map_or_else(Self::Refused, |claims| Self::Active(Arc::new(claims))),
            Ok(None) => Self::Refused(JwtError::Inactive),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// The claims of an active token; `None` for one that is not active.
fn claims(answer: &HttpAnswer) -> Result<Option<Result<Claims, JwtError>>, Failure> {
    match answer.status() {
        Some(200) => {}
        Some(status) => return Err(Failure::Status(status)),
        None => return Err(Failure::BrokenOff),
    }
    if answer.truncated || answer.body.len() > MAX_BODY {
        return Err(Failure::TooLong);
    }
    let Ok(Value::Object(mut members)) = parse_strict(&answer.body) else {
        return Err(Failure::NotUnderstood);
    };
    match members.remove("active") {
        Some(Value::Bool(true)) => Ok(Some(Claims::new(members))),
        Some(Value::Bool(false)) => Ok(None),
        _ => Err(Failure::NotUnderstood),
    }
}

impl Failure {
    /// Whether nobody could be asked. Anything else is an answer, if not a useful one.
    pub(crate) const fn is_outage(self) -> bool {
        matches!(self, Self::Unreachable | Self::BrokenOff | Self::Status(429 | 500..=599))
    }

    /// Whether it may be due to the token, so that it says nothing about how others will fare: a client that makes such tokens up
    /// must not keep everybody out.
    pub(crate) const fn is_about_token(self) -> bool {
        matches!(self, Self::TooLong | Self::Status(400 | 413 | 414 | 422 | 431))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the cluster is unknown or has no healthy host"),
            Self::BrokenOff => f.write_str("the connection broke off"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLong => write!(f, "the answer is longer than {MAX_BODY} bytes"),
            Self::NotUnderstood => f.write_str("the answer is not a JSON object with a boolean active"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use portcullis_kit::Headers;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn answer(status: &str, body: &[u8]) -> HttpAnswer {
        HttpAnswer {
            headers: [(":status", status)].into_iter().collect(),
            body: body.to_vec(),
            truncated: false,
        }
    }

    fn read(body: &str) -> Verdict {
        Verdict::read(&answer("200", body.as_bytes()))
    }

    fn failure(verdict: &Verdict) -> Option<Failure> {
        match verdict {
            Verdict::Failed(failure) => Some(*failure),
            _ => None,
        }
    }

    #[test]
    fn the_examples_of_rfc_7662_section_2_2() {
        let Verdict::Active(claims) = read(
            r#"{"active": true, "client_id": "l238j323ds-23ij4", "username": "jdoe", "scope": "read write dolphin",
                "sub": "Z5O3upPC88QrAjx00dis", "aud": "https://protected.example.net/resource",
                "iss": "https://server.example.com/", "exp": 1419356238, "iat": 1419350238,
                "extension_field": "twenty-seven"}"#,
        ) else {
            panic!("active");
        };
        assert_eq!(claims.issuer(), Some("https://server.example.com/"));
        assert_eq!(claims.get("extension_field").and_then(Value::as_str), Some("twenty-seven"));
        assert_eq!(claims.get("active"), None);
        assert_eq!(claims.members().len(), 9);
        assert!(matches!(read(r#"{"active": false}"#), Verdict::Refused(JwtError::Inactive)));
    }

    #[test]
    fn no_claim_makes_an_inactive_token_active() {
        let verdict = read(r#"{"active": false, "sub": "a", "exp": 99999999999, "iss": 7}"#);
        assert!(matches!(verdict, Verdict::Refused(JwtError::Inactive)));
    }

    #[test]
    fn claims_of_the_wrong_type_are_no_failure_of_the_server() {
        for body in
            [r#"{"active":true,"exp":"soon"}"#, r#"{"active":true,"aud":1}"#, r#"{"active":true,"sub":null}"#]
        {
            assert!(matches!(read(body), Verdict::Refused(JwtError::ClaimsInvalid)), "{body}");
        }
    }

    #[test]
    fn what_is_not_clearly_yes_or_no_is_a_failure() {
        let deep = format!(r#"{{"active":true,"a":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        for body in [
            "",
            "{}",
            "null",
            "true",
            "[]",
            r#""active""#,
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":null}"#,
            r#"{"Active":true}"#,
            r#"{"active":true"#,
            r#"{"active":true} x"#,
            r#"{"active":false,"active":true}"#,
            r#"[{"active":true}]"#,
            r#"{"token":{"active":true}}"#,
            "\u{feff}{\"active\":true}",
            "eyJ0eXAiOiJ0b2tlbi1pbnRyb3NwZWN0aW9uK2p3dCJ9.e30.AA",
            &deep,
        ] {
            assert_eq!(failure(&read(body)), Some(Failure::NotUnderstood), "{body}");
        }
        let yes = br#"{"active":true}"#;
        for status in
            ["100", "201", "204", "301", "302", "400", "401", "403", "404", "429", "500", "503", "504"]
        {
            let expected = Failure::Status(status.parse().unwrap());
            assert_eq!(failure(&Verdict::read(&answer(status, yes))), Some(expected));
        }
        let broken_off = HttpAnswer { headers: Headers::default(), body: yes.to_vec(), truncated: false };
        assert_eq!(failure(&Verdict::read(&broken_off)), Some(Failure::BrokenOff));
        assert_eq!(failure(&Verdict::read(&answer("abc", yes))), Some(Failure::BrokenOff));
    }

    #[test]
    fn a_long_answer_is_not_read() {
        let padded = |length: usize| [br#"{"active":true}"#.to_vec(), vec![b' '; length - 15]].concat();
        assert!(matches!(Verdict::read(&answer("200", &padded(MAX_BODY))), Verdict::Active(_)));
        assert_eq!(failure(&Verdict::read(&answer("200", &padded(MAX_BODY + 1)))), Some(Failure::TooLong));
        let truncated = HttpAnswer { truncated: true, ..answer("200", br#"{"active":true}"#) };
        assert_eq!(failure(&Verdict::read(&truncated)), Some(Failure::TooLong));
    }

    proptest! {
        #[test]
        fn only_a_true_active_is_active(status in 100_u16..600, body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            "\\{\"active\":(true|false|1|null|\"true\")(,\"(sub|active)\":(\"a\"|true))?\\}".prop_map(String::into_bytes),
        ]) {
            let is_active = matches!(Verdict::read(&answer(&status.to_string(), &body)), Verdict::Active(_));
            let yes: [&[u8]; 2] = [br#"{"active":true}"#, br#"{"active":true,"sub":"a"}"#];
            prop_assert_eq!(is_active, status == 200 && yes.contains(&&body[..]));
        }
    }
}
