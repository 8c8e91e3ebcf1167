use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Claims, RS256KeyPair, RSAKeyPairLike};
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

/// Signed tokens and the key that they are signed with: RS256, 2048 bits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pool {
    /// The public key, modulus and exponent in base64url.
    n: String,
    e: String,
    pub(crate) tokens: Vec<String>,
}

impl Pool {
    /// Takes the pool of an earlier run, or mints one and keeps it at `path`: that takes a while.
    pub(crate) fn load_or_mint(path: &Path) -> Result<Self, String> {
        if let Some(pool) = Self::load(path) {
            return Ok(pool);
        }
        eprintln!("minting {TOKENS} tokens");
        let pool = Self::mint(TOKENS).map_err(|error| format!("minting tokens: {error}"))?;
        let text = serde_json::to_vec(&pool).map_err(|error| error.to_string())?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(pool)
    }

    /// The key set with the one key.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [
            { "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": self.n, "e": self.e },
        ] })
    }

    fn load(path: &Path) -> Option<Self> {
        let written = fs::metadata(path).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(written).ok()?;
        let pool: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (age < FRESH && pool.tokens.len() == TOKENS).then_some(pool)
    }

    pub(crate) fn mint(count: usize) -> Result<Self, jwt_simple::Error> {
        let key = RS256KeyPair::generate(2048)?.with_key_id(KEY_ID);
        let tokens = (0..count).map(|number| mint_one(&key, number)).collect::<Result<_, _>>()?;
        let public = key.public_key().to_components();
        Ok(Self { n: URL_SAFE_NO_PAD.encode(public.n), e: URL_SAFE_NO_PAD.encode(public.e), tokens })
    }
}

/// A token of 500 bytes with the claims that a provider checks and a subject of its own.
fn mint_one(key: &RS256KeyPair, number: usize) -> Result<String, jwt_simple::Error> {
    let mut claims = Claims::create(jwt_simple::prelude::Duration::from_days(VALID_DAYS))
        .with_issuer(ISSUER)
        .with_audience(AUDIENCE)
        .with_subject(format!("user-{number:05}"));
    claims.issued_at = None;
    claims.invalid_before = None;
    key.sign(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_token_is_another_one_of_about_the_same_length() {
        let pool = Pool::mint(3).unwrap();
        assert_eq!(pool.tokens.iter().collect::<HashSet<_>>().len(), 3);
        assert!(pool.tokens.iter().all(|token| (450..550).contains(&token.len())), "{:?}", pool.tokens);
        assert_eq!(pool.jwks()["keys"][0]["e"], "AQAB");
        assert_eq!(pool.n.len(), 342, "256 bytes");
    }
}
