//! What tells one key from another.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Algorithm;

/// Which key: its material and its algorithm, not its name.
///
/// 128 bits of SHA-256. Two keys with one identity take 2^64 tries by somebody who may choose keys of the very set: the
/// issuer, who could as well sign what it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(Default))]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// The identity of a key that has been read. `None` for a `kty` that is not known here.
    pub(crate) fn new(algorithm: Algorithm, jwk: &Map<String, Value>) -> Option<Self> {
        let mut hash = Sha256::new_with_prefix(algorithm.name());
        hash.update([0]);
        hash.update(canonical(jwk)?);
        hash.finalize().first_chunk().copied().map(Self)
    }
}

/// The SHA-256 thumbprint (RFC 7638) of a public key of type RSA, EC or OKP. `None` for other types, and where a member that the
/// type requires is missing or no string. A shared secret has none: section 7 warns of publishing it.
pub(crate) fn thumbprint(jwk: &Map<String, Value>) -> Option<[u8; 32]> {
    if jwk.get("kty")? == "oct" {
        return None;
    }
    Some(Sha256::digest(canonical(jwk)?).into())
}

/// The required members in the order of their names, without space (RFC 7638 section 3.3; for OKP, RFC 8037 section 2).
fn canonical(jwk: &Map<String, Value>) -> Option<Vec<u8>> {
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        "oct" => &["k", "kty"],
        _ => return None,
    };
    let member =
        |name: &&str| Some(((*name).to_owned(), jwk.get(*name).filter(|value| value.is_string())?.clone()));
    let canonical = members.iter().map(member).collect::<Option<Map<_, _>>>()?;
    serde_json::to_vec(&canonical).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::keys::jwk::bytes;

    fn jwk(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn printed(jwk: &Map<String, Value>) -> Vec<u8> {
        thumbprint(jwk).unwrap().to_vec()
    }

    fn decoded(text: &str) -> Vec<u8> {
        bytes(&jwk(json!({"x": text})), "x").unwrap()
    }

    #[test]
    fn the_example_of_rfc_7638_section_3_1() {
        let example = jwk(json!({
            "kty": "RSA",
            "n": concat!(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF",
                "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9",
                "c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1",
                "jF44-csFCur-kEgU8awapJzKnqDKgw",
            ),
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        }));
        assert_eq!(printed(&example), decoded("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    #[test]
    fn the_example_of_rfc_8037_appendix_a_3() {
        let example = jwk(json!({
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "crv": "Ed25519",
            "kty": "OKP",
            "use": "sig",
        }));
        assert_eq!(printed(&example), decoded("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn the_example_of_rfc_9449_section_6_1() {
        let example = jwk(json!({
            "kty": "EC",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
            "crv": "P-256",
        }));
        assert_eq!(printed(&example), decoded("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
    }

    #[test]
    fn only_what_makes_a_key_counts() {
        let key = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AQ"});
        let mut named = key.clone();
        named["kid"] = json!("a");
        assert_eq!(thumbprint(&jwk(key.clone())), thumbprint(&jwk(named)));
        for member in ["crv", "x", "y"] {
            let mut other = key.clone();
            other[member] = json!("Ag");
            assert_ne!(thumbprint(&jwk(key.clone())), thumbprint(&jwk(other.clone())), "{member}");
            other[member] = json!(1);
            assert_eq!(thumbprint(&jwk(other.clone())), None, "{member}");
            other.as_object_mut().unwrap().remove(member);
            assert_eq!(thumbprint(&jwk(other)), None, "{member}");
        }
        for other in [json!({}), json!({"kty": 1}), json!({"kty": "AKP"}), json!({"kty": "oct", "k": "AA"})] {
            assert_eq!(thumbprint(&jwk(other)), None);
        }
    }

    #[test]
    fn one_key_for_two_algorithms_is_two() {
        let key = jwk(json!({"kty": "RSA", "e": "AQAB", "n": "AA"}));
        let id = |algorithm| KeyId::new(algorithm, &key).unwrap();
        assert_eq!(id(Algorithm::Rs256), id(Algorithm::Rs256));
        assert_ne!(id(Algorithm::Rs256), id(Algorithm::Ps256));
    }
}
