//! What the upstream, later filters and access logs get to see of an accepted token.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_kit::{Headers, Host};
use serde_json::{Map, Value};

use crate::JwtError;
use crate::claim_path::{ClaimPath, Found};
use crate::claims::Claims;

/// What a provider hands on.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) claim_headers: Vec<ClaimHeader>,
    pub(crate) payload_header: Option<PayloadHeader>,
    pub(crate) payload_state: Option<Arc<str>>,
    pub(crate) header_state: Option<Arc<str>>,
    pub(crate) failure_state: Option<Arc<str>>,
    pub(crate) space_delimited: Vec<String>,
}

/// A claim that the upstream gets as a header.
#[derive(Debug)]
pub(crate) struct ClaimHeader {
    pub(crate) claim: ClaimPath,
    /// Lower case.
    pub(crate) header: Arc<str>,
}

/// The header for the whole payload.
#[derive(Debug)]
pub(crate) struct PayloadHeader {
    /// Lower case.
    pub(crate) name: Arc<str>,
    pub(crate) padded: bool,
}

/// The outputs of one token, ready to be set.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    headers: Vec<(Arc<str>, Vec<u8>)>,
    filter_state: Vec<(Arc<str>, Vec<u8>)>,
}

impl Outputs {
    /// The request headers that only we may set.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        let claims = self.claim_headers.iter().map(|mapped| &*mapped.header);
        claims.chain(self.payload_header.iter().map(|header| &*header.name))
    }

    /// Renders what an authorization server has said of a token; there is no header then, and the payload is what it said.
    pub(crate) fn render_claims(&self, claims: &Claims) -> Result<Rendered, JwtError> {
        let payload = URL_SAFE_NO_PAD.encode(json(claims.members()));
        self.render((claims, &Map::new()), payload.as_bytes())
    }

    /// Renders the claims and the header of a token; `payload` is its payload in base64url.
    pub(crate) fn render(
        &self,
        (claims, header): (&Claims, &Map<String, Value>),
        payload: &[u8],
    ) -> Result<Rendered, JwtError> {
        let mut rendered = Rendered::default();
        for mapped in &self.claim_headers {
            if let Found::Value(value) = mapped.claim.find(claims.members())
                && !value.is_null()
            {
                rendered.headers.push((mapped.header.clone(), header_value(value)?.into_bytes()));
            }
        }
        if let Some(header) = &self.payload_header {
            rendered.headers.push((header.name.clone(), header.value(payload)));
        }
        if let Some(name) = &self.payload_state {
            rendered.filter_state.push((name.clone(), self.payload_json(claims)));
        }
        if let Some(name) = &self.header_state {
            rendered.filter_state.push((name.clone(), json(header)));
        }
        Ok(rendered)
    }

    /// Tells later filters and access logs why a token was refused.
    pub(crate) fn report_failure(&self, error: JwtError, host: &mut dyn Host) {
        let Some(name) = &self.failure_state else { return };
        let row = error.row();
        let value = serde_json::json!({"code": row.code, "message": row.detail});
        // For information only: nothing depends on it.
        let _ = host.set_property(name, value.to_string().as_bytes());
    }

    fn payload_json(&self, claims: &Claims) -> Vec<u8> {
        let mut claims = claims.members().clone();
        for name in &self.space_delimited {
            if let Some(value) = claims.get_mut(name)
                && let Some(text) = value.as_str()
            {
                *value = text.split_ascii_whitespace().map(Value::from).collect();
            }
        }
        json(&claims)
    }
}

impl PayloadHeader {
    fn value(&self, payload: &[u8]) -> Vec<u8> {
        let padding: &[u8] = match payload.len() % 4 {
            2 if self.padded => b"==",
            3 if self.padded => b"=",
            _ => b"",
        };
        [payload, padding].concat()
    }
}

impl Rendered {
    /// Sets everything; what could not be set, and why.
    pub(crate) fn apply(&self, request: &mut Headers, host: &mut dyn Host) -> Option<String> {
        for (name, value) in &self.headers {
            request.set(name, value);
        }
        let mut problem = None;
        for (name, value) in &self.filter_state {
            if let Err(error) = host.set_property(name, value) {
                problem = Some(format!("filter state {name:?} was not set: {error}"));
            }
        }
        problem
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn footprint(&self) -> usize {
        self.headers.iter().chain(&self.filter_state).map(|(_, value)| value.len() + 48).sum()
    }
}

fn json(members: &Map<String, Value>) -> Vec<u8> {
    // A map with text for names always has a JSON form.
    serde_json::to_vec(members).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_fills_up_to_four() {
        let value = |padded, payload: &str| {
            let header = PayloadHeader { name: "x".into(), padded };
            String::from_utf8(header.value(payload.as_bytes())).unwrap()
        };
        assert_eq!(value(true, "e30"), "e30=");
        assert_eq!(value(true, "e3"), "e3==");
        assert_eq!(value(true, "e30x"), "e30x");
        assert_eq!(value(false, "e30"), "e30");
    }
}
