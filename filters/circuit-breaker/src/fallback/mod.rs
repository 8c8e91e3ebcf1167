//! What requests get that do not pass.

pub(crate) mod snapshot;
mod template;

use portcullis_kit::bucket::SharedBucket;
use portcullis_kit::parts::{Member, Request};
use portcullis_kit::rules::When;
use portcullis_kit::{
    ConfigError, GrpcStatus, Headers, Host, LocalReply, ReplyFormat, is_further_header, reply_headers,
};

use crate::config::{FallbackConfig, RerouteConfig, StaticConfig, TimeOpenConfig};
use crate::denial::Denial;
use crate::policy::{as_nanos, bounded};
use template::Template;
pub(crate) use template::plain;

/// A validated [`FallbackConfig`].
#[derive(Debug)]
pub(crate) struct Fallback {
    when: Option<When>,
    only: Vec<Member>,
    max_in_flight: Option<u32>,
    /// Nanoseconds: at least, and less than.
    time_open: Option<(u64, Option<u64>)>,
    budget: Option<SharedBucket>,
    pub(crate) kind: Kind,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Kind {
    Snapshot(snapshot::Settings),
    Reroute(Reroute),
    Static(StaticReply),
}

/// Another upstream.
#[derive(Debug)]
pub(crate) struct Reroute {
    /// Lower case.
    header: String,
    value: String,
}

/// An answer that is written in the configuration.
#[derive(Debug)]
pub(crate) struct StaticReply {
    status: u16,
    grpc_status: GrpcStatus,
    headers: Vec<(String, Vec<u8>)>,
    body: Template,
}

/// What holds when a request does not pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// For how many nanoseconds the breaker has not been closed.
    pub(crate) time_open: Option<u64>,
    /// How many requests are on their way through this worker.
    pub(crate) in_flight: usize,
}

impl Fallback {
    /// A header that clients must not set themselves.
    pub(crate) fn reserved_header(&self) -> Option<&str> {
        match &self.kind {
            Kind::Reroute(reroute) => Some(&reroute.header),
            Kind::Snapshot(_) | Kind::Static(_) => None,
        }
    }

    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        self.when.is_some()
            || self.only.iter().any(Member::reads_headers)
            || !matches!(self.kind, Kind::Static(_))
    }

    /// Whether it serves such a request now, but for its budget.
    pub(crate) fn fits(&self, situation: &Situation, request: &Headers, host: &mut dyn Host) -> bool {
        let in_time = self.time_open.is_none_or(|(min, max)| {
            situation.time_open.is_some_and(|time| min <= time && max.is_none_or(|max| time < max))
        });
        in_time
            && self.max_in_flight.is_none_or(|most| situation.in_flight < most as usize)
            && self.when.as_ref().is_none_or(|when| when.fits(request, host))
            && {
                let mut request = Request::new(request, host);
                // What can be read in two ways is none of them.
                self.only.iter().all(|member| member.has(&mut request).unwrap_or_default())
            }
    }

    /// Whether it serves every request that comes as far as this.
    pub(crate) fn serves_all(&self) -> bool {
        let is_for_all = self.when.is_none() && self.only.is_empty() && self.max_in_flight.is_none();
        is_for_all
            && self.time_open.is_none()
            && self.budget.is_none()
            && matches!(self.kind, Kind::Static(_))
    }

    /// Whether it depends on how long the breaker has not been closed.
    pub(crate) fn is_by_time(&self) -> bool {
        self.time_open.is_some()
    }

    /// Takes one from its budget, of which `entry` is the name in the shared data.
    pub(crate) fn spend(&self, entry: impl FnOnce() -> String, now: u64, host: &mut dyn Host) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.spend(&entry(), now, host))
    }
}

impl Reroute {
    /// Sends a request elsewhere.
    pub(crate) fn apply(&self, request: &mut Headers, host: &mut dyn Host) {
        request.set(&self.header, self.value.as_bytes());
        // Envoy 1.40 chooses the route anew by itself after a module of this ABI has changed a header; others have to be asked. Where a host
        // cannot, the request goes where it would have gone.
        let _ = host.foreign("clear_route_cache", b"");
    }
}

impl StaticReply {
    pub(crate) fn render(&self, denial: &Denial<'_>, is_grpc: bool) -> LocalReply {
        let body = self.body.render(denial);
        let mut reply = LocalReply::new(self.status, denial.reason.row().code, &body, ReplyFormat::Text);
        reply.grpc_status = is_grpc.then_some(self.grpc_status);
        let of_http = |name: &str| name == "content-type" && is_grpc;
        let headers = self.headers.iter().filter(|(name, _)| !of_http(name));
        reply.headers.extend(headers.map(|(name, value)| (name.clone().into(), value.clone())));
        if self.status >= 500 && !reply.headers.iter().any(|(name, _)| name == "retry-after") {
            reply.headers.push(("retry-after".into(), denial.retry_after().into_bytes()));
        }
        reply
    }
}

impl TryFrom<FallbackConfig> for Fallback {
    type Error = ConfigError;

    fn try_from(config: FallbackConfig) -> Result<Self, ConfigError> {
        let kind = match (config.snapshot, config.reroute, config.fixed) {
            (Some(it), None, None) => {
                Kind::Snapshot(snapshot::Settings::try_from(it).map_err(|error| error.under("snapshot"))?)
            }
            (None, Some(it), None) => {
                Kind::Reroute(Reroute::try_from(it).map_err(|error| error.under("reroute"))?)
            }
            (None, None, Some(it)) => {
                Kind::Static(StaticReply::try_from(it).map_err(|error| error.under("static"))?)
            }
            (None, None, None) => {
                return Err(ConfigError::at("", "does nothing; write one of snapshot, reroute and static"));
            }
            _ => {
                let problem = "does several things; write each as an entry of its own, in the order in which they are tried";
                return Err(ConfigError::at("", problem));
            }
        };
        if config.max_in_flight == Some(0) {
            return Err(ConfigError::at("max_in_flight", "0, and it would never serve; write at least 1"));
        }
        let only = config.only.into_iter().enumerate().map(|(index, member)| {
            Member::try_from(member).map_err(|error| error.under(&format!("only[{index}]")))
        });
        let budget = config.budget.map(|budget| SharedBucket::new(budget.rate, budget.burst));
        Ok(Self {
            when: config.when.map(When::try_from).transpose().map_err(|error| error.under("when"))?,
            only: only.collect::<Result<_, _>>()?,
            max_in_flight: config.max_in_flight,
            time_open: config
                .time_open
                .map(time_open)
                .transpose()
                .map_err(|error| error.under("time_open"))?,
            budget: budget.transpose().map_err(|error| error.under("budget"))?,
            kind,
        })
    }
}

fn time_open(config: TimeOpenConfig) -> Result<(u64, Option<u64>), ConfigError> {
    let min = as_nanos(bounded("min", config.min)?);
    let max = config.max.map(|max| bounded("max", max).map(as_nanos)).transpose()?;
    if max.is_some_and(|max| max <= min) {
        let max = config.max.unwrap_or_default();
        let problem = format!("{max}, no longer than min, and it would never serve; write a longer time");
        return Err(ConfigError::at("max", problem));
    }
    Ok((min, max))
}

impl TryFrom<RerouteConfig> for Reroute {
    type Error = ConfigError;

    fn try_from(config: RerouteConfig) -> Result<Self, ConfigError> {
        // It is taken out of what clients send: nothing that anybody else needs.
        const NEEDED: [&str; 4] = ["authorization", "cookie", "host", "proxy-authorization"];
        let header = config.header.to_ascii_lowercase();
        let is_envoys = ["x-envoy-", "x-forwarded-", "x-request-id"].iter().any(|it| header.starts_with(it));
        if !is_further_header(&header, &NEEDED) || is_envoys {
            let problem =
                format!("{:?} is not a header for this; write one such as x-fallback", config.header);
            return Err(ConfigError::at("header", problem));
        }
        let is_plain =
            !config.value.is_empty() && config.value.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if !is_plain {
            let problem = format!(
                "{:?}; write printable ASCII without blanks, such as the name of a cluster",
                config.value
            );
            return Err(ConfigError::at("value", problem));
        }
        Ok(Self { header, value: config.value })
    }
}

impl TryFrom<StaticConfig> for StaticReply {
    type Error = ConfigError;

    fn try_from(config: StaticConfig) -> Result<Self, ConfigError> {
        const MOST: usize = 64 << 10;
        if !(200..600).contains(&config.status) {
            return Err(ConfigError::at(
                "status",
                format!("{}; write a status from 200 to 599", config.status),
            ));
        }
        if config.body.len() > MOST {
            return Err(ConfigError::at(
                "body",
                format!("{} bytes; write at most {MOST}", config.body.len()),
            ));
        }
        if matches!(config.status, 204 | 205 | 304) && !config.body.is_empty() {
            let problem = format!("there is none with status {}; leave it out", config.status);
            return Err(ConfigError::at("body", problem));
        }
        let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        let (types, further): (Vec<_>, Vec<_>) =
            config.headers.into_iter().partition(|(name, _)| is_type(name));
        // The one header of the body that is the writer's to say.
        let types = reply_headers(types.into_iter().map(|(name, value)| (format!("x-{name}"), value)), &[]);
        let types = types.map_err(|error| ConfigError { path: error.path.replacen("x-", "", 1), ..error })?;
        let mut headers = reply_headers(further, &[])?;
        headers.extend(types.into_iter().map(|(_, value)| ("content-type".to_owned(), value)));
        Ok(Self {
            status: config.status,
            grpc_status: config.grpc_status,
            headers,
            body: Template::new(&config.body).map_err(|error| error.under("body"))?,
        })
    }
}
