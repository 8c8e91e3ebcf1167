//! Tokens that are bound to a client certificate (RFC 8705 section 3).

use portcullis_kit::Properties;
use subtle::ConstantTimeEq;

use super::Thumbprint;
use crate::JwtError;

/// Checks that the client has shown, and by the TLS handshake proven to own, the certificate that the token is bound to. Whether
/// anybody vouches for that certificate is for the listener to decide: section 2.2 allows self-signed ones.
pub(super) fn check(bound_to: &Thumbprint, host: &mut (impl Properties + ?Sized)) -> Result<(), JwtError> {
    let digest = host.property(&["connection", "sha256_peer_certificate_digest"]).and_then(|hex| parse(&hex));
    let fits = digest.is_some_and(|digest| digest.ct_eq(bound_to).into());
    if fits { Ok(()) } else { Err(JwtError::BindingMismatch) }
}

/// A digest in hexadecimal, as Envoy writes it; empty where there is no certificate.
fn parse(hex: &[u8]) -> Option<Thumbprint> {
    let (pairs, []) = hex.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_digest_is_one() {
        let hex = "0123456789abcdefABCDEF0123456789".repeat(2);
        let digest = parse(hex.as_bytes()).unwrap();
        assert_eq!(digest[..4], [0x01, 0x23, 0x45, 0x67]);
        let spaced = format!(" {}", &hex[1..]);
        for bad in ["", &hex[1..], &hex[2..], &format!("{hex}00"), &spaced, &"+1".repeat(32)] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
