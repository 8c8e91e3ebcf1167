//! The configuration once it has been checked.

mod breaker;
mod outcomes;

use std::time::Duration;

use portcullis_kit::rules::{MatchConfig, Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, Headers, Host, Properties, distinct_names, stat_prefix};

use crate::config::{CircuitBreakerConfig, Shown, StateHeaderConfig};
use crate::reply::Reply;
use crate::state::Window;

pub(crate) use breaker::{Rule, as_nanos, bounded};
pub(crate) use outcomes::{Outcomes, Verdict};

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
}

/// The response header that names breaker and state.
#[derive(Debug)]
pub(crate) struct StateHeader {
    pub(crate) name: String,
    pub(crate) is_always: bool,
}

/// What a request has to be like. One that can be read in two ways is like nothing that goes by these.
#[derive(Debug)]
pub(crate) struct When(Rules<bool>);

/// Each takes metrics, and a look at each request.
const MOST_BREAKERS: usize = 64;
/// Metrics are never given back, and each breaker has about twenty.
const MOST_KEYS: u64 = 1024;
const SHORTEST_SYNC: Duration = Duration::from_millis(10);

impl When {
    pub(crate) fn fits(&self, request: &Headers, host: &mut dyn Host) -> bool {
        let properties: &mut dyn Properties = host;
        self.0.select(request, properties).is_ok_and(|fits| *fits)
    }
}

impl TryFrom<MatchConfig> for When {
    type Error = ConfigError;

    fn try_from(config: MatchConfig) -> Result<Self, ConfigError> {
        Ok(Self(Rules::new(vec![(Matcher::try_from(config)?, true)], false)))
    }
}

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
        distinct_names("breakers", rules.iter().map(|rule| rule.name.as_str()))?;
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
            sync: sync(config.sync.0, &rules)?,
            state_header: header.map_err(|error| error.under("state_header"))?,
            reads_request: !reserved.is_empty() || rules.iter().any(Rule::reads_headers),
            domain: config.domain,
            stat_prefix: stat_prefix(config.stat_prefix)?,
            reply,
            reserved,
            rules,
        })
    }
}

fn sync(sync: Duration, rules: &[Rule]) -> Result<Duration, ConfigError> {
    let shortest = rules.iter().filter_map(|rule| match rule.settings.window {
        Window::Time { bucket, .. } => Some(Duration::from_nanos(bucket)),
        Window::Calls(_) => None,
    });
    let longest = shortest.min().unwrap_or(Duration::from_secs(10));
    match (SHORTEST_SYNC..=longest).contains(&sync) {
        true => Ok(sync),
        false => {
            let problem =
                format!("{sync:?}; write from 10ms to {longest:?}, the shortest bucket of a window");
            Err(ConfigError::at("sync", problem))
        }
    }
}

impl TryFrom<StateHeaderConfig> for StateHeader {
    type Error = ConfigError;

    fn try_from(config: StateHeaderConfig) -> Result<Self, ConfigError> {
        match is_token(&config.name) {
            true => {
                Ok(Self { name: config.name.to_ascii_lowercase(), is_always: config.on == Shown::Always })
            }
            false => {
                let problem = format!("{:?} is no header name; write one such as x-circuit", config.name);
                Err(ConfigError::at("name", problem))
            }
        }
    }
}
