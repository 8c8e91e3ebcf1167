//! Sender-constrained tokens: who presents a token has to show that it is its own (RFC 7800, RFC 8705, RFC 9449).

mod config;
mod dpop;
mod mtls;
mod nonce;
mod replay;
mod uri;

use portcullis_kit::{Headers, Host};
use serde_json::Value;

use config::Require;
pub use config::SenderConstraintConfig;
use dpop::Dpop;

use crate::JwtError;
use crate::jws::decode;

/// A SHA-256 digest of a key (RFC 7638) or of a certificate (RFC 8705 section 3.1).
type Thumbprint = [u8; 32];

/// How the clients of a provider prove that a token is their own; by default in no way, and then a bound token is refused.
#[derive(Debug, Default)]
pub struct Binding {
    require: Require,
    dpop: Option<Dpop>,
    mtls: bool,
}

/// An access token as the client has sent it.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a [u8],
    /// The authentication scheme before it; `None` where it was not in a header behind one.
    pub scheme: Option<&'a str>,
}

/// Why a token is not the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingError {
    /// The denial.
    pub error: JwtError,
    /// Which rule was broken, for logs.
    pub reason: &'static str,
    /// The value of the `DPoP-Nonce` header that the denial has to carry (RFC 9449 section 9).
    pub nonce: Option<String>,
}

impl From<JwtError> for BindingError {
    fn from(error: JwtError) -> Self {
        Self { error, reason: error.row().detail, nonce: None }
    }
}

impl Binding {
    /// Checks that a token is the client's. `cnf` comes from a token whose signature has been verified. A proof is good for one
    /// call: this is the last check of a request, and not made again when a paused request goes on.
    ///
    /// # Errors
    /// [`Bound`](JwtError::Bound), [`Unbound`](JwtError::Unbound), [`ClaimsInvalid`](JwtError::ClaimsInvalid),
    /// [`BindingMismatch`](JwtError::BindingMismatch), and those that begin with `Dpop`.
    pub fn check(
        &self,
        cnf: Option<&Value>,
        presented: Presented<'_>,
        request: &Headers,
        host: &mut dyn Host,
    ) -> Result<(), BindingError> {
        let confirmation = Confirmation::read(cnf)?;
        if !self.require.is_met(&confirmation) {
            return Err(JwtError::Unbound.into());
        }
        let dpop = match confirmation.key {
            Some(key) => Some((key, self.dpop.as_ref().ok_or(JwtError::Bound)?)),
            None => None,
        };
        // RFC 9449 sections 7.1 and 7.2: no bearer token under this scheme, and no DPoP token under another.
        let is_dpop = presented.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("DPoP"));
        if is_dpop != dpop.is_some() {
            return Err(JwtError::DpopBindingMismatch.into());
        }
        if let Some(certificate) = &confirmation.certificate {
            if !self.mtls {
                return Err(JwtError::Bound.into());
            }
            mtls::check(certificate, host)?;
        }
        let Some((key, dpop)) = dpop else { return Ok(()) };
        dpop.check(&key, presented.token, request, host)
    }

    /// The `algs` of a DPoP challenge (RFC 9449 section 7.1), where DPoP is used.
    pub fn dpop_algorithms(&self) -> Option<String> {
        let names =
            |dpop: &Dpop| dpop.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>();
        self.dpop.as_ref().map(|dpop| names(dpop).join(" "))
    }
}

impl Require {
    const fn is_met(self, confirmation: &Confirmation) -> bool {
        match self {
            Self::None => true,
            Self::Mtls => confirmation.certificate.is_some(),
            Self::Dpop => confirmation.key.is_some(),
            Self::Any => confirmation.certificate.is_some() || confirmation.key.is_some(),
        }
    }
}

/// What a token is bound to. Where there are several, all have to be shown.
#[derive(Debug, Default)]
struct Confirmation {
    /// `x5t#S256` (RFC 8705 section 3.1).
    certificate: Option<Thumbprint>,
    /// `jkt` (RFC 9449 section 6.1).
    key: Option<Thumbprint>,
}

impl Confirmation {
    /// Reads `cnf` (RFC 7800 section 3.1).
    fn read(cnf: Option<&Value>) -> Result<Self, JwtError> {
        let Some(cnf) = cnf else { return Ok(Self::default()) };
        let members = cnf.as_object().ok_or(JwtError::ClaimsInvalid)?;
        let digest =
            |name| members.get(name).map(|value| digest(value).ok_or(JwtError::ClaimsInvalid)).transpose();
        let read = Self { certificate: digest("x5t#S256")?, key: digest("jkt")? };
        match read.certificate.is_none() && read.key.is_none() {
            true => Err(JwtError::Bound),
            false => Ok(read),
        }
    }
}

/// A SHA-256 digest in base64url.
fn digest(value: &Value) -> Option<Thumbprint> {
    decode(value.as_str()?.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::testing::TestHost;
    use serde_json::json;

    /// The certificate of RFC 8705 appendix A.
    const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    const HEX: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn check(
        binding: Value,
        cnf: Option<Value>,
        scheme: Option<&str>,
        digest: Option<&str>,
    ) -> Result<(), JwtError> {
        let config: SenderConstraintConfig = serde_json::from_value(binding).unwrap();
        let mut host = TestHost::at(1000);
        if let Some(digest) = digest {
            host.properties.insert("connection.sha256_peer_certificate_digest".into(), digest.into());
        }
        let presented = Presented { token: b"token", scheme };
        let binding = Binding::try_from(config).unwrap();
        binding.check(cnf.as_ref(), presented, &Headers::default(), &mut host).map_err(|error| error.error)
    }

    fn both(require: &str) -> Value {
        json!({"require": require, "mtls": {}, "dpop": {}})
    }

    #[test]
    fn a_certificate_has_to_be_the_one_of_the_token() {
        let mtls =
            |digest| check(json!({"mtls": {}}), Some(json!({"x5t#S256": X5T})), Some("Bearer"), digest);
        assert_eq!(mtls(Some(HEX)), Ok(()));
        let (upper, other) = (HEX.to_uppercase(), HEX.replacen('0', "1", 1));
        assert_eq!(mtls(Some(&upper)), Ok(()));
        for digest in [None, Some(""), Some(&HEX[2..]), Some(X5T), Some(&other)] {
            assert_eq!(mtls(digest), Err(JwtError::BindingMismatch), "{digest:?}");
        }
    }

    #[test]
    fn an_unbound_token_passes_where_nothing_is_required() {
        let unbound = |require, scheme| check(both(require), None, Some(scheme), Some(HEX));
        assert_eq!(unbound("none", "Bearer"), Ok(()));
        assert_eq!(unbound("none", "dpop"), Err(JwtError::DpopBindingMismatch));
        for require in ["mtls", "dpop", "any"] {
            assert_eq!(unbound(require, "Bearer"), Err(JwtError::Unbound), "{require}");
        }
    }

    #[test]
    fn what_is_required_cannot_be_replaced_by_another_binding() {
        let by = |require, cnf| check(both(require), Some(cnf), Some("Bearer"), Some(HEX));
        assert_eq!(by("dpop", json!({"x5t#S256": X5T})), Err(JwtError::Unbound));
        assert_eq!(by("mtls", json!({"jkt": JKT})), Err(JwtError::Unbound));
        assert_eq!(by("any", json!({"x5t#S256": X5T})), Ok(()));
        assert_eq!(by("mtls", json!({"x5t#S256": X5T})), Ok(()));
    }

    #[test]
    fn every_known_method_has_to_hold() {
        let cnf = || Some(json!({"x5t#S256": X5T, "jkt": JKT}));
        assert_eq!(check(both("any"), cnf(), Some("DPoP"), Some(HEX)), Err(JwtError::DpopProofMissing));
        assert_eq!(check(both("any"), cnf(), Some("DPoP"), None), Err(JwtError::BindingMismatch));
        assert_eq!(check(both("any"), cnf(), Some("Bearer"), Some(HEX)), Err(JwtError::DpopBindingMismatch));
    }

    #[test]
    fn a_dpop_token_is_no_bearer_token() {
        let cnf = || Some(json!({"jkt": JKT}));
        for scheme in [None, Some("Bearer"), Some("DPoPx"), Some("")] {
            assert_eq!(
                check(both("none"), cnf(), scheme, None),
                Err(JwtError::DpopBindingMismatch),
                "{scheme:?}"
            );
        }
        assert_eq!(check(both("none"), cnf(), Some("dPoP"), None), Err(JwtError::DpopProofMissing));
    }

    #[test]
    fn a_binding_that_is_not_configured_or_not_known_is_refused() {
        let bound = |config, cnf| check(config, Some(cnf), Some("Bearer"), Some(HEX));
        assert_eq!(bound(json!({}), json!({"x5t#S256": X5T})), Err(JwtError::Bound));
        assert_eq!(bound(json!({"mtls": {}}), json!({"jkt": JKT})), Err(JwtError::Bound));
        assert_eq!(bound(json!({"dpop": {}}), json!({"x5t#S256": X5T})), Err(JwtError::Bound));
        for cnf in [json!({}), json!({"kid": "k"}), json!({"jwk": {}}), json!({"x5t": X5T})] {
            assert_eq!(bound(both("none"), cnf.clone()), Err(JwtError::Bound), "{cnf}");
        }
        assert_eq!(bound(both("none"), json!({"kid": "k", "x5t#S256": X5T})), Ok(()));
    }

    #[test]
    fn a_cnf_of_another_form_is_refused() {
        for cnf in [
            json!(null),
            json!(X5T),
            json!([]),
            json!({"x5t#S256": null}),
            json!({"x5t#S256": ""}),
            json!({"x5t#S256": HEX}),
            json!({"x5t#S256": format!("{X5T}=")}),
            json!({"x5t#S256": X5T, "jkt": 1}),
        ] {
            let result = check(both("none"), Some(cnf.clone()), Some("Bearer"), Some(HEX));
            assert_eq!(result, Err(JwtError::ClaimsInvalid), "{cnf}");
        }
    }
}
