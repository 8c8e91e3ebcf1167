//! How far back a breaker looks, and when it opens.

use std::time::Duration;

use portcullis_kit::{ConfigError, Span};

use super::times::{bounded, nanos};
use crate::config::{BreakerConfig, SlowConfig, ThrottleConfig, TripConfig};
use crate::state::{Ratio, Throttle, Trip, Window};

/// Each of them goes to the shared data and back.
const MOST_BUCKETS: u64 = 60;
const MOST_CALLS: u32 = 1000;
const SHORTEST_BUCKET: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(super) fn window(config: &BreakerConfig) -> Result<Window, ConfigError> {
    let fail = |member: &str, problem: String| Err(ConfigError::at(member, problem));
    if let Some(calls) = config.window_calls {
        if config.window.is_some() || config.bucket.is_some() {
            return fail(
                "window_calls",
                "there is a window of time as well; leave one of them out".to_owned(),
            );
        }
        return match (1..=MOST_CALLS).contains(&calls) {
            true => Ok(Window::Calls(calls)),
            false => fail("window_calls", format!("{calls}; write from 1 to {MOST_CALLS}")),
        };
    }
    let window = config.window.unwrap_or(Span::from_secs(10));
    let bucket = config.bucket.unwrap_or_else(|| Span(window.0 / 10));
    match config.bucket {
        Some(bucket) if bucket.0 < SHORTEST_BUCKET => {
            return fail("bucket", format!("{bucket}; write at least 10ms"));
        }
        None if bucket.0 < SHORTEST_BUCKET => {
            let remedy = "write at least 100ms, or a bucket";
            return fail("window", format!("{window}, a tenth of which is {bucket}; {remedy}"));
        }
        Some(bucket) if config.window.is_none() && window < bucket => {
            let problem = format!("{bucket}, longer than the window, which is {window} unless you write one");
            return fail("bucket", problem);
        }
        _ => {}
    }
    if window.0 > LONGEST {
        return fail("window", format!("{window}; write at most 24h"));
    }
    if window < bucket {
        return fail("window", format!("{window}, shorter than a bucket of {bucket}; write a longer one"));
    }
    let (whole, part) = (nanos(window), nanos(bucket));
    match whole.checked_div(part).filter(|_| whole.checked_rem(part) == Some(0)) {
        Some(buckets) if buckets <= MOST_BUCKETS => Ok(Window::Time { bucket: part, buckets }),
        Some(buckets) => fail(
            "bucket",
            format!(
                "{bucket}, {buckets} of them in the window; write a longer one, for at most {MOST_BUCKETS}"
            ),
        ),
        None => {
            fail("window", format!("{window}, no whole number of buckets of {bucket}; write one that is"))
        }
    }
}

/// Exactly one of the two.
pub(super) fn strategy(
    trip: Option<TripConfig>,
    throttle: Option<ThrottleConfig>,
    min_requests: u32,
) -> Result<(Trip, Option<Throttle>), ConfigError> {
    match (trip, throttle) {
        (Some(config), None) => {
            let trip = checked_trip(&config, min_requests).map_err(|error| error.under("trip"))?;
            Ok((trip, None))
        }
        (None, Some(config)) => {
            let throttle =
                checked_throttle(&config, min_requests).map_err(|error| error.under("throttle"))?;
            Ok((Trip::default(), Some(throttle)))
        }
        (None, None) => {
            Err(ConfigError::at("trip", "missing, and nothing would ever open it; write one, or throttle"))
        }
        (Some(_), Some(_)) => {
            Err(ConfigError::at("throttle", "cannot be combined with trip; leave one of them out"))
        }
    }
}

fn checked_trip(config: &TripConfig, min_requests: u32) -> Result<Trip, ConfigError> {
    let positive = |member: &str, number: Option<u32>| match number {
        Some(0) => {
            Err(ConfigError::at(member, "0, and it would open before the first call; write at least 1"))
        }
        number => Ok(number),
    };
    let trip = Trip {
        slow_ratio: config
            .slow_ratio
            .as_ref()
            .map(slow_ratio)
            .transpose()
            .map_err(|it| it.under("slow_ratio"))?,
        error_ratio: config.error_ratio.map(|share| ratio("error_ratio", share)).transpose()?,
        error_count: positive("error_count", config.error_count)?,
        consecutive_errors: positive("consecutive_errors", config.consecutive_errors)?,
        min_requests,
    };
    match trip == (Trip { min_requests, ..Trip::default() }) {
        true => Err(ConfigError::at(
            "",
            "empty, and nothing would ever open it; write slow_ratio, error_ratio, error_count or consecutive_errors",
        )),
        false => Ok(trip),
    }
}

fn slow_ratio(config: &SlowConfig) -> Result<Ratio, ConfigError> {
    if config.max_latency.0.is_zero() {
        return Err(ConfigError::at("max_latency", "0s, and every call would be slow; write a longer one"));
    }
    bounded("max_latency", config.max_latency)?;
    ratio("ratio", config.ratio)
}

fn checked_throttle(config: &ThrottleConfig, min_requests: u32) -> Result<Throttle, ConfigError> {
    let aggression = config.aggression;
    if !(1.0..=100.0).contains(&aggression) {
        return Err(ConfigError::at("aggression", format!("{aggression}; write a number from 1 to 100")));
    }
    Ok(Throttle {
        success_ratio: ratio("success_ratio", config.success_ratio)?,
        aggression,
        max_rejection: ratio("max_rejection", config.max_rejection)?,
        min_requests,
    })
}

fn ratio(member: &str, share: f64) -> Result<Ratio, ConfigError> {
    let problem = || format!("{share:?}; write a number from 0.000001 to 1, as in 0.5");
    Ratio::new(share).ok_or_else(|| ConfigError::at(member, problem()))
}
