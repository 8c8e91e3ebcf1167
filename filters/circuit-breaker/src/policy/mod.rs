//! The configuration once it has been checked.

mod breaker;
mod keys;
mod opening;
mod outcomes;
mod recovery;
mod times;

use std::time::Duration;

use portcullis_kit::{ConfigError, Size, Span, distinct_names, is_further_header, stat_prefix};

use crate::config::{CircuitBreakerConfig, Shown, StateHeaderConfig};
use crate::metrics;
use crate::reply::Reply;
use crate::state::Window;

pub(crate) use breaker::Rule;
pub(crate) use keys::LONGEST_KEY;
pub(crate) use outcomes::{Outcomes, Stage, Verdict};
pub(crate) use times::{as_nanos, bounded};

/// A validated [`CircuitBreakerConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) domain: Option<String>,
    pub(crate) sync: Duration,
    pub(crate) reply: Reply,
    pub(crate) state_header: Option<StateHeader>,
    /// With an underscore behind it, or empty.
    pub(crate) stat_prefix: String,
    /// Headers that only the filter itself sets.
    pub(crate) reserved: Vec<String>,
    pub(crate) reads_request: bool,
    /// Whether the breaker of a request depends on the route that Envoy has chosen.
    pub(crate) is_by_route: bool,
}

/// The response header that names breaker and state.
#[derive(Debug)]
pub(crate) struct StateHeader {
    pub(crate) name: String,
    pub(crate) is_always: bool,
}

/// Each takes metrics, and a look at each request.
const MOST_BREAKERS: usize = 64;
/// Metrics are never given back, and each breaker has about twenty.
const MOST_KEYS: u64 = 1024;
const SHORTEST_SYNC: Duration = Duration::from_millis(10);
const LONGEST_SYNC: Duration = Duration::from_secs(10);
const SYNC: Duration = Duration::from_millis(100);
/// That of a module ends at 1 GiB.
const MOST_MEMORY: u64 = 256 << 20;

impl TryFrom<CircuitBreakerConfig> for Policy {
    type Error = ConfigError;

    fn try_from(config: CircuitBreakerConfig) -> Result<Self, ConfigError> {
        let count = config.breakers.len();
        if count == 0 || count > MOST_BREAKERS {
            let problem = format!("{count} breakers; write from 1 to {MOST_BREAKERS}");
            return Err(ConfigError::at("breakers", problem));
        }
        let rules = config.breakers.into_iter().enumerate().map(|(index, breaker)| {
            Rule::try_from(breaker).map_err(|error| error.under(&format!("breakers[{index}]")))
        });
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        distinct_names("breakers", rules.iter().map(|rule| rule.name.as_str()), &metrics::NAMES)?;
        are_reached(&rules)?;
        fit_into_memory(&rules)?;
        let keys: u64 = rules.iter().map(|rule| u64::from(rule.keys.max) + 1).sum();
        if keys > MOST_KEYS {
            let problem = format!(
                "{keys} breakers by max_keys, and one more each for all other values; write at most {MOST_KEYS} in all"
            );
            return Err(ConfigError::at("breakers", problem));
        }
        if config.domain.as_deref() == Some("") {
            return Err(ConfigError::at("domain", "empty; write a name or leave it out"));
        }
        let rerouting = rules.iter().flat_map(|rule| &rule.fallbacks).filter_map(|it| it.reserved_header());
        let reserved: Vec<_> = rerouting.map(str::to_owned).collect();
        let reply = Reply::try_from(config.reply).map_err(|error| error.under("reply"))?;
        let header = config.state_header.map(StateHeader::try_from).transpose();
        Ok(Self {
            sync: sync(config.sync, &rules)?,
            state_header: header.map_err(|error| error.under("state_header"))?,
            is_by_route: rules.iter().any(Rule::is_by_route),
            reads_request: !reserved.is_empty() || rules.iter().any(Rule::reads_headers),
            domain: config.domain,
            stat_prefix: stat_prefix(config.stat_prefix)?,
            reply,
            reserved,
            rules,
        })
    }
}

fn sync(sync: Option<Span>, rules: &[Rule]) -> Result<Duration, ConfigError> {
    let buckets = rules.iter().filter_map(|rule| match rule.settings.window {
        Window::Time { bucket, .. } => Some(Duration::from_nanos(bucket)),
        Window::Calls(_) => None,
    });
    let shortest = buckets.min();
    let longest = shortest.unwrap_or(LONGEST_SYNC);
    let Some(sync) = sync else { return Ok(SYNC.min(longest)) };
    if (SHORTEST_SYNC..=longest).contains(&sync.0) {
        return Ok(sync.0);
    }
    let why = if shortest.is_some() { ", the shortest bucket of a window" } else { "" };
    Err(ConfigError::at("sync", format!("{sync}; write from 10ms to {}{why}", Span(longest))))
}

/// No breaker stands behind one that is for all requests.
fn are_reached(rules: &[Rule]) -> Result<(), ConfigError> {
    match rules.iter().position(|rule| rule.when.is_none()) {
        Some(index) if index + 1 < rules.len() => {
            let problem =
                format!("has no when, so that no request ever comes to breakers[{}]; put it last", index + 1);
            Err(ConfigError::at(format!("breakers[{index}]"), problem))
        }
        _ => Ok(()),
    }
}

fn fit_into_memory(rules: &[Rule]) -> Result<(), ConfigError> {
    let memory =
        rules.iter().filter_map(Rule::snapshot).map(|it| it.memory as u64).fold(0, u64::saturating_add);
    if memory > MOST_MEMORY {
        let problem =
            format!("{} for the snapshots of each worker; write at most 256MiB in all", Size(memory));
        return Err(ConfigError::at("breakers", problem));
    }
    Ok(())
}

impl TryFrom<StateHeaderConfig> for StateHeader {
    type Error = ConfigError;

    fn try_from(config: StateHeaderConfig) -> Result<Self, ConfigError> {
        let name = config.name.to_ascii_lowercase();
        match is_further_header(&name, &["retry-after", "set-cookie", "location"]) {
            true => Ok(Self { name, is_always: config.on == Shown::Always }),
            false => {
                let problem =
                    format!("{:?} is not a header for this; write one such as x-circuit", config.name);
                Err(ConfigError::at("name", problem))
            }
        }
    }
}
