use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self as algorithms, EcdsaKeyPair, EcdsaSigningAlgorithm, RsaEncoding, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use portcullis_sim::{Refusal, Status};
use prost::Message;

use super::keys::{self, Key, Kind};
use super::messages::{SignArguments, SignResult, VerifySignatureArguments, VerifySignatureResult};
use super::not_simulated;

/// What Envoy says of a public key that it cannot use, of a signature, and of private keys.
const UNUSABLE: &str = "Failed to initialize digest verify.";
const WRONG: &str = "Failed to verify digest. Error code: 0";
const NO_PRIVATE_KEY: &str = "Invalid key type: private key required for signing operation.";
const MALFORMED: &str = "Invalid private key: key data is corrupted or malformed.";
const NO_SIGNATURE: &str = "Failed to create signature.";

/// The shortest RSA modulus that the library here works with, in bytes. Envoy's takes shorter ones.
const MODULUS: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Why there is no good answer: something that Envoy says in its own answer, or something that it would not say.
enum Failure {
    Said(String),
    Refused(Refusal),
}

/// `verify_signature`: a wrong signature is an answer, and only what cannot be read is refused.
pub(super) fn verify_signature(arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let arguments = VerifySignatureArguments::decode(arguments).map_err(unreadable)?;
    let VerifySignatureArguments { hash_function, public_key, signature, text, public_key_pem } = arguments;
    let key = match (public_key.is_empty(), public_key_pem.is_empty()) {
        (false, true) => keys::public(&public_key),
        (true, false) => keys::public_pem(&public_key_pem),
        _ => return Err(one_key("public_key")),
    };
    let answer = match verified(&hash_function, key, &signature, &text) {
        Ok(()) => VerifySignatureResult { result: true, error: String::new() },
        Err(Failure::Said(error)) => VerifySignatureResult { result: false, error },
        Err(Failure::Refused(refusal)) => return Err(refusal),
    };
    Ok(answer.encode_to_vec())
}

/// `sign`: a key that is no good is an answer, and only what cannot be read is refused.
pub(super) fn sign(arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let SignArguments { hash_function, private_key, text, private_key_pem } =
        SignArguments::decode(arguments).map_err(unreadable)?;
    let key = match (private_key.is_empty(), private_key_pem.is_empty()) {
        (false, true) => keys::private(&private_key),
        (true, false) => keys::private_pem(&private_key_pem),
        _ => return Err(one_key("private_key")),
    };
    let answer = match signed(&hash_function, key, &text) {
        Ok(signature) => SignResult { result: true, signature, error: String::new() },
        Err(Failure::Said(error)) => SignResult { result: false, signature: Vec::new(), error },
        Err(Failure::Refused(refusal)) => return Err(refusal),
    };
    Ok(answer.encode_to_vec())
}

fn verified(hash: &str, key: Option<Key>, signature: &[u8], text: &[u8]) -> Result<(), Failure> {
    let known = hash_function(hash)?;
    let Some(Key { kind: Some(kind), der }) = key else { return Err(said(UNUSABLE)) };
    if kind == Kind::Edwards {
        return Err(said(UNUSABLE));
    }
    let algorithm = verification(kind, known).ok_or_else(|| missing(hash, kind))?;
    let key = UnparsedPublicKey::new(algorithm, &der).parse().map_err(|_| said(UNUSABLE))?;
    // The frame around a modulus has about thirty bytes.
    if kind == Kind::Rsa && der.len() < MODULUS {
        return Err(Failure::Refused(not_simulated("RSA with less than 1024 bits")));
    }
    key.verify_sig(text, signature).map_err(|_| said(WRONG))
}

fn signed(hash: &str, key: Option<Key>, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let known = hash_function(hash)?;
    let Some(Key { kind, der }) = key else { return Err(said(NO_PRIVATE_KEY)) };
    match kind {
        Some(Kind::Edwards) => Err(said(MALFORMED)),
        Some(Kind::Rsa) => signed_by_rsa(hash, known, &der, text),
        Some(kind) => {
            let algorithm = signing(kind, known).ok_or_else(|| missing(hash, kind))?;
            signed_by_curve(algorithm, &der, text).ok_or_else(|| said(NO_PRIVATE_KEY))?
        }
        None => {
            let kinds = [Kind::P256, Kind::P384, Kind::P521];
            let mut fitting = kinds.into_iter().filter_map(|kind| signing(kind, known));
            let signature = fitting.find_map(|algorithm| signed_by_curve(algorithm, &der, text));
            signature.ok_or_else(|| Failure::Refused(not_simulated("this elliptic curve with this hash")))?
        }
    }
}

fn signed_by_rsa(name: &str, hash: Hash, der: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    let encoding: &'static dyn RsaEncoding = match hash {
        Hash::Sha256 => &algorithms::RSA_PKCS1_SHA256,
        Hash::Sha384 => &algorithms::RSA_PKCS1_SHA384,
        Hash::Sha512 => &algorithms::RSA_PKCS1_SHA512,
        Hash::Sha1 | Hash::Sha224 => return Err(missing(name, Kind::Rsa)),
    };
    let key = rsa_key(der)?;
    let mut signature = vec![0; key.public_modulus_len()];
    let made = key.sign(encoding, &SystemRandom::new(), text, &mut signature);
    made.map(|()| signature).map_err(|_| said(NO_SIGNATURE))
}

/// PKCS #8, or the older form that is in some PEM files.
fn rsa_key(der: &[u8]) -> Result<RsaKeyPair, Failure> {
    let tries: [fn(&[u8]) -> _; 2] = [RsaKeyPair::from_pkcs8, RsaKeyPair::from_der];
    for read in tries {
        match read(der) {
            Ok(key) => return Ok(key),
            Err(rejected) if rejected.to_string() == "TooSmall" => {
                return Err(Failure::Refused(not_simulated("signing by RSA with less than 2048 bits")));
            }
            Err(_) => {}
        }
    }
    Err(said(NO_PRIVATE_KEY))
}

/// `None` for a key that is not of this algorithm's curve.
fn signed_by_curve(
    algorithm: &'static EcdsaSigningAlgorithm,
    der: &[u8],
    text: &[u8],
) -> Option<Result<Vec<u8>, Failure>> {
    let key = EcdsaKeyPair::from_private_key_der(algorithm, der);
    let key = key.or_else(|_| EcdsaKeyPair::from_pkcs8(algorithm, der)).ok()?;
    let made = key.sign(&SystemRandom::new(), text);
    Some(made.map(|signature| signature.as_ref().to_vec()).map_err(|_| said(NO_SIGNATURE)))
}

fn hash_function(name: &str) -> Result<Hash, Failure> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "sha1" => Hash::Sha1,
        "sha224" => Hash::Sha224,
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        _ => return Err(Failure::Said(format!("{name} is not supported."))),
    })
}

fn verification(kind: Kind, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, hash) {
        (Kind::Rsa, Hash::Sha1) => &algorithms::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Kind::Rsa, Hash::Sha256) => &algorithms::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Kind::Rsa, Hash::Sha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        (Kind::Rsa, Hash::Sha512) => &algorithms::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Kind::P256, Hash::Sha1) => &algorithms::ECDSA_P256_SHA1_ASN1,
        (Kind::P256, Hash::Sha256) => &algorithms::ECDSA_P256_SHA256_ASN1,
        (Kind::P256, Hash::Sha384) => &algorithms::ECDSA_P256_SHA384_ASN1,
        (Kind::P256, Hash::Sha512) => &algorithms::ECDSA_P256_SHA512_ASN1,
        (Kind::P384, Hash::Sha256) => &algorithms::ECDSA_P384_SHA256_ASN1,
        (Kind::P384, Hash::Sha384) => &algorithms::ECDSA_P384_SHA384_ASN1,
        (Kind::P384, Hash::Sha512) => &algorithms::ECDSA_P384_SHA512_ASN1,
        (Kind::P521, Hash::Sha1) => &algorithms::ECDSA_P521_SHA1_ASN1,
        (Kind::P521, Hash::Sha224) => &algorithms::ECDSA_P521_SHA224_ASN1,
        (Kind::P521, Hash::Sha256) => &algorithms::ECDSA_P521_SHA256_ASN1,
        (Kind::P521, Hash::Sha384) => &algorithms::ECDSA_P521_SHA384_ASN1,
        (Kind::P521, Hash::Sha512) => &algorithms::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

fn signing(kind: Kind, hash: Hash) -> Option<&'static EcdsaSigningAlgorithm> {
    Some(match (kind, hash) {
        (Kind::P256, Hash::Sha256) => &algorithms::ECDSA_P256_SHA256_ASN1_SIGNING,
        (Kind::P384, Hash::Sha384) => &algorithms::ECDSA_P384_SHA384_ASN1_SIGNING,
        (Kind::P521, Hash::Sha224) => &algorithms::ECDSA_P521_SHA224_ASN1_SIGNING,
        (Kind::P521, Hash::Sha256) => &algorithms::ECDSA_P521_SHA256_ASN1_SIGNING,
        (Kind::P521, Hash::Sha384) => &algorithms::ECDSA_P521_SHA384_ASN1_SIGNING,
        (Kind::P521, Hash::Sha512) => &algorithms::ECDSA_P521_SHA512_ASN1_SIGNING,
        _ => return None,
    })
}

fn said(text: &str) -> Failure {
    Failure::Said(text.to_owned())
}

fn missing(hash: &str, kind: Kind) -> Failure {
    Failure::Refused(not_simulated(&format!("{hash} with a key of the kind {kind:?}")))
}

fn unreadable(error: prost::DecodeError) -> Refusal {
    Refusal::new(
        Status::BadArgument,
        format!("the argument is not the protobuf message of this function: {error}"),
    )
}

fn one_key(name: &str) -> Refusal {
    Refusal::new(Status::BadArgument, format!("one of {name} and {name}_pem has to be given, and not both"))
}
