//! How long a breaker stays open, and how it finds out whether it may close.

use std::time::Duration;

use portcullis_kit::{ConfigError, Span};

use super::times::{as_nanos, bounded};
use crate::config::{BackoffConfig, HalfOpenConfig};
use crate::state::{Backoff, HalfOpen};

const MOST_PERMITS: u32 = 100;

pub(super) fn backoff(config: &BackoffConfig) -> Result<Backoff, ConfigError> {
    let duration = bounded("duration", config.duration)?;
    if duration < Duration::from_millis(10) {
        return Err(ConfigError::at("duration", format!("{}; write at least 10ms", config.duration)));
    }
    if !(1.0..=10.0).contains(&config.factor) {
        return Err(ConfigError::at("factor", format!("{}; write a number from 1 to 10", config.factor)));
    }
    if !(0.0..=1.0).contains(&config.jitter) {
        return Err(ConfigError::at("jitter", format!("{}; write a number from 0 to 1", config.jitter)));
    }
    let max = config.max.unwrap_or_else(|| config.duration.max(Span::from_secs(60)));
    if max < config.duration {
        let problem = format!("{max}, shorter than the first time, {}; write a longer one", config.duration);
        return Err(ConfigError::at("max", problem));
    }
    Ok(Backoff {
        duration: as_nanos(duration),
        factor: millionths(config.factor) / 1000,
        max: as_nanos(bounded("max", max)?),
        jitter: millionths(config.jitter),
        max_retry_after: as_nanos(bounded("retry_after.max", config.retry_after.max)?),
    })
}

/// Of a number up to ten.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and ten million")]
fn millionths(number: f64) -> u32 {
    (number * 1_000_000.0).round() as u32
}

pub(super) fn half_open(config: &HalfOpenConfig) -> Result<HalfOpen, ConfigError> {
    let permits = config.permits;
    if permits == 0 || permits > MOST_PERMITS {
        let problem = match permits {
            0 => format!("0, and it would never close again; write from 1 to {MOST_PERMITS}"),
            _ => format!("{permits}; write from 1 to {MOST_PERMITS}"),
        };
        return Err(ConfigError::at("permits", problem));
    }
    let successes = config.successes.unwrap_or(permits);
    if successes == 0 || successes > permits {
        let problem = format!("{successes}; write from 1 to {permits}, the permits that there are");
        return Err(ConfigError::at("successes", problem));
    }
    let lease = bounded("lease", config.lease)?;
    if lease < Duration::from_millis(10) {
        return Err(ConfigError::at("lease", format!("{}; write at least 10ms", config.lease)));
    }
    Ok(HalfOpen { permits, successes, lease: as_nanos(lease) })
}
