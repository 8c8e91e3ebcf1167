use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use clap::Args;
use ed25519_compact::{KeyPair, Seed};
use portcullis_kit::UnixTime;
use portcullis_scenario::report::shown;
use serde_json::{Map, Value, json};

use super::{contents, seed};
use crate::Verdict;
use crate::targets::real_time;

/// Makes a token to try jwt-auth with, signed by a key of yours.
///
/// The key is in a file, which is made where it is not there: a private JWK (RFC 8037). What `--jwks` prints goes into the configuration in the place of the issuer's keys. Whoever has
/// the file is an issuer: it is for trying, and for tests.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The file with the key.
    key: PathBuf,
    /// Prints the public half of the key, as a JWK Set for `jwks: { inline: ... }`, and no token.
    #[arg(long, conflicts_with_all = ["iss", "aud", "sub", "claim", "valid"])]
    jwks: bool,
    /// Who says so.
    #[arg(long, default_value = "https://issuer.example")]
    iss: String,
    /// For whom it is; several with commas.
    #[arg(long, value_delimiter = ',')]
    aud: Vec<String>,
    /// Who has it.
    #[arg(long)]
    sub: Option<String>,
    /// Another claim, as NAME=VALUE; the value is JSON, or else a text.
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// For how long it holds, such as 10m.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    valid: Duration,
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as scope=read")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

impl Token {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let told = |problem: String| shown(&format!("{}: {problem}", self.key.display()));
        let key = key(&self.key).map_err(told)?;
        if self.jwks {
            anstream::println!("{}", json!({ "keys": [public(&key)] }));
            return Ok(Verdict::Good);
        }
        let claims = self.claims(real_time()).to_string();
        let header = json!({ "alg": "EdDSA", "kid": public(&key)["kid"] }).to_string();
        let signed = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sk.sign(&signed, None));
        anstream::println!("{signed}.{signature}");
        Ok(Verdict::Good)
    }

    /// The registered claims of RFC 7519, and others.
    fn claims(&self, now: UnixTime) -> Value {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), self.iss.clone().into());
        match self.aud.as_slice() {
            [] => {}
            [one] => drop(claims.insert("aud".to_owned(), one.clone().into())),
            several => drop(claims.insert("aud".to_owned(), several.into())),
        }
        claims.extend(self.sub.iter().map(|sub| ("sub".to_owned(), sub.clone().into())));
        claims.insert("iat".to_owned(), now.as_secs().into());
        claims.insert("exp".to_owned(), now.saturating_add(self.valid).as_secs().into());
        claims.extend(self.claim.iter().cloned());
        claims.into()
    }
}

/// The key in a file, or a new one that is there from now on.
fn key(path: &Path) -> Result<KeyPair, String> {
    if !path.exists() {
        let key = KeyPair::from_seed(Seed::new(seed()?));
        let mut jwk = public(&key);
        jwk["d"] = BASE64_URL_SAFE_NO_PAD.encode(key.sk.seed().as_ref()).into();
        write(path, &format!("{jwk}\n")).map_err(|error| error.to_string())?;
        return Ok(key);
    }
    let problem = "no key of portcullis token; name a file that is not there yet, and one is made";
    let jwk: Value = serde_json::from_slice(&contents(path)?).map_err(|_| problem)?;
    let secret = jwk["d"].as_str().filter(|_| jwk["crv"] == "Ed25519").ok_or(problem)?;
    let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).ok().and_then(|secret| secret.try_into().ok());
    Ok(KeyPair::from_seed(Seed::new(secret.ok_or(problem)?)))
}

/// Writes a file that nobody else can read, and that was not there.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// The public half, as a JWK (RFC 8037, section 2). It is known by the beginning of itself.
fn public(key: &KeyPair) -> Value {
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.pk.as_ref());
    let kid = x.get(..8).unwrap_or_default();
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x })
}
