//! The members of a JWK (RFC 7517 section 4, RFC 7518 section 6).

use portcullis_kit::ConfigError;
use serde_json::{Map, Value};

use crate::Algorithm;
use crate::jws::decode;

/// Members that are somebody's secret (RFC 7518 sections 6.2.2, 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Refuses a private key, whatever it is for.
pub(crate) fn check_public(jwk: &Map<String, Value>) -> Result<(), ConfigError> {
    let private = PRIVATE.into_iter().find(|member| jwk.contains_key(*member));
    match private.filter(|_| jwk.get("kty").is_none_or(|key_type| key_type != "oct")) {
        None => Ok(()),
        Some(member) => Err(ConfigError::at(
            member,
            "a private key; remove it here, and replace the key pair wherever this text has been",
        )),
    }
}

/// `use` (RFC 7517 section 4.2) and `key_ops` (section 4.3).
pub(crate) fn is_for_verification(jwk: &Map<String, Value>) -> Result<bool, ConfigError> {
    let operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(list)) => list.iter().any(|operation| operation == "verify"),
        Some(_) => return Err(ConfigError::at("key_ops", "not a list; write [\"verify\"] or leave it out")),
    };
    Ok(operations && optional(jwk, "use")?.is_none_or(|purpose| purpose == "sig"))
}

/// The one algorithm of a key. `None` for a kind of key that is not known here.
pub(crate) fn algorithm(
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
pub(crate) fn point(jwk: &Map<String, Value>, curve: &str, size: usize) -> Result<Vec<u8>, ConfigError> {
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

pub(crate) fn secret(jwk: &Map<String, Value>, least: usize) -> Result<Vec<u8>, ConfigError> {
    let secret = bytes(jwk, "k")?;
    if secret.len() < least {
        // RFC 7518 section 3.2.
        let problem =
            format!("{} bytes; a secret has at least the {least} bytes of the digest", secret.len());
        return Err(ConfigError::at("k", problem));
    }
    Ok(secret)
}

pub(crate) fn bytes(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, ConfigError> {
    decode(required(jwk, member)?.as_bytes())
        .map_err(|_| ConfigError::at(member, "not base64url without padding (RFC 7515 section 2)"))
}

pub(crate) fn required<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<&'a str, ConfigError> {
    optional(jwk, member)?
        .ok_or_else(|| ConfigError::at(member, "missing; a JWK of this kind needs it (RFC 7518 section 6)"))
}

pub(crate) fn optional<'a>(
    jwk: &'a Map<String, Value>,
    member: &str,
) -> Result<Option<&'a str>, ConfigError> {
    let not_text = || ConfigError::at(member, "not a string");
    jwk.get(member).map(|value| value.as_str().ok_or_else(not_text)).transpose()
}
