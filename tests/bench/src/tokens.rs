use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{
    Claims, ECDSAP256KeyPairLike, ES256KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, HS256Key, JWTClaims,
    MACLike, NoCustomClaims, RS256KeyPair, RSAKeyPairLike,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who issues the tokens, and for whom.
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "bench";

/// More than a cache of tokens holds: by the time a token comes again, it has been pushed out.
const TOKENS: usize = 8192;
const KEY_ID: &str = "k1";
const VALID_DAYS: u64 = 365;
/// A pool on disk is used for so long.
const FRESH: Duration = Duration::from_secs(30 * 24 * 3600);

/// How the tokens of a pool are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Algorithm {
    /// With a key of 2048 bits.
    Rs256,
    Es256,
    EdDsa,
    Hs256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    fn signer(self) -> Result<Signer, jwt_simple::Error> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(match self {
            Self::Rs256 => {
                let key = RS256KeyPair::generate(2048)?.with_key_id(KEY_ID);
                let public = key.public_key().to_components();
                let jwk = json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) });
                (jwk, Box::new(move |claims| key.sign(claims)))
            }
            Self::Es256 => {
                let key = ES256KeyPair::generate().with_key_id(KEY_ID);
                let point = key.key_pair().public_key().to_bytes_uncompressed();
                // SEC 1 section 2.3.3: one byte 4, then x and y.
                let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..).unwrap_or_default());
                let jwk = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
                (jwk, Box::new(move |claims| key.sign(claims)))
            }
            Self::EdDsa => {
                let key = Ed25519KeyPair::generate().with_key_id(KEY_ID);
                let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&key.public_key().to_bytes()) });
                (jwk, Box::new(move |claims| key.sign(claims)))
            }
            Self::Hs256 => {
                let key = HS256Key::generate().with_key_id(KEY_ID);
                let jwk = json!({ "kty": "oct", "k": text(&key.to_bytes()) });
                (jwk, Box::new(move |claims| key.authenticate(claims)))
            }
        })
    }
}

/// The members of a JWK, and what makes tokens that it verifies.
type Signer = (Value, Box<dyn Fn(JWTClaims<NoCustomClaims>) -> Result<String, jwt_simple::Error>>);

/// Signed tokens and the key that verifies them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pool {
    jwk: Value,
    pub(crate) tokens: Vec<String>,
}

impl Pool {
    /// Takes the pool of an earlier run, or mints one and keeps it in `directory`: that takes a while.
    pub(crate) fn load_or_mint(directory: &Path, algorithm: Algorithm) -> Result<Self, String> {
        let name = algorithm.name();
        let path = directory.join(format!("bench-tokens-{}.json", name.to_ascii_lowercase()));
        if let Some(pool) = Self::load(&path) {
            return Ok(pool);
        }
        eprintln!("minting {TOKENS} tokens, {name}");
        let pool = Self::mint(algorithm, TOKENS).map_err(|error| format!("minting tokens: {error}"))?;
        let text = serde_json::to_vec(&pool).map_err(|error| error.to_string())?;
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(pool)
    }

    /// The key set with the one key.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// As many tokens, each with the signature of another one: of the right form, and wrong.
    pub(crate) fn forged(&self) -> Vec<String> {
        let signatures = self.tokens.iter().cycle().skip(1).map(|token| split(token).1);
        self.tokens
            .iter()
            .zip(signatures)
            .map(|(token, other)| format!("{}.{other}", split(token).0))
            .collect()
    }

    fn load(path: &Path) -> Option<Self> {
        let written = fs::metadata(path).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(written).ok()?;
        let pool: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (age < FRESH && pool.tokens.len() == TOKENS).then_some(pool)
    }

    pub(crate) fn mint(algorithm: Algorithm, count: usize) -> Result<Self, jwt_simple::Error> {
        let (mut jwk, sign) = algorithm.signer()?;
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.extend(
                [("alg", algorithm.name()), ("use", "sig"), ("kid", KEY_ID)]
                    .map(|(name, value)| (name.to_owned(), value.into())),
            );
        }
        let tokens = (0..count).map(|number| sign(claims(number))).collect::<Result<_, _>>()?;
        Ok(Self { jwk, tokens })
    }
}

/// What is signed, and the signature.
fn split(token: &str) -> (&str, &str) {
    token.rsplit_once('.').unwrap_or_default()
}

/// The claims that a provider checks and a subject of its own.
fn claims(number: usize) -> JWTClaims<NoCustomClaims> {
    let mut claims = Claims::create(jwt_simple::prelude::Duration::from_days(VALID_DAYS))
        .with_issuer(ISSUER)
        .with_audience(AUDIENCE)
        .with_subject(format!("user-{number:05}"));
    claims.issued_at = None;
    claims.invalid_before = None;
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const ALL: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

    #[test]
    fn every_token_is_another_one_of_about_the_same_length() {
        let pool = Pool::mint(Algorithm::Rs256, 3).unwrap();
        assert_eq!(pool.tokens.iter().collect::<HashSet<_>>().len(), 3);
        assert!(pool.tokens.iter().all(|token| (450..550).contains(&token.len())), "{:?}", pool.tokens);
        assert_eq!(pool.jwks()["keys"][0]["e"], "AQAB");
        assert_eq!(pool.jwks()["keys"][0]["n"].as_str().map(str::len), Some(342), "256 bytes");
    }

    #[test]
    fn keys_and_tokens_say_how_they_are_signed() {
        for algorithm in ALL {
            let pool = Pool::mint(algorithm, 1).unwrap();
            let header = URL_SAFE_NO_PAD.decode(pool.tokens[0].split('.').next().unwrap()).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            let key = &pool.jwks()["keys"][0];
            assert_eq!((&header["alg"], &header["kid"]), (&key["alg"], &key["kid"]), "{algorithm:?}");
            assert_eq!(key["alg"], algorithm.name());
        }
    }

    #[test]
    fn a_forged_token_says_the_same_over_the_signature_of_another() {
        let pool = Pool::mint(Algorithm::Es256, 3).unwrap();
        for (forged, token) in pool.forged().iter().zip(&pool.tokens) {
            assert_eq!(split(forged).0, split(token).0);
            assert_ne!(split(forged).1, split(token).1);
        }
        assert_eq!(pool.forged().iter().collect::<HashSet<_>>().len(), 3);
    }
}
