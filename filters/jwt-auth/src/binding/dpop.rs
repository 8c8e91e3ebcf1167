//! DPoP (RFC 9449): the client signs each request with the key that its token is bound to.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_kit::{Headers, Host, UnixTime};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Thumbprint;
use super::nonce::Nonces;
use super::replay::{Proof, ReplayCache};
use super::{BindingError, uri};
use crate::claims::Claims;
use crate::keys::Key;
use crate::keys::thumbprint;
use crate::{Algorithm, Jws, JwtError};

/// More than a proof with an RSA key of 8192 bits needs.
const MAX_PROOF: usize = 8 * 1024;
const MAX_JTI: usize = 256;
/// Members of a JWK that must not be public (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Validated: how proofs are checked.
#[derive(Debug)]
pub(super) struct Dpop {
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) max_age: Duration,
    pub(super) skew: Duration,
    pub(super) nonces: Option<Nonces>,
    pub(super) seen: ReplayCache,
}

impl Dpop {
    /// Checks the proof of a request (RFC 9449 sections 4.3 and 7.1): the cheap things first, then the signature, and only what is
    /// signed gets into the memory of used proofs. `bound_to` is the token's `cnf.jkt`.
    pub(super) fn check(
        &self,
        bound_to: &Thumbprint,
        token: &[u8],
        request: &Headers,
        host: &mut dyn Host,
    ) -> Result<(), BindingError> {
        let now = host.now();
        let jws =
            Jws::parse(header(request)?).map_err(|_| invalid("the proof is no JWS that is accepted here"))?;
        let jwk = self.bound_key(&jws, bound_to)?;
        let claims = jws.claims().and_then(Claims::new);
        let claims =
            claims.map_err(|_| invalid("the claims of the proof are no JSON object of the right types"))?;
        fits_request(&claims, request)?;
        if claims.get("ath").and_then(Value::as_str) != Some(&URL_SAFE_NO_PAD.encode(Sha256::digest(token))) {
            return Err(invalid("ath is not the hash of the access token"));
        }
        self.check_nonce(&claims, now)?;
        let fresh_until = self.check_time(&claims, now)?;
        let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
        let jti = jti.ok_or_else(|| invalid("jti is missing, empty or too long"))?;
        let key = key(jwk, jws.algorithm).ok_or_else(|| invalid("jwk is no key for alg"))?;
        if !key.verifies(jws.signing_input, &jws.signature) {
            return Err(invalid("the signature of the proof does not fit its key"));
        }
        let proof = Proof::new(bound_to, jti, fresh_until).ok_or(JwtError::DpopReplayUnchecked)?;
        Ok(self.seen.admit(&proof, now, host)?)
    }

    /// The key in the proof, if it is the one that the token is bound to.
    fn bound_key<'j>(
        &self,
        jws: &'j Jws<'_>,
        bound_to: &Thumbprint,
    ) -> Result<&'j Map<String, Value>, BindingError> {
        if jws.typ.as_deref() != Some("dpop+jwt") {
            return Err(invalid("typ is not dpop+jwt"));
        }
        if !self.algorithms.contains(&jws.algorithm) {
            return Err(invalid("alg is not among the algorithms of proofs"));
        }
        let jwk = jws.jwk().ok_or_else(|| invalid("jwk is missing"))?;
        if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
            return Err(invalid("jwk is a private key"));
        }
        let digest = thumbprint(jwk).ok_or_else(|| invalid("jwk is no public key"))?;
        let is_bound: bool = digest.ct_eq(bound_to).into();
        if !is_bound {
            return Err(JwtError::DpopBindingMismatch.into());
        }
        Ok(jwk)
    }

    fn check_nonce(&self, claims: &Claims, now: UnixTime) -> Result<(), BindingError> {
        let Some(nonces) = &self.nonces else { return Ok(()) };
        let nonce = claims.get("nonce").and_then(Value::as_str);
        if nonce.is_some_and(|nonce| nonces.accepts(nonce, now)) {
            return Ok(());
        }
        Err(BindingError { nonce: Some(nonces.issue(now)), ..JwtError::DpopNonce.into() })
    }

    /// The last moment at which the proof is fresh. `exp` and `nbf`, which a proof need not have, hold as in every JWT.
    fn check_time(&self, claims: &Claims, now: UnixTime) -> Result<UnixTime, BindingError> {
        let made = claims.get("iat").and_then(seconds).ok_or_else(|| invalid("iat is missing"))?;
        let fresh_until = made.saturating_add(self.max_age);
        if fresh_until < now {
            return Err(invalid("iat is too long ago"));
        }
        if now.saturating_add(self.skew) < made {
            return Err(invalid("iat is in the future"));
        }
        let stale = |_| invalid("the proof has expired, or is not valid yet");
        claims.check_time(now, self.skew, false).map_err(stale)?;
        Ok(fresh_until)
    }
}

/// The one DPoP header (check 1). Proxies join a repeated header with commas, which no JWS has.
fn header(request: &Headers) -> Result<&[u8], BindingError> {
    let Some(first) = request.first("dpop") else { return Err(JwtError::DpopProofMissing.into()) };
    if request.only("dpop").is_none() {
        return Err(invalid("more than one DPoP header"));
    }
    match first.trim_ascii() {
        proof if proof.len() > MAX_PROOF => Err(invalid("the proof is too long")),
        proof => Ok(proof),
    }
}

fn key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<Key> {
    let key = Key::from_jwk(jwk, Some(&[algorithm])).ok()??;
    (key.algorithm == algorithm).then_some(key)
}

/// `htm` and `htu` (checks 8 and 9).
fn fits_request(claims: &Claims, request: &Headers) -> Result<(), BindingError> {
    let text = |name| claims.get(name).and_then(Value::as_str);
    if text("htm").is_none_or(|method| request.only(":method") != Some(method.as_bytes())) {
        return Err(invalid("htm is not the method of the request"));
    }
    match (text("htu").and_then(uri::of_claim), uri::of_request(request)) {
        (Some(meant), Some(asked)) if meant == asked => Ok(()),
        _ => Err(invalid("htu is not the URI of the request")),
    }
}

/// A NumericDate to the second; [`Claims`] has made sure that it is a number that can be one.
fn seconds(date: &Value) -> Option<UnixTime> {
    let whole = date.as_u64().or_else(|| date.as_f64().map(|seconds| seconds as u64));
    whole.map(UnixTime::from_secs)
}

fn invalid(reason: &'static str) -> BindingError {
    BindingError { reason, ..JwtError::DpopProofInvalid.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_for_the_algorithm_that_it_names() {
        let fits = |members: Value, algorithm| key(members.as_object().unwrap(), algorithm).is_some();
        let rsa =
            |alg| json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB", "alg": alg});
        assert!(fits(rsa("PS256"), Algorithm::Ps256));
        assert!(!fits(rsa("RS256"), Algorithm::Ps256));
        let secret = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([1; 32]), "alg": "HS256"});
        assert!(!fits(secret, Algorithm::Es256));
    }
}
