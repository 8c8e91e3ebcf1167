use std::time::Duration;

use portcullis_kit::{Headers, UnixTime};
use serde_json::Value;

use crate::claims::Claims;
use crate::source::Source;
use crate::{Algorithm, Jws, JwtError, KeySet};

/// The `typ` values of tokens that are meant to grant access: RFC 7519 section 5.1, RFC 9068 section 2.1.
const ACCESS_TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// One issuer whose tokens are accepted, validated.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) issuer: String,
    /// Empty: any.
    pub(crate) audiences: Vec<String>,
    pub(crate) keys: KeySet,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// Lower case, without `application/`; `None` accepts [`ACCESS_TYPES`] and no `typ` at all.
    pub(crate) types: Option<Vec<String>>,
    pub(crate) sources: Vec<Source>,
    pub(crate) forward: bool,
    pub(crate) clock_skew: Duration,
    pub(crate) require_expiration: bool,
    pub(crate) claim_headers: Vec<ClaimHeader>,
}

/// A claim that the upstream gets as a header.
#[derive(Debug)]
pub(crate) struct ClaimHeader {
    pub(crate) claim: String,
    /// Lower case.
    pub(crate) header: String,
}

impl Provider {
    /// Lets a request pass on the strength of the token that was found at `source`, and prepares it for the upstream.
    pub(crate) fn admit(
        &self,
        source: &Source,
        token: &[u8],
        request: &mut Headers,
        now: UnixTime,
    ) -> Result<(), JwtError> {
        if !self.sources.contains(source) {
            return Err(JwtError::Missing);
        }
        let claims = self.verify(token, now)?;
        let values = self.header_values(&claims)?;
        if !self.forward {
            source.strip(request);
        }
        for (header, value) in values {
            request.set(header, value.as_bytes());
        }
        Ok(())
    }

    /// Checks a token, the cheap things first; only the signature makes the rest true.
    fn verify(&self, token: &[u8], now: UnixTime) -> Result<Claims, JwtError> {
        let jws = Jws::parse(token)?;
        let claims = Claims::new(jws.claims()?)?;
        if claims.issuer() != Some(self.issuer.as_str()) {
            return Err(JwtError::IssuerNotAllowed);
        }
        if self.algorithms.as_ref().is_some_and(|allowed| !allowed.contains(&jws.algorithm)) {
            return Err(JwtError::AlgorithmNotAllowed);
        }
        if !self.accepts_type(jws.typ.as_deref()) {
            return Err(JwtError::TypeNotAllowed);
        }
        claims.check_time(now, self.clock_skew, self.require_expiration)?;
        if !self.audiences.is_empty() && !claims.is_for(&self.audiences) {
            return Err(JwtError::AudienceNotAllowed);
        }
        if claims.is_bound() {
            return Err(JwtError::Bound);
        }
        self.keys.verify_in_module(&jws)?;
        Ok(claims)
    }

    fn accepts_type(&self, typ: Option<&str>) -> bool {
        match (&self.types, typ) {
            (None, None) => true,
            (None, Some(typ)) => ACCESS_TYPES.contains(&typ),
            (Some(types), Some(typ)) => types.iter().any(|accepted| accepted == typ),
            (Some(_), None) => false,
        }
    }

    fn header_values(&self, claims: &Claims) -> Result<Vec<(&str, String)>, JwtError> {
        let present = self.claim_headers.iter().filter_map(|mapped| {
            let value = claims.get(&mapped.claim).filter(|value| !value.is_null())?;
            Some((mapped.header.as_str(), value))
        });
        present.map(|(header, value)| Ok((header, header_value(value)?))).collect()
    }
}

/// From 2^53 on a double no longer holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Text as it is, everything else as JSON. A control character would split the header, outer spaces would be lost on the way
/// (RFC 9110 section 5.5), and an integer too large for 64 bits has already lost digits: each could turn one subject
/// into another.
fn header_value(claim: &Value) -> Result<String, JwtError> {
    let text = match claim {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let inexact = claim.as_f64().filter(|_| claim.is_f64()).is_some_and(|number| number.abs() >= EXACT);
    match inexact || text.trim_ascii() != text || text.bytes().any(|byte| byte.is_ascii_control()) {
        true => Err(JwtError::ClaimNotAHeader),
        false => Ok(text),
    }
}

/// Whether an upstream may take one header name for the other: CGI and WSGI write both `-` and `_` as `_` (RFC 3875
/// section 4.1.18).
pub(crate) fn reads_as(name: &[u8], header: &str) -> bool {
    let dashed = |byte: &u8| if *byte == b'_' { b'-' } else { *byte };
    name.len() == header.len() && name.iter().map(dashed).eq(header.as_bytes().iter().map(dashed))
}
