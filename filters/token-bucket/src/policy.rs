//! The configuration once it has been checked.

use portcullis_kit::{ConfigError, distinct_names, stat_prefix};

use crate::config::{Scope, TokenBucketConfig};
use crate::limit::Limit;
use crate::metrics;
use crate::reply::Reply;
use crate::service::Settings;

/// A validated [`TokenBucketConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) limits: Vec<Limit>,
    pub(crate) domain: Option<String>,
    pub(crate) service: Option<Settings>,
    pub(crate) reply: Reply,
    /// With an underscore behind it, or empty.
    pub(crate) stat_prefix: String,
}

/// Each takes a counter for each of its outcomes, and a look at each request.
const MOST_LIMITS: usize = 64;

/// The memory of a module ends at 1 GiB; sets of eight buckets take about 350 bytes.
const MOST_IN_MEMORY: u64 = 4 << 20;

impl TryFrom<TokenBucketConfig> for Policy {
    type Error = ConfigError;

    fn try_from(config: TokenBucketConfig) -> Result<Self, ConfigError> {
        let reply = Reply::try_from(config.reply).map_err(|error| error.under("reply"))?;
        let service = config.rate_limit_service.map(Settings::try_from).transpose();
        let service = service.map_err(|error| error.under("rate_limit_service"))?;
        let count = config.limits.len();
        if count == 0 || count > MOST_LIMITS {
            let problem = format!("{count} limits; write from 1 to {MOST_LIMITS}");
            return Err(ConfigError::at("limits", problem));
        }
        let mut limits: Vec<Limit> = Vec::new();
        for (index, limit) in config.limits.into_iter().enumerate() {
            let path = format!("limits[{index}]");
            let limit = Limit::try_from(limit).map_err(|error| error.under(&path))?;
            if limit.scope == Scope::Global && service.is_none() {
                let problem = "global, and there is no rate_limit_service; name its cluster there";
                return Err(ConfigError::at(format!("{path}.scope"), problem));
            }
            limits.push(limit);
        }
        distinct_names("limits", limits.iter().map(|limit| limit.name.as_str()), &metrics::NAMES)?;
        let in_memory: u64 = limits.iter().map(Limit::buckets_of_a_worker).fold(0, u64::saturating_add);
        if in_memory > MOST_IN_MEMORY {
            let problem = format!(
                "{in_memory} buckets in the memory of each worker, by scope: worker or failure_mode: local, max_keys and tiers; write at most {MOST_IN_MEMORY} in all"
            );
            return Err(ConfigError::at("limits", problem));
        }
        if service.is_some() && limits.iter().all(|limit| limit.scope != Scope::Global) {
            let problem = "no limit has scope: global, so nobody would ask it; write one or leave it out";
            return Err(ConfigError::at("rate_limit_service", problem));
        }
        if config.domain.as_deref() == Some("") {
            return Err(ConfigError::at("domain", "empty; write a name or leave it out"));
        }
        Ok(Self {
            limits,
            domain: config.domain,
            service,
            reply,
            stat_prefix: stat_prefix(config.stat_prefix)?,
        })
    }
}
