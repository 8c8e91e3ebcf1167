use p224::NistP224;
use p256::NistP256;
use p384::NistP384;
use p521::NistP521;
use portcullis_sim::{Refusal, Status};
use prost::Message;

use crate::hash::Hash;
use crate::keys::{self, EcPrivateKey, Key, Kind};
use crate::messages::{SignArguments, SignResult, VerifySignatureArguments, VerifySignatureResult};
use crate::{curves, pkcs1};

/// What Envoy says of a public key that it cannot use, of a signature, and of private keys.
const UNUSABLE: &str = "Failed to initialize digest verify.";
const WRONG: &str = "Failed to verify digest. Error code: 0";
const NO_PRIVATE_KEY: &str = "Invalid key type: private key required for signing operation.";
const MALFORMED: &str = "Invalid private key: key data is corrupted or malformed.";
const NO_SIGNATURE: &str = "Failed to create signature.";

/// `verify_signature`: a wrong signature is an answer, and only what cannot be read is refused.
pub(crate) fn verify_signature(arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let arguments = VerifySignatureArguments::decode(arguments).map_err(unreadable)?;
    let VerifySignatureArguments { hash_function, public_key, signature, text, public_key_pem } = arguments;
    let key = match (public_key.is_empty(), public_key_pem.is_empty()) {
        (false, true) => keys::public(&public_key),
        (true, false) => keys::public_pem(&public_key_pem),
        _ => return Err(one_key("public_key")),
    };
    let answer = match verified(&hash_function, key, &signature, &text) {
        Ok(()) => VerifySignatureResult { result: true, error: String::new() },
        Err(error) => VerifySignatureResult { result: false, error },
    };
    Ok(answer.encode_to_vec())
}

/// `sign`: a key that is no good is an answer, and only what cannot be read is refused.
pub(crate) fn sign(arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let SignArguments { hash_function, private_key, text, private_key_pem } =
        SignArguments::decode(arguments).map_err(unreadable)?;
    let key = match (private_key.is_empty(), private_key_pem.is_empty()) {
        (false, true) => keys::private(&private_key),
        (true, false) => keys::private_pem(&private_key_pem),
        _ => return Err(one_key("private_key")),
    };
    let answer = match signed(&hash_function, key, &text) {
        Ok(signature) => SignResult { result: true, signature, error: String::new() },
        Err(error) => SignResult { result: false, signature: Vec::new(), error },
    };
    Ok(answer.encode_to_vec())
}

fn verified(hash: &str, key: Option<Key>, signature: &[u8], text: &[u8]) -> Result<(), String> {
    let hash = Hash::named(hash).ok_or_else(|| unsupported(hash))?;
    let fits = key.and_then(|Key { kind, bytes }| match kind {
        Kind::Rsa => Some(pkcs1::verifies(&pkcs1::public_key(&bytes)?, hash, text, signature)),
        Kind::P224 => curves::verifies::<NistP224>(&bytes, &hash.digest(text), signature),
        Kind::P256 => curves::verifies::<NistP256>(&bytes, &hash.digest(text), signature),
        Kind::P384 => curves::verifies::<NistP384>(&bytes, &hash.digest(text), signature),
        Kind::P521 => curves::verifies::<NistP521>(&bytes, &hash.digest(text), signature),
        Kind::Edwards | Kind::Dsa => None,
    });
    match fits {
        Some(true) => Ok(()),
        Some(false) => Err(WRONG.to_owned()),
        None => Err(UNUSABLE.to_owned()),
    }
}

fn signed(hash: &str, key: Option<Key>, text: &[u8]) -> Result<Vec<u8>, String> {
    let hash = Hash::named(hash).ok_or_else(|| unsupported(hash))?;
    let Key { kind, bytes } = key.ok_or(NO_PRIVATE_KEY)?;
    match kind {
        Kind::Rsa => {
            let key = pkcs1::private_key(&bytes).ok_or(NO_PRIVATE_KEY)?;
            Ok(pkcs1::sign(&key, hash, text).ok_or(NO_SIGNATURE)?)
        }
        Kind::Edwards | Kind::Dsa => Err(MALFORMED.to_owned()),
        kind => Ok(signed_by_curve(kind, hash, &bytes, text).ok_or(NO_PRIVATE_KEY)?),
    }
}

fn signed_by_curve(kind: Kind, hash: Hash, der: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = EcPrivateKey::read(der).filter(|key| key.curve.is_none_or(|curve| curve == kind))?;
    match kind {
        Kind::P224 => curves::sign::<NistP224>(&key, hash, text),
        Kind::P256 => curves::sign::<NistP256>(&key, hash, text),
        Kind::P384 => curves::sign::<NistP384>(&key, hash, text),
        Kind::P521 => curves::sign::<NistP521>(&key, hash, text),
        Kind::Rsa | Kind::Edwards | Kind::Dsa => None,
    }
}

fn unsupported(hash: &str) -> String {
    format!("{hash} is not supported.")
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
