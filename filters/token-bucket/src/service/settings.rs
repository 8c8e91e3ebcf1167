//! Where the rate limit service is, and how long it may take.

use std::time::Duration;

use portcullis_kit::{ConfigError, cluster_authority};

use crate::config::ServiceConfig;

/// A validated [`ServiceConfig`].
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) cluster: String,
    pub(super) authority: String,
    pub(super) domain: String,
    pub(super) timeout: Duration,
    pub(super) max_waiting: usize,
}

impl TryFrom<ServiceConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: ServiceConfig) -> Result<Self, ConfigError> {
        for (member, text) in [("cluster", &config.cluster), ("domain", &config.domain)] {
            if text.is_empty() {
                return Err(ConfigError::at(member, "empty; write its name"));
            }
        }
        let timeout = config.timeout.0;
        if timeout < Duration::from_millis(1) || timeout > Duration::from_secs(10) {
            let problem = format!("{}; write a time from 1ms to 10s", config.timeout);
            return Err(ConfigError::at("timeout", problem));
        }
        if config.max_waiting == 0 {
            return Err(ConfigError::at("max_waiting", "0, and nobody could ask; write at least 1"));
        }
        let authority = cluster_authority(config.authority, &config.cluster)?;
        Ok(Self {
            cluster: config.cluster,
            authority,
            domain: config.domain,
            timeout,
            max_waiting: usize::try_from(config.max_waiting).unwrap_or(usize::MAX),
        })
    }
}
