//! The registered claims of a token (RFC 7519 section 4.1), typed and checked.

use std::time::Duration;

use portcullis_kit::UnixTime;
use serde_json::{Map, Value};

use crate::JwtError;

/// The payload of a token, its registered claims of the right types.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    members: Map<String, Value>,
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued: Option<UnixTime>,
}

impl Claims {
    /// # Errors
    /// [`ClaimsInvalid`](JwtError::ClaimsInvalid): `iss`, `sub` or `jti` is no string, `aud` neither a string nor a list of
    /// strings, `exp`, `nbf` or `iat` no NumericDate.
    pub(crate) fn new(members: Map<String, Value>) -> Result<Self, JwtError> {
        let is_text = |name: &str| members.get(name).is_none_or(Value::is_string);
        let audience = members.get("aud").is_none_or(|aud| match aud {
            Value::Array(list) => list.iter().all(Value::is_string),
            single => single.is_string(),
        });
        if !(["iss", "sub", "jti"].into_iter().all(is_text) && audience) {
            return Err(JwtError::ClaimsInvalid);
        }
        let date = |name| numeric_date(&members, name);
        let (expires, not_before, issued) = (date("exp")?, date("nbf")?, date("iat")?);
        Ok(Self { members, expires, not_before, issued })
    }

    /// All of them.
    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.members.get("iss")?.as_str()
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.members.get("sub")?.as_str()
    }

    /// `exp`.
    pub(crate) const fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    /// Whether there is an `exp`, and it is no further away than this.
    pub(crate) fn expires_within(&self, now: UnixTime, longest: Duration) -> bool {
        self.expires.is_some_and(|expires| expires <= now.saturating_add(longest))
    }

    /// Whether any audience of the token is in the list.
    pub(crate) fn is_for(&self, audiences: &[String]) -> bool {
        let ours = |value: &Value| value.as_str().is_some_and(|name| audiences.iter().any(|a| a == name));
        match self.members.get("aud") {
            Some(Value::Array(list)) => list.iter().any(ours),
            Some(single) => ours(single),
            None => false,
        }
    }

    /// Checks `exp`, `nbf` and `iat`. A token is invalid from the very second of its `exp` on (RFC 7519 section 4.1.4), and nobody can
    /// have one that is still to be issued: it would outlive every revocation by age.
    pub(crate) fn check_time(
        &self,
        now: UnixTime,
        skew: Duration,
        must_expire: bool,
    ) -> Result<(), JwtError> {
        match self.expires {
            Some(expires) if now >= expires.saturating_add(skew) => return Err(JwtError::Expired),
            None if must_expire => return Err(JwtError::ExpiryMissing),
            _ => {}
        }
        let latest = now.saturating_add(skew);
        match [self.not_before, self.issued].into_iter().flatten().any(|time| latest < time) {
            true => Err(JwtError::NotYetValid),
            false => Ok(()),
        }
    }
}

/// A NumericDate (RFC 7519 section 2): a number of seconds, a fraction allowed.
fn numeric_date(members: &Map<String, Value>, name: &str) -> Result<Option<UnixTime>, JwtError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_u64() {
        return Ok(Some(UnixTime::from_secs(seconds)));
    }
    match value.as_f64() {
        // Beyond 2^53 a double no longer holds every second; nobody means such a date.
        Some(seconds) if (0.0..9_007_199_254_740_992.0).contains(&seconds) && !value.is_i64() => {
            Ok(Some(UnixTime::from_nanos((seconds * 1e9) as u64)))
        }
        _ => Err(JwtError::ClaimsInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Result<Claims, JwtError> {
        let Value::Object(members) = value else { panic!("not an object") };
        Claims::new(members)
    }

    #[test]
    fn registered_claims_have_their_types() {
        for bad in [
            json!({"iss": 1}),
            json!({"sub": null}),
            json!({"jti": []}),
            json!({"aud": 1}),
            json!({"aud": ["a", 1]}),
            json!({"aud": null}),
            json!({"exp": "1"}),
            json!({"exp": -1}),
            json!({"exp": null}),
            json!({"nbf": 1e300}),
            json!({"iat": "now"}),
            json!({"exp": -0.5}),
        ] {
            assert_eq!(claims(bad.clone()).unwrap_err(), JwtError::ClaimsInvalid, "{bad}");
        }
        assert!(claims(json!({"aud": ["a", "b"], "exp": 1.5, "iat": 0, "other": null})).is_ok());
    }

    #[test]
    fn time_is_checked_to_the_nanosecond() {
        let skew = Duration::from_secs(60);
        let at = |claims: &Claims, nanos: u64| claims.check_time(UnixTime::from_nanos(nanos), skew, true);
        let token = claims(json!({"exp": 1000, "nbf": 500})).unwrap();
        assert_eq!(at(&token, 1_059_999_999_999), Ok(()));
        assert_eq!(at(&token, 1_060_000_000_000), Err(JwtError::Expired));
        assert_eq!(at(&token, 440_000_000_000), Ok(()));
        assert_eq!(at(&token, 439_999_999_999), Err(JwtError::NotYetValid));
    }

    #[test]
    fn exp_zero_is_long_ago_and_no_exp_is_an_error() {
        let now = UnixTime::from_secs(100);
        let check = |value, must_expire| claims(value).unwrap().check_time(now, Duration::ZERO, must_expire);
        assert_eq!(check(json!({"exp": 0}), false), Err(JwtError::Expired));
        assert_eq!(check(json!({}), true), Err(JwtError::ExpiryMissing));
        assert_eq!(check(json!({}), false), Ok(()));
        assert_eq!(check(json!({"exp": u64::MAX}), true), Ok(()));
    }

    #[test]
    fn one_common_audience_is_enough() {
        let ours = ["a".to_owned(), "b".to_owned()];
        assert!(claims(json!({"aud": ["x", "b"]})).unwrap().is_for(&ours));
        assert!(claims(json!({"aud": "a"})).unwrap().is_for(&ours));
        assert!(!claims(json!({"aud": "A"})).unwrap().is_for(&ours));
        assert!(!claims(json!({"aud": []})).unwrap().is_for(&ours));
        assert!(!claims(json!({})).unwrap().is_for(&ours));
    }
}
