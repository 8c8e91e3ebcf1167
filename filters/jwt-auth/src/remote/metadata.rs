use portcullis_kit::json::parse_strict;
use serde_json::Value;

use super::settings::Discovery;
use super::uri::Uri;

/// Where the metadata of an issuer say that its keys are.
///
/// # Errors
/// What is wrong, in words: the metadata are another issuer's (OpenID Connect Discovery 1.0 section 4.3), or lead to a server that
/// the operator has not named.
pub(super) fn jwks_uri(bytes: &[u8], expected: &Discovery) -> Result<Uri, String> {
    let metadata = parse_strict(bytes).map_err(|error| {
        format!("not JSON with each member once, at line {} column {}", error.line(), error.column())
    })?;
    let text = |member: &str| metadata.get(member).and_then(Value::as_str);
    match text("issuer") {
        None => return Err("no issuer in the metadata".into()),
        Some(issuer) if issuer != expected.issuer => {
            return Err(format!("the metadata of {issuer:?}, not of {:?}", expected.issuer));
        }
        Some(_) => {}
    }
    let jwks_uri = text("jwks_uri").ok_or("no jwks_uri in the metadata")?;
    let uri = Uri::parse(jwks_uri).ok_or("jwks_uri is no absolute http or https URI")?;
    if expected.uri.is_https && !uri.is_https {
        return Err("jwks_uri is not https, as the metadata are".into());
    }
    // The cluster may be a proxy that goes wherever the authority says.
    if !expected.names_jwks_cluster && !uri.same_origin(&expected.uri) {
        return Err(format!(
            "jwks_uri is on {:?}; name the cluster that serves it as jwks_cluster",
            uri.authority
        ));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::settings::Settings;

    fn expected(names_jwks_cluster: bool) -> Discovery {
        Discovery {
            issuer: "https://idp.example".into(),
            uri: Uri::parse("https://idp.example/.well-known/openid-configuration").unwrap(),
            settings: Settings::example(),
            jwks: Settings::example(),
            names_jwks_cluster,
            max_keys: 100,
        }
    }

    fn found(issuer: &str, keys: &str, names_jwks_cluster: bool) -> Result<Uri, String> {
        let text = serde_json::json!({"issuer": issuer, "jwks_uri": keys, "other": [1]}).to_string();
        jwks_uri(text.as_bytes(), &expected(names_jwks_cluster))
    }

    #[test]
    fn the_issuer_is_the_configured_one_byte_for_byte() {
        assert_eq!(found("https://idp.example", "https://idp.example/k", false).unwrap().path, "/k");
        for issuer in ["https://idp.example/", "https://IDP.example", "http://idp.example", ""] {
            let error = found(issuer, "https://idp.example/k", false).unwrap_err();
            assert!(error.starts_with("the metadata of "), "{issuer}: {error}");
        }
    }

    #[test]
    fn keys_are_on_another_host_only_where_its_cluster_is_named() {
        for other in
            ["https://keys.example/k", "https://idp.example:8443/k", "https://169.254.169.254/latest"]
        {
            assert!(
                found("https://idp.example", other, false).unwrap_err().contains("jwks_cluster"),
                "{other}"
            );
            assert!(found("https://idp.example", other, true).is_ok(), "{other}");
        }
        for refused in ["http://idp.example/k", "/k", "file:///etc/passwd", "https://a@idp.example/k", ""] {
            assert!(found("https://idp.example", refused, true).is_err(), "{refused}");
        }
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for text in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"issuer":1,"jwks_uri":"https://idp.example/k"}"#,
            r#"{"issuer":"https://idp.example"}"#,
            r#"{"issuer":"https://idp.example","jwks_uri":["https://idp.example/k"]}"#,
            r#"{"issuer":"https://evil","issuer":"https://idp.example","jwks_uri":"https://idp.example/k"}"#,
        ] {
            assert!(jwks_uri(text.as_bytes(), &expected(true)).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbage_leads_nowhere(bytes in proptest::collection::vec(0_u8.., 0..64), member in ".{0,20}") {
            proptest::prop_assert!(jwks_uri(&bytes, &expected(true)).is_err());
            let found = found("https://idp.example", &member, true);
            proptest::prop_assert!(found.is_err() || Uri::parse(&member).is_some());
        }
    }
}
