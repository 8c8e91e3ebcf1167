use portcullis_kit::{ConfigError, ForeignFunctions};
use serde_json::{Map, Value};

use super::ecdsa::EcdsaKey;
use super::hmac::HmacKey;
use super::host_crypto::{Family, HostCrypto, HostKey};
use super::identity::KeyId;
use super::rsa::{RsaKey, RsaKeyError};
use super::{der, jwk};
use crate::Algorithm;

/// A key that verifies signatures of exactly one algorithm (RFC 8725 section 3.1).
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) identity: KeyId,
    material: Material,
    /// The form in which the host can be asked; `None` for an algorithm that it does not verify.
    host_key: Option<HostKey>,
}

enum Material {
    Es256(EcdsaKey<p256::NistP256>),
    Es384(EcdsaKey<p384::NistP384>),
    Es512(EcdsaKey<p521::NistP521>),
    EdDsa(ed25519_compact::PublicKey),
    Hmac(HmacKey),
    Rsa(RsaKey),
}

/// A signature whose form is right.
enum Signature<'a> {
    Es256(p256::ecdsa::Signature),
    Es384(p384::ecdsa::Signature),
    Es512(p521::ecdsa::Signature),
    Bytes(&'a [u8]),
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
        jwk::required(jwk, "kty")?;
        jwk::check_public(jwk)?;
        if !jwk::is_for_verification(jwk)? {
            return Ok(None);
        }
        let Some(algorithm) = jwk::algorithm(jwk, allowed)? else { return Ok(None) };
        let (material, host_key) = material(algorithm, jwk)?;
        let Some(identity) = KeyId::new(algorithm, jwk) else { return Ok(None) };
        let key_id = jwk::optional(jwk, "kid")?.map(str::to_owned);
        Ok(Some(Self { algorithm, key_id, identity, material, host_key }))
    }

    /// Whether the signature fits, found out in the module.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.material.read(signature).is_some_and(|signature| self.fits(message, &signature))
    }

    /// Whether the signature fits, by the host's word where that is trusted and clear.
    pub(crate) fn verifies_through(
        &self,
        (crypto, host): (&HostCrypto, &mut dyn ForeignFunctions),
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        // What has not the form of a signature is none; no two libraries are asked what they make of it.
        let Some(signature) = self.material.read(signature) else { return false };
        let answer =
            self.host_key.as_ref().and_then(|key| crypto.verifies(host, key, &signature.for_host(), message));
        answer.unwrap_or_else(|| self.fits(message, &signature))
    }

    /// What the host would be asked about a signature; `None` for what it is not asked about.
    pub(crate) fn for_host(&self, signature: &[u8]) -> Option<(&HostKey, Vec<u8>)> {
        Some((self.host_key.as_ref()?, self.material.read(signature)?.for_host()))
    }

    fn fits(&self, message: &[u8], signature: &Signature<'_>) -> bool {
        match (&self.material, signature) {
            (Material::Es256(key), Signature::Es256(signature)) => {
                let (r, s) = signature.split_scalars();
                key.verifies(message, (*r, *s))
            }
            (Material::Es384(key), Signature::Es384(signature)) => {
                let (r, s) = signature.split_scalars();
                key.verifies(message, (*r, *s))
            }
            (Material::Es512(key), Signature::Es512(signature)) => {
                let (r, s) = signature.split_scalars();
                key.verifies(message, (*r, *s))
            }
            (Material::EdDsa(key), Signature::Bytes(signature)) => {
                ed25519_compact::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (Material::Hmac(key), Signature::Bytes(tag)) => key.verifies(message, tag),
            (Material::Rsa(key), Signature::Bytes(signature)) => {
                key.verifies(self.algorithm, message, signature)
            }
            _ => false,
        }
    }
}

impl Material {
    /// `None` for what cannot be a signature by this key: of the wrong length, or with a number that is out of range.
    fn read<'a>(&self, signature: &'a [u8]) -> Option<Signature<'a>> {
        match self {
            Self::Es256(_) => p256::ecdsa::Signature::from_slice(signature).ok().map(Signature::Es256),
            Self::Es384(_) => p384::ecdsa::Signature::from_slice(signature).ok().map(Signature::Es384),
            Self::Es512(_) => p521::ecdsa::Signature::from_slice(signature).ok().map(Signature::Es512),
            Self::Rsa(key) => key.is_in_range(signature).then_some(Signature::Bytes(signature)),
            Self::EdDsa(_) | Self::Hmac(_) => Some(Signature::Bytes(signature)),
        }
    }
}

impl Signature<'_> {
    /// The bytes that the host takes: DER for the two numbers of ECDSA.
    fn for_host(&self) -> Vec<u8> {
        match self {
            Self::Es256(signature) => der_of(&signature.to_bytes()),
            Self::Es384(signature) => der_of(&signature.to_bytes()),
            Self::Es512(signature) => der_of(&signature.to_bytes()),
            Self::Bytes(signature) => signature.to_vec(),
        }
    }
}

fn der_of(r_and_s: &[u8]) -> Vec<u8> {
    let (r, s) = r_and_s.split_at(r_and_s.len() / 2);
    der::pair(r, s)
}

fn material(
    algorithm: Algorithm,
    jwk: &Map<String, Value>,
) -> Result<(Material, Option<HostKey>), ConfigError> {
    let off_curve = |_| ConfigError::at("x", "x and y are no point on the curve");
    let ec = |hash, curve: &[u8], point: &[u8]| {
        Some(HostKey::new(Family::Ecdsa, hash, &der::ec_public_key(curve, point)))
    };
    Ok(match algorithm {
        Algorithm::Es256 => {
            let point = jwk::point(jwk, "P-256", 32)?;
            let key = p256::PublicKey::from_sec1_bytes(&point).map_err(off_curve)?;
            (Material::Es256(EcdsaKey::new(key.to_projective())), ec("sha256", &der::P256, &point))
        }
        Algorithm::Es384 => {
            let point = jwk::point(jwk, "P-384", 48)?;
            let key = p384::PublicKey::from_sec1_bytes(&point).map_err(off_curve)?;
            (Material::Es384(EcdsaKey::new(key.to_projective())), ec("sha384", &der::P384, &point))
        }
        Algorithm::Es512 => {
            let point = jwk::point(jwk, "P-521", 66)?;
            let key = p521::PublicKey::from_sec1_bytes(&point).map_err(off_curve)?;
            (Material::Es512(EcdsaKey::new(key.to_projective())), ec("sha512", &der::P521, &point))
        }
        Algorithm::EdDsa => (Material::EdDsa(edwards(jwk)?), None),
        Algorithm::Hs256 => (Material::Hmac(HmacKey::sha256(&jwk::secret(jwk, 32)?)), None),
        Algorithm::Hs384 => (Material::Hmac(HmacKey::sha384(&jwk::secret(jwk, 48)?)), None),
        Algorithm::Hs512 => (Material::Hmac(HmacKey::sha512(&jwk::secret(jwk, 64)?)), None),
        Algorithm::Rs256 => rsa_pkcs1("sha256", jwk)?,
        Algorithm::Rs384 => rsa_pkcs1("sha384", jwk)?,
        Algorithm::Rs512 => rsa_pkcs1("sha512", jwk)?,
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => (Material::Rsa(rsa(jwk)?), None),
    })
}

fn edwards(jwk: &Map<String, Value>) -> Result<ed25519_compact::PublicKey, ConfigError> {
    let wrong =
        || ConfigError::at("x", "not an Ed25519 public key: 32 bytes that are a point of large order");
    let key = ed25519_compact::PublicKey::from_slice(&jwk::bytes(jwk, "x")?).map_err(|_| wrong())?;
    key.validate().map_err(|_| wrong())?;
    Ok(key)
}

fn rsa_pkcs1(
    hash: &'static str,
    jwk: &Map<String, Value>,
) -> Result<(Material, Option<HostKey>), ConfigError> {
    let (key, e) = (rsa(jwk)?, jwk::bytes(jwk, "e")?);
    let host_key = HostKey::new(Family::Rsa, hash, &der::rsa_public_key(key.modulus(), &e));
    Ok((Material::Rsa(key), Some(host_key)))
}

fn rsa(jwk: &Map<String, Value>) -> Result<RsaKey, ConfigError> {
    RsaKey::new(&jwk::bytes(jwk, "n")?, &jwk::bytes(jwk, "e")?).map_err(|error| match error {
        RsaKeyError::Exponent => {
            ConfigError::at("e", "not an odd number from 65537 (AQAB) up; use another key pair")
        }
        RsaKeyError::Modulus => {
            ConfigError::at("n", "not an odd modulus of 2048 to 8192 bits; use another key pair")
        }
    })
}
