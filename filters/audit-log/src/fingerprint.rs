//! A digest of what was asked for.

use portcullis_audit_chain::hex;
use portcullis_kit::Headers;
use sha2::{Digest, Sha256};

use crate::config::FingerprintConfig;

/// The SHA-256 of a text of lines: the method, the host in lower case, the path as it is recorded, the query if it counts, `name: value` for each
/// of the headers that count, and the SHA-256 of the body if that counts.
pub(crate) fn of(
    config: &FingerprintConfig,
    (method, host, path): (&str, &str, &str),
    request: &Headers,
    body: Option<[u8; 32]>,
) -> String {
    let mut digest = Sha256::new();
    let mut line = |name: &str, bytes: &[u8]| {
        digest.update(name);
        digest.update(bytes);
        digest.update(b"\n");
    };
    line("", method.as_bytes());
    line("", host.to_ascii_lowercase().as_bytes());
    line("", path.as_bytes());
    if config.query {
        let target = request.first(":path").unwrap_or_default();
        let query = target.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
        line("?", query);
    }
    for name in &config.headers {
        for value in request.all(name) {
            line(&format!("{name}: "), value);
        }
    }
    if config.body {
        line("", hex::lower(&body.unwrap_or_else(|| Sha256::digest(b"").into())).as_bytes());
    }
    hex::lower(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(config: &FingerprintConfig, fields: &[(&str, &str)]) -> String {
        of(
            config,
            ("POST", "Shop.example", "/orders/{id}"),
            &Headers::from_iter(fields.iter().copied()),
            None,
        )
    }

    #[test]
    fn it_is_the_digest_of_lines() {
        let plain = digest(&FingerprintConfig::default(), &[(":path", "/orders/7?a=1"), ("x", "1")]);
        assert_eq!(plain, hex::lower(&Sha256::digest("POST\nshop.example\n/orders/{id}\n")));
        let config = FingerprintConfig { headers: vec!["x".into()], query: true, body: true };
        let full = digest(&config, &[(":path", "/orders/7?a=1"), ("x", "1"), ("x", "2"), ("y", "3")]);
        let body = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let lines = format!("POST\nshop.example\n/orders/{{id}}\n?a=1\nx: 1\nx: 2\n{body}\n");
        assert_eq!(full, hex::lower(&Sha256::digest(lines)));
    }
}
