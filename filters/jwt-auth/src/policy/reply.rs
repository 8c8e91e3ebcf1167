use portcullis_kit::rules::is_token;
use portcullis_kit::{ConfigError, LocalReply, ReplyFormat};

use crate::JwtError;
use crate::config::{Override, ReplyConfig};
use crate::denial::Denial;
use crate::error::Challenge;

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
    /// The answer to the client.
    pub(crate) fn render(&self, denial: &Denial, is_grpc: bool) -> LocalReply {
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
        if let Some(challenge) = self.challenge(denial).filter(|_| !self.bare) {
            reply.headers.push(("www-authenticate".into(), challenge.into_bytes()));
        }
        if let Some(after) = denial.retry_after {
            reply.headers.push(("retry-after".into(), after.as_secs().max(1).to_string().into_bytes()));
        }
        let further = self.headers.iter().map(|(name, value)| (name.clone().into(), value.clone()));
        reply.headers.extend(further);
        reply
    }

    /// `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1).
    fn challenge(&self, denial: &Denial) -> Option<String> {
        let row = denial.error.row();
        let mut challenge = format!("Bearer realm=\"{}\"", self.realm);
        match row.challenge {
            Challenge::None => return None,
            Challenge::Bare => {}
            Challenge::Error(error) => {
                challenge += &format!(", error=\"{error}\", error_description=\"{}\"", row.detail);
            }
        }
        if let Some(scope) = &denial.scope {
            challenge += &format!(", scope=\"{scope}\"");
        }
        if let Some(metadata) = &self.resource_metadata {
            challenge += &format!(", resource_metadata=\"{metadata}\"");
        }
        Some(challenge)
    }
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
        let headers = config.headers.into_iter().map(|(name, value)| header(&name, value));
        let overrides = config.overrides.into_iter().map(|(code, it)| changed(&code, it));
        Ok(Self {
            format: config.format,
            realm: config.realm,
            resource_metadata: config.resource_metadata,
            bare: config.bare,
            headers: headers.collect::<Result<_, ConfigError>>()?,
            overrides: overrides.collect::<Result<_, ConfigError>>()?,
        })
    }
}

/// What may stand in a quoted string as it is (RFC 9110 section 5.6.4).
fn may_be_quoted(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

fn header(name: &str, value: String) -> Result<(String, Vec<u8>), ConfigError> {
    const OURS: [&str; 5] =
        ["content-length", "content-type", "retry-after", "transfer-encoding", "www-authenticate"];
    let lower = name.to_ascii_lowercase();
    if !is_token(name) || OURS.contains(&lower.as_str()) {
        let problem = "not a header for this; write one such as x-denied-by";
        return Err(ConfigError::at(format!("headers.{name}"), problem));
    }
    match value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        true => Ok((lower, value.into_bytes())),
        false => Err(ConfigError::at(format!("headers.{name}"), "not printable ASCII; write a plain value")),
    }
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
