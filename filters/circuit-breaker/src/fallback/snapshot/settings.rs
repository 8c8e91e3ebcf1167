use portcullis_kit::rules::is_token;
use portcullis_kit::{ConfigError, Headers, Statuses};

use crate::config::SnapshotConfig;
use crate::policy::{as_nanos, bounded};

/// A validated [`SnapshotConfig`].
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    statuses: Statuses,
    /// Lower case.
    content_types: Vec<String>,
    pub(crate) max_size: usize,
    pub(crate) memory: usize,
    /// Nanoseconds.
    pub(crate) max_stale: u64,
    pub(crate) refresh: u64,
    pub(crate) without_cache_control: bool,
    pub(crate) with_credentials: bool,
    /// Lower case.
    credentials: Vec<String>,
}

impl Settings {
    pub(crate) fn has_credentials(&self, request: &Headers) -> bool {
        self.credentials.iter().any(|name| request.first(name).is_some())
    }

    /// Whether responses of this status are kept.
    pub(crate) fn is_status(&self, status: u16) -> bool {
        is_whole(status) && self.statuses.contains(status)
    }

    /// Whether responses of this content type are kept. One without any is not.
    pub(crate) fn is_content_type(&self, value: Option<&[u8]>) -> bool {
        let value = value.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
        let value = value.trim_ascii().to_ascii_lowercase();
        self.content_types.iter().any(|kept| match kept.strip_suffix('*') {
            Some(prefix) => value.starts_with(prefix.as_bytes()),
            None => value == kept.as_bytes(),
        })
    }
}

impl TryFrom<SnapshotConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: SnapshotConfig) -> Result<Self, ConfigError> {
        let fail = |member: &str, problem: String| Err(ConfigError::at(member, problem));
        if config.max_size.0 == 0 || config.max_size > config.memory {
            let problem =
                format!("{}; write at least 1B, and no more than memory, {}", config.max_size, config.memory);
            return fail("max_size", problem);
        }
        if config.statuses.is_empty() || config.content_types.is_empty() {
            let member = if config.statuses.is_empty() { "statuses" } else { "content_types" };
            return fail(member, "empty, so nothing would be kept; write some".to_owned());
        }
        if let Some((index, kind)) =
            config.content_types.iter().enumerate().find(|(_, kind)| !is_content_type(kind))
        {
            let remedy =
                "write one without parameters, such as application/json, or image/* for all of a kind";
            return fail(
                &format!("content_types[{index}]"),
                format!("{kind:?} is no content type; {remedy}"),
            );
        }
        if let Some((index, name)) = config.credentials.iter().enumerate().find(|(_, name)| !is_token(name)) {
            let problem = format!("{name:?} is no header name; write one such as authorization");
            return fail(&format!("credentials[{index}]"), problem);
        }
        if config.credentials.is_empty() && !config.with_credentials {
            let problem = "empty, and everybody would get what anybody has got; name headers, or write with_credentials: true";
            return fail("credentials", problem.to_owned());
        }
        let statuses = Statuses::new(&config.statuses).map_err(|error| error.under("statuses"))?;
        if !(100..600).any(|status| statuses.contains(status) && is_whole(status)) {
            return fail(
                "statuses",
                "none among them that has something to keep; write one such as 200".to_owned(),
            );
        }
        let lower = |texts: Vec<String>| texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        Ok(Self {
            statuses,
            content_types: lower(config.content_types),
            max_size: config.max_size.bytes(),
            memory: config.memory.bytes(),
            max_stale: as_nanos(bounded("max_stale", config.max_stale)?),
            refresh: as_nanos(bounded("refresh", config.refresh)?),
            without_cache_control: config.without_cache_control,
            with_credentials: config.with_credentials,
            credentials: lower(config.credentials),
        })
    }
}

/// Whether a response of this status is all of something: neither an interim one, nor nothing, a part, or what the client has already.
fn is_whole(status: u16) -> bool {
    status >= 200 && !matches!(status, 204 | 205 | 206 | 304)
}

fn is_content_type(text: &str) -> bool {
    let is_kind = |kind: &str| kind == "*" || (is_token(kind) && !kind.contains('*'));
    text.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && !kind.contains('*') && is_kind(sub))
}
