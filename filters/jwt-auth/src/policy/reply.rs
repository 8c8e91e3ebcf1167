use std::time::Duration;

use portcullis_kit::{ConfigError, LocalReply, ReplyFormat, reply_headers};

use crate::JwtError;
use crate::config::{Override, ReplyConfig};
use crate::denial::Denial;
use crate::error::Challenge;

/// The headers that denials have of their own.
const OURS: [&str; 2] = ["retry-after", "www-authenticate"];

/// How denials are written, validated.
#[derive(Debug)]
pub(crate) struct Reply {
    format: ReplyFormat,
    realm: String,
    resource_metadata: Option<String>,
    bare: bool,
    headers: Vec<(String, Vec<u8>)>,
    overrides: Vec<(&'static str, Override)>,
}

impl Reply {
    /// The answer to the client; `dpop_algorithms` where the provider takes proofs of possession.
    pub(crate) fn render(&self, denial: &Denial, dpop_algorithms: Option<&str>, is_grpc: bool) -> LocalReply {
        let mut row = denial.error.row();
        let changed = self.overrides.iter().find(|(code, _)| *code == row.code).map(|(_, changed)| changed);
        if let Some(status) = changed.and_then(|changed| changed.status) {
            row.status = status;
        }
        let detail = if self.bare { "" } else { row.detail };
        let mut reply = match is_grpc || self.bare {
            true => LocalReply::for_grpc(row.status, row.code, detail),
            false => LocalReply::new(row.status, row.code, detail, self.format),
        };
        if let Some(Override { body: Some(body), content_type, .. }) = changed.filter(|_| !is_grpc) {
            let content_type = content_type.as_deref().unwrap_or("text/plain");
            reply.headers = vec![("content-type".into(), content_type.into())];
            reply.body = body.clone().into_bytes();
        }
        if let Some(challenge) = self.challenge(denial, dpop_algorithms).filter(|_| !self.bare) {
            reply.headers.push(("www-authenticate".into(), challenge.into_bytes()));
        }
        if let Some(nonce) = &denial.nonce {
            reply.headers.push(("dpop-nonce".into(), nonce.clone().into_bytes()));
        }
        if let Some(after) = denial.retry_after {
            reply.headers.push(("retry-after".into(), whole_seconds(after).to_string().into_bytes()));
        }
        let further = self.headers.iter().map(|(name, value)| (name.clone().into(), value.clone()));
        reply.headers.extend(further);
        reply
    }

    /// `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1, RFC 9449 section 7.1).
    fn challenge(&self, denial: &Denial, dpop_algorithms: Option<&str>) -> Option<String> {
        let row = denial.error.row();
        let (scheme, error) = match row.challenge {
            Challenge::None => return None,
            Challenge::Bare => ("Bearer", None),
            Challenge::Error(error) => ("Bearer", Some(error)),
            Challenge::Dpop(error) => ("DPoP", Some(error)),
        };
        let mut challenge = format!("{scheme} realm=\"{}\"", self.realm);
        if let Some(error) = error {
            challenge += &format!(", error=\"{error}\", error_description=\"{}\"", row.detail);
        }
        if let Some(scope) = &denial.scope {
            challenge += &format!(", scope=\"{scope}\"");
        }
        if let Some(metadata) = &self.resource_metadata {
            challenge += &format!(", resource_metadata=\"{metadata}\"");
        }
        match (row.challenge, dpop_algorithms) {
            (Challenge::Dpop(_), Some(algorithms)) => challenge += &format!(", algs=\"{algorithms}\""),
            (Challenge::Bare, Some(algorithms)) => challenge += &format!(", DPoP algs=\"{algorithms}\""),
            _ => {}
        }
        Some(challenge)
    }
}

/// Never early (RFC 9110 section 10.2.3).
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1)
}

impl TryFrom<ReplyConfig> for Reply {
    type Error = ConfigError;

    fn try_from(config: ReplyConfig) -> Result<Self, ConfigError> {
        if !may_be_quoted(&config.realm) {
            let problem = format!("{:?}; write printable ASCII without \" and \\", config.realm);
            return Err(ConfigError::at("realm", problem));
        }
        if let Some(uri) = &config.resource_metadata
            && !(may_be_quoted(uri) && uri.starts_with("https://") && !uri.contains(' '))
        {
            let problem = format!("{uri:?}; write the https:// URI of the protected resource metadata");
            return Err(ConfigError::at("resource_metadata", problem));
        }
        let overrides = config.overrides.into_iter().map(|(code, it)| changed(&code, it));
        Ok(Self {
            format: config.format,
            realm: config.realm,
            resource_metadata: config.resource_metadata,
            bare: config.bare,
            headers: reply_headers(config.headers, &OURS)?,
            overrides: overrides.collect::<Result<_, ConfigError>>()?,
        })
    }
}

/// What may stand in a quoted string as it is (RFC 9110 section 5.6.4).
fn may_be_quoted(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

fn changed(code: &str, changed: Override) -> Result<(&'static str, Override), ConfigError> {
    let path = format!("overrides.{code}");
    let fail = |member: &str, problem: &str| Err(ConfigError::at(format!("{path}{member}"), problem));
    let Some(error) = JwtError::ALL.into_iter().find(|error| error.row().code == code) else {
        return fail("", "no denial has this code; take one from the table of denials");
    };
    if changed.status.is_some_and(|status| !(400..600).contains(&status)) {
        return fail(".status", "not a status from 400 to 599, and a denial is nothing else");
    }
    if changed.content_type.as_ref().is_some_and(|typ| typ.is_empty() || !may_be_quoted(typ)) {
        return fail(".content_type", "not a media type; write one such as text/html");
    }
    if changed.content_type.is_some() && changed.body.is_none() {
        return fail(".content_type", "there is no body; write one");
    }
    Ok((error.row().code, changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ReplyConfig;
    use serde_json::{Value, json};

    fn reply(config: Value, denial: Denial, is_grpc: bool) -> LocalReply {
        let config: ReplyConfig = serde_json::from_value(config).unwrap();
        Reply::try_from(config).unwrap().render(&denial, Some("ES256"), is_grpc)
    }

    fn header<'r>(reply: &'r LocalReply, name: &str) -> Option<&'r str> {
        let found = reply.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| std::str::from_utf8(value).unwrap())
    }

    #[test]
    fn a_missing_token_gets_no_error_code() {
        let reply = reply(json!({"realm": "shop"}), JwtError::Missing.into(), false);
        assert_eq!(header(&reply, "www-authenticate"), Some("Bearer realm=\"shop\", DPoP algs=\"ES256\""));
    }

    #[test]
    fn challenges_say_what_the_client_has_to_know() {
        let config = json!({"resource_metadata": "https://api.example/.well-known/oauth-protected-resource"});
        let denial = Denial { scope: Some("orders:write".into()), ..JwtError::NotAuthorized.into() };
        let challenge = header(&reply(config, denial, false), "www-authenticate").unwrap().to_owned();
        assert!(
            challenge.starts_with("Bearer realm=\"portcullis\", error=\"insufficient_scope\", "),
            "{challenge}"
        );
        assert!(
            challenge.ends_with(
                ", scope=\"orders:write\", resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\""
            ),
            "{challenge}"
        );
        let denial = Denial { nonce: Some("abc".into()), ..JwtError::DpopNonce.into() };
        let reply = reply(json!({}), denial, false);
        assert_eq!(header(&reply, "dpop-nonce"), Some("abc"));
        let challenge = header(&reply, "www-authenticate").unwrap();
        assert!(
            challenge.starts_with("DPoP realm=\"portcullis\", error=\"use_dpop_nonce\", "),
            "{challenge}"
        );
        assert!(challenge.ends_with(", algs=\"ES256\""), "{challenge}");
    }

    #[test]
    fn an_outage_says_when_to_try_again() {
        let denial =
            Denial { retry_after: Some(Duration::from_millis(1200)), ..JwtError::KeysUnavailable.into() };
        let reply = reply(json!({}), denial, false);
        assert_eq!((reply.status, header(&reply, "retry-after")), (503, Some("2")));
        assert_eq!(header(&reply, "www-authenticate"), None);
    }

    #[test]
    fn a_bare_reply_says_nothing() {
        let reply =
            reply(json!({"bare": true, "headers": {"X-Denied-By": "edge"}}), JwtError::Expired.into(), false);
        assert_eq!((reply.status, reply.body.as_slice()), (401, &b""[..]));
        assert_eq!(reply.headers, [("x-denied-by".into(), b"edge".to_vec())]);
    }

    #[test]
    fn a_denial_can_have_another_status_and_body() {
        let config = json!({"overrides": {"portcullis_jwt_missing":
            {"status": 404, "body": "<p>no</p>", "content_type": "text/html"}}});
        let changed = reply(config.clone(), JwtError::Missing.into(), false);
        assert_eq!((changed.status, changed.body.as_slice()), (404, &b"<p>no</p>"[..]));
        assert_eq!(header(&changed, "content-type"), Some("text/html"));
        assert_eq!(reply(config.clone(), JwtError::Expired.into(), false).status, 401);
        let grpc = reply(config, JwtError::Missing.into(), true);
        assert_eq!(grpc.body, JwtError::Missing.row().detail.as_bytes());
    }

    #[test]
    fn mistakes_name_their_place() {
        for (config, expected) in [
            (
                json!({"resource_metadata": "http://a.example"}),
                "resource_metadata: \"http://a.example\"; write the https:// URI",
            ),
            (json!({"headers": {"content-type": "x"}}), "headers.content-type: not a header for this"),
            (json!({"headers": {"x-a": "a\nb"}}), "headers.x-a: not printable ASCII"),
            (
                json!({"overrides": {"portcullis_jwt_typo": {}}}),
                "overrides.portcullis_jwt_typo: no denial has this code",
            ),
            (
                json!({"overrides": {"portcullis_jwt_missing": {"status": 200}}}),
                "overrides.portcullis_jwt_missing.status: not a status",
            ),
            (
                json!({"overrides": {"portcullis_jwt_missing": {"content_type": "a/b"}}}),
                "overrides.portcullis_jwt_missing.content_type: there is no body",
            ),
        ] {
            let config: ReplyConfig = serde_json::from_value(config).unwrap();
            let error = Reply::try_from(config).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
