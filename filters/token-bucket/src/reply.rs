//! What clients are told: of a denial, and of what is left.

use portcullis_kit::{ConfigError, GrpcStatus, Headers, LocalReply, ReplyFormat, reply_headers};
use serde::Serialize;

use crate::config::{GrpcCode, ReplyConfig, Shown};
use crate::denial::{Denial, Reason};
use crate::standing::Standing;

const SECOND: u64 = 1_000_000_000;
/// The header that denials have of their own.
const OURS: [&str; 1] = ["retry-after"];

/// A validated [`ReplyConfig`].
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    grpc_status: GrpcStatus,
    format: ReplyFormat,
    headers: Vec<(String, Vec<u8>)>,
    ratelimit: Shown,
    x_ratelimit: Shown,
}

/// A header and its value.
type Field = (&'static str, String);

impl Reply {
    /// Whether responses to requests that pass show what is left.
    pub(crate) fn is_always_shown(&self) -> bool {
        self.ratelimit == Shown::Always || self.x_ratelimit == Shown::Always
    }

    /// Shows what is left on a response. What other limiters say there stays.
    pub(crate) fn show(&self, standings: &[Standing], response: &mut Headers) {
        for (name, value) in self.fields(standings, |shown| shown == Shown::Always) {
            response.add(name, value.as_bytes());
        }
    }

    /// The answer to a client that is denied.
    pub(crate) fn render(&self, denial: &Denial, is_grpc: bool) -> LocalReply {
        let row = denial.reason.row();
        let is_limit = denial.reason == Reason::LimitExceeded;
        let status = if is_limit { self.status } else { row.status };
        let format = if is_grpc { ReplyFormat::Text } else { self.format };
        let mut reply = LocalReply::new(status, row.code, row.detail, format);
        if format == ReplyFormat::ProblemJson {
            reply.body = problem(denial, status);
        }
        if !denial.body.is_empty() && !is_grpc {
            reply.headers.clear();
            reply.body.clone_from(&denial.body);
        }
        if is_limit {
            reply.grpc_status = Some(self.grpc_status);
        }
        if let Some(after) = denial.retry_after {
            reply.headers.push(("retry-after".into(), whole_seconds(after).max(1).to_string().into_bytes()));
        }
        for (name, value) in self.fields(&denial.standings, |shown| shown != Shown::Never) {
            reply.headers.push((name.into(), value.into_bytes()));
        }
        let is_ours = |name: &str| match name {
            "content-type" => is_grpc || denial.body.is_empty(),
            "retry-after" => denial.retry_after.is_some(),
            _ => false,
        };
        let further = denial.headers.iter().filter(|(name, _)| !is_ours(name)).chain(&self.headers);
        reply.headers.extend(further.map(|(name, value)| (name.clone().into(), value.clone())));
        reply
    }

    fn fields(
        &self,
        standings: &[Standing],
        shows: fn(Shown) -> bool,
    ) -> impl Iterator<Item = Field> + use<> {
        let any = !standings.is_empty();
        let draft_10 = (any && shows(self.ratelimit)).then(|| draft_10(standings));
        let draft_03 = (any && shows(self.x_ratelimit)).then(|| draft_03(standings));
        draft_10.into_iter().flatten().chain(draft_03.into_iter().flatten())
    }
}

/// draft-ietf-httpapi-ratelimit-headers-10: lists of structured fields (RFC 9651). The window of a bucket is the time in which it
/// fills.
fn draft_10(standings: &[Standing]) -> Vec<Field> {
    // Structured fields have integers of 15 digits.
    let integer = |number: u64| number.min(999_999_999_999_999);
    let policy = standings.iter().map(|it| {
        format!("\"{}\";q={};w={}", it.name, integer(it.burst), integer(whole_seconds(it.window).max(1)))
    });
    let left = standings.iter().map(|it| {
        let next = it.level.next.map(|next| format!(";t={}", integer(whole_seconds(next).max(1))));
        format!("\"{}\";r={}{}", it.name, integer(it.level.remaining), next.unwrap_or_default())
    });
    let list = |items: Vec<String>| items.join(", ");
    vec![("ratelimit-policy", list(policy.collect())), ("ratelimit", list(left.collect()))]
}

/// Draft 03 as Envoy's rate limit filter writes it: the limit that is closest, then all of them.
fn draft_03(standings: &[Standing]) -> Vec<Field> {
    let Some(closest) = standings.iter().min_by_key(|it| it.level.remaining) else { return Vec::new() };
    let policies = standings
        .iter()
        .map(|it| format!(", {};w={};name=\"{}\"", it.burst, whole_seconds(it.window).max(1), it.name));
    vec![
        ("x-ratelimit-limit", format!("{}{}", closest.burst, policies.collect::<String>())),
        ("x-ratelimit-remaining", closest.level.remaining.to_string()),
        ("x-ratelimit-reset", closest.level.next.map_or(0, whole_seconds).to_string()),
    ]
}

/// RFC 9457, with the types of the draft.
fn problem(denial: &Denial, status: u16) -> Vec<u8> {
    #[derive(Serialize)]
    struct Problem<'a> {
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
        title: &'a str,
        status: u16,
        detail: &'a str,
        code: &'a str,
        #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
        violated: Vec<&'a str>,
    }
    let row = denial.reason.row();
    let problem = Problem {
        kind: row.kind,
        title: row.title,
        status,
        detail: row.detail,
        code: row.code,
        violated: denial.violated.iter().map(String::as_str).collect(),
    };
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// Rounded up: never early (RFC 9110 section 10.2.3).
fn whole_seconds(nanos: u64) -> u64 {
    nanos.div_ceil(SECOND)
}

impl TryFrom<ReplyConfig> for Reply {
    type Error = ConfigError;

    fn try_from(config: ReplyConfig) -> Result<Self, ConfigError> {
        if !(400..600).contains(&config.status) {
            let problem =
                format!("{}; write a status from 400 to 599, a denial is nothing else", config.status);
            return Err(ConfigError::at("status", problem));
        }
        Ok(Self {
            status: config.status,
            grpc_status: match config.grpc_status {
                GrpcCode::ResourceExhausted => GrpcStatus::ResourceExhausted,
                GrpcCode::Unavailable => GrpcStatus::Unavailable,
            },
            format: config.format,
            headers: reply_headers(config.headers, &OURS)?,
            ratelimit: config.ratelimit,
            x_ratelimit: config.x_ratelimit,
        })
    }
}
