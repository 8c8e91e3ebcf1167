use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike, HS256Key, HS384Key, HS512Key, MACLike,
};
use p256::ecdsa::signature::Verifier;
use portcullis_kit::ConfigError;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use crate::Algorithm;
use crate::jws::decode;
use crate::rsa::{RsaKey, RsaKeyError};

/// Members of a JWK that are somebody's secret (RFC 7518 sections 6.2.2, 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A key that verifies signatures of exactly one algorithm (RFC 8725 section 3.1).
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    material: Material,
}

enum Material {
    Es256(ES256PublicKey),
    Es384(ES384PublicKey),
    Es512(p521::ecdsa::VerifyingKey),
    EdDsa(Ed25519PublicKey),
    Hs256(HS256Key),
    Hs384(HS384Key),
    Hs512(HS512Key),
    Rsa(RsaKey),
}

impl std::fmt::Debug for Material {
    /// Shows nothing: it may be a shared secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl Key {
    /// Reads a JWK (RFC 7517 section 4). `None` for a key that is not meant for signatures, or of a kind that is not
    /// known here, as section 5 asks. A key without `alg` gets its algorithm from `crv`, or from the provider's list.
    ///
    /// # Errors
    /// A key that is meant for us and cannot be used.
    pub(crate) fn from_jwk(
        jwk: &Map<String, Value>,
        allowed: Option<&[Algorithm]>,
    ) -> Result<Option<Self>, ConfigError> {
        // Before anything is passed over: a private key is out of place whatever it is for.
        let key_type = required(jwk, "kty")?;
        if key_type != "oct"
            && let Some(member) = PRIVATE.into_iter().find(|member| jwk.contains_key(*member))
        {
            return Err(ConfigError::at(
                member,
                "a private key; remove it here, and replace the key pair wherever this text has been",
            ));
        }
        if !is_for_verification(jwk)? {
            return Ok(None);
        }
        let Some(algorithm) = algorithm(jwk, allowed)? else { return Ok(None) };
        let material = Material::new(algorithm, jwk)?;
        Ok(Some(Self { algorithm, key_id: optional(jwk, "kid")?.map(str::to_owned), material }))
    }

    /// Whether the signature fits.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(message, &signature).is_ok()),
            Material::Es384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(message, &signature).is_ok()),
            Material::Es512(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Material::EdDsa(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(message, &signature).is_ok()),
            Material::Hs256(key) => equal(&key.authentication_tag(message), signature),
            Material::Hs384(key) => equal(&key.authentication_tag(message), signature),
            Material::Hs512(key) => equal(&key.authentication_tag(message), signature),
            Material::Rsa(key) => key.verifies(self.algorithm, message, signature),
        }
    }
}

impl Material {
    fn new(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<Self, ConfigError> {
        let off_curve = |_| ConfigError::at("x", "x and y are no point on the curve");
        Ok(match algorithm {
            Algorithm::Es256 => {
                Self::Es256(ES256PublicKey::from_bytes(&point(jwk, "P-256", 32)?).map_err(off_curve)?)
            }
            Algorithm::Es384 => {
                Self::Es384(ES384PublicKey::from_bytes(&point(jwk, "P-384", 48)?).map_err(off_curve)?)
            }
            Algorithm::Es512 => Self::Es512(
                p521::ecdsa::VerifyingKey::from_sec1_bytes(&point(jwk, "P-521", 66)?)
                    .map_err(|_| ConfigError::at("x", "x and y are no point on the curve"))?,
            ),
            Algorithm::EdDsa => Self::EdDsa(edwards(jwk)?),
            Algorithm::Hs256 => Self::Hs256(HS256Key::from_bytes(&secret(jwk, 32)?)),
            Algorithm::Hs384 => Self::Hs384(HS384Key::from_bytes(&secret(jwk, 48)?)),
            Algorithm::Hs512 => Self::Hs512(HS512Key::from_bytes(&secret(jwk, 64)?)),
            _ => Self::Rsa(rsa(jwk)?),
        })
    }
}

/// `use` (RFC 7517 section 4.2) and `key_ops` (section 4.3).
fn is_for_verification(jwk: &Map<String, Value>) -> Result<bool, ConfigError> {
    let operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(list)) => list.iter().any(|operation| operation == "verify"),
        Some(_) => return Err(ConfigError::at("key_ops", "not a list; write [\"verify\"] or leave it out")),
    };
    Ok(operations && optional(jwk, "use")?.is_none_or(|purpose| purpose == "sig"))
}

/// The one algorithm of a key. `None` for a kind of key that is not known here.
fn algorithm(
    jwk: &Map<String, Value>,
    allowed: Option<&[Algorithm]>,
) -> Result<Option<Algorithm>, ConfigError> {
    let (key_type, curve) = (required(jwk, "kty")?, optional(jwk, "crv")?);
    let fitting: &[Algorithm] = match (key_type, curve) {
        ("RSA", None) => &[
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
        ],
        ("EC", Some("P-256")) => &[Algorithm::Es256],
        ("EC", Some("P-384")) => &[Algorithm::Es384],
        ("EC", Some("P-521")) => &[Algorithm::Es512],
        ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
        ("oct", None) => &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512],
        _ => return Ok(None),
    };
    let Some(name) = optional(jwk, "alg")? else { return implied(key_type, fitting, allowed) };
    let Some(algorithm) = Algorithm::from_name(name) else { return Ok(None) };
    if !fitting.contains(&algorithm) {
        let curve = curve.map(|curve| format!(" on {curve}")).unwrap_or_default();
        let names: Vec<_> = fitting.iter().map(|algorithm| algorithm.name()).collect();
        let problem =
            format!("{name:?} does not fit a key of kty {key_type}{curve}; write {}", names.join(" or "));
        return Err(ConfigError::at("alg", problem));
    }
    Ok(Some(algorithm))
}

/// The algorithm of a key that names none. `None` where the provider allows none that fits it.
fn implied(
    key_type: &str,
    fitting: &[Algorithm],
    allowed: Option<&[Algorithm]>,
) -> Result<Option<Algorithm>, ConfigError> {
    let mut candidates =
        fitting.iter().copied().filter(|a| allowed.is_none_or(|allowed| allowed.contains(a)));
    match (candidates.next(), candidates.next(), key_type, allowed) {
        (only, None, ..) => Ok(only),
        // What most identity providers mean who publish RSA keys without `alg`.
        (Some(_), Some(_), "RSA", None) => Ok(Some(Algorithm::Rs256)),
        _ => {
            let problem = "missing, and nothing says which algorithm the key is for; name it, or allow only one in `algorithms`";
            Err(ConfigError::at("alg", problem))
        }
    }
}

/// An uncompressed point (SEC 1 section 2.3.3); each coordinate has the full length of the field (RFC 7518 section 6.2.1.2).
fn point(jwk: &Map<String, Value>, curve: &str, size: usize) -> Result<Vec<u8>, ConfigError> {
    let mut point = vec![4];
    for coordinate in ["x", "y"] {
        let bytes = bytes(jwk, coordinate)?;
        if bytes.len() != size {
            let problem = format!("{} bytes; a coordinate on {curve} has {size}", bytes.len());
            return Err(ConfigError::at(coordinate, problem));
        }
        point.extend(bytes);
    }
    Ok(point)
}

fn edwards(jwk: &Map<String, Value>) -> Result<Ed25519PublicKey, ConfigError> {
    let wrong =
        || ConfigError::at("x", "not an Ed25519 public key: 32 bytes that are a point of large order");
    let key = Ed25519PublicKey::from_bytes(&bytes(jwk, "x")?).map_err(|_| wrong())?;
    key.public_key().as_ref().validate().map_err(|_| wrong())?;
    Ok(key)
}

fn secret(jwk: &Map<String, Value>, least: usize) -> Result<Vec<u8>, ConfigError> {
    let secret = bytes(jwk, "k")?;
    if secret.len() < least {
        // RFC 7518 section 3.2.
        let problem =
            format!("{} bytes; a secret has at least the {least} bytes of the digest", secret.len());
        return Err(ConfigError::at("k", problem));
    }
    Ok(secret)
}

fn rsa(jwk: &Map<String, Value>) -> Result<RsaKey, ConfigError> {
    RsaKey::new(&bytes(jwk, "n")?, &bytes(jwk, "e")?).map_err(|error| match error {
        RsaKeyError::Exponent => {
            ConfigError::at("e", "not an odd number from 65537 (AQAB) up; use another key pair")
        }
        RsaKeyError::Modulus => {
            ConfigError::at("n", "not an odd modulus of 2048 to 8192 bits; use another key pair")
        }
    })
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, ConfigError> {
    decode(required(jwk, member)?.as_bytes())
        .map_err(|_| ConfigError::at(member, "not base64url without padding (RFC 7515 section 2)"))
}

fn required<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<&'a str, ConfigError> {
    optional(jwk, member)?
        .ok_or_else(|| ConfigError::at(member, "missing; a JWK of this kind needs it (RFC 7518 section 6)"))
}

fn optional<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, ConfigError> {
    let not_text = || ConfigError::at(member, "not a string");
    jwk.get(member).map(|value| value.as_str().ok_or_else(not_text)).transpose()
}

fn equal(ours: &[u8], theirs: &[u8]) -> bool {
    ours.ct_eq(theirs).into()
}
