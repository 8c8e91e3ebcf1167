use std::time::Duration;

use portcullis_kit::parts::{Part, PartConfig};
use portcullis_kit::{ConfigError, Span, stat_name};

use super::{Outcomes, When};
use crate::config::{
    BackoffConfig, BreakerConfig, HalfOpenConfig, Measure, Mode, SlowConfig, ThrottleConfig, TripConfig,
};
use crate::fallback::{Fallback, Kind, snapshot};
use crate::state::{Backoff, HalfOpen, Ratio, Settings, Throttle, Trip, Window};

/// A validated [`BreakerConfig`].
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) when: Option<When>,
    pub(crate) exempt: Vec<When>,
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    /// In place of opening.
    pub(crate) throttle: Option<Throttle>,
    /// Nanoseconds; a call that takes longer is slow.
    pub(crate) max_latency: Option<u64>,
    pub(crate) measure: Measure,
    pub(crate) outcomes: Outcomes,
    /// Nanoseconds.
    pub(crate) ramp_up: u64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) fallbacks: Vec<Fallback>,
    pub(crate) mode: Mode,
}

/// What has a breaker of its own.
#[derive(Debug)]
pub(crate) struct Keys {
    /// None: all requests share one.
    pub(crate) parts: Vec<Part>,
    pub(crate) known: Option<Vec<String>>,
    pub(crate) max: u32,
}

/// Each of them goes to the shared data and back.
const MOST_BUCKETS: u64 = 60;
const MOST_CALLS: u32 = 1000;
const MIN_REQUESTS: u32 = 20;
const MOST_PERMITS: u32 = 100;
const SHORTEST_BUCKET: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Rule {
    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        self.when.is_some()
            || !self.exempt.is_empty()
            || self.timeout.is_some()
            || self.keys.parts.iter().any(Part::reads_headers)
            || self.fallbacks.iter().any(Fallback::reads_headers)
    }

    /// How its responses are kept, where they are.
    pub(crate) fn snapshot(&self) -> Option<&snapshot::Settings> {
        self.fallbacks.iter().find_map(|fallback| match &fallback.kind {
            Kind::Snapshot(settings) => Some(settings),
            Kind::Reroute(_) | Kind::Static(_) => None,
        })
    }

    /// Whether what another rule has kept is what this one would have.
    pub(crate) fn keeps_as(&self, other: &Self) -> bool {
        self.name == other.name && self.snapshot() == other.snapshot()
    }
}

impl TryFrom<BreakerConfig> for Rule {
    type Error = ConfigError;

    fn try_from(config: BreakerConfig) -> Result<Self, ConfigError> {
        let window = window(&config)?;
        let max_latency = config.trip.as_ref().and_then(|trip| trip.slow_ratio.as_ref());
        let max_latency = max_latency.map(|slow| nanos(slow.max_latency));
        let most = if let Window::Calls(most) = window { most } else { u32::MAX };
        let min_requests = config.min_requests.unwrap_or_else(|| MIN_REQUESTS.min(most));
        let is_by_hand = matches!(config.mode, Mode::ForcedOpen | Mode::Disabled);
        let (trip, throttle) = match (&config.trip, &config.throttle, is_by_hand) {
            (None, None, true) => (Trip::default(), None),
            _ => strategy(config.trip, config.throttle, min_requests)?,
        };
        for (member, number) in [("trip.error_count", trip.error_count), ("min_requests", Some(min_requests))]
        {
            if let Some(number) = number.filter(|number| *number > most) {
                let problem = format!("{number}, and the window has {most} calls; write at most that");
                return Err(ConfigError::at(member, problem));
            }
        }
        let listed =
            |member: &str, index: usize, error: ConfigError| error.under(&format!("{member}[{index}]"));
        let exempt = config.exempt.into_iter().enumerate();
        let exempt = exempt.map(|(i, it)| When::try_from(it).map_err(|error| listed("exempt", i, error)));
        let fallbacks = config.fallback.into_iter().enumerate();
        let fallbacks =
            fallbacks.map(|(i, it)| Fallback::try_from(it).map_err(|error| listed("fallback", i, error)));
        let when = config.when.map(When::try_from).transpose().map_err(|error| error.under("when"))?;
        let backoff = backoff(&config.open).map_err(|error| error.under("open"))?;
        let half_open = half_open(&config.half_open).map_err(|error| error.under("half_open"))?;
        let rule = Self {
            name: stat_name(config.name)?,
            when,
            exempt: exempt.collect::<Result<_, _>>()?,
            keys: keys(config.key, config.known, config.max_keys)?,
            settings: Settings { window, trip, backoff, half_open },
            throttle,
            max_latency,
            measure: config.latency,
            outcomes: Outcomes::new(&config.errors, &config.ignore)?,
            ramp_up: config.ramp_up.map(|span| bounded("ramp_up", span)).transpose()?.map_or(0, as_nanos),
            timeout: config.timeout.map(|span| bounded("timeout", span)).transpose()?,
            fallbacks: fallbacks.collect::<Result<_, _>>()?,
            mode: config.mode,
        };
        if rule.fallbacks.iter().filter(|it| matches!(it.kind, Kind::Snapshot(_))).count() > 1 {
            return Err(ConfigError::at(
                "fallback",
                "has several snapshots; write one, they are all the same",
            ));
        }
        Ok(rule)
    }
}

fn window(config: &BreakerConfig) -> Result<Window, ConfigError> {
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
    if bucket.0 < SHORTEST_BUCKET {
        let written = if config.bucket.is_some() { "bucket" } else { "window" };
        return fail(written, format!("a bucket of {bucket}; write one of at least 10ms"));
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
fn strategy(
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
        (Some(_), Some(_)) => Err(ConfigError::at("throttle", "it would never open; leave trip or this out")),
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
    let problem = || format!("{share}; write a number above 0 and up to 1, as in 0.5");
    Ratio::new(share).ok_or_else(|| ConfigError::at(member, problem()))
}

fn backoff(config: &BackoffConfig) -> Result<Backoff, ConfigError> {
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

fn half_open(config: &HalfOpenConfig) -> Result<HalfOpen, ConfigError> {
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

fn keys(parts: Option<Vec<PartConfig>>, known: Option<Vec<String>>, max: u32) -> Result<Keys, ConfigError> {
    let by_cluster = || vec![PartConfig { cluster: Some(true), ..PartConfig::default() }];
    let parts = parts
        .unwrap_or_else(by_cluster)
        .into_iter()
        .enumerate()
        .map(|(index, part)| key_part(part).map_err(|error| error.under(&format!("key[{index}]"))));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    if max == 0 {
        return Err(ConfigError::at("max_keys", "0; write at least 1"));
    }
    let has_known = known.as_ref().is_some_and(|known| !known.is_empty());
    if known.is_some() && (parts.is_empty() || !has_known) {
        let problem = "says nothing without a key, or without values; write some or leave it out";
        return Err(ConfigError::at("known", problem));
    }
    let max = if parts.is_empty() { 0 } else { max };
    Ok(Keys { parts, known, max })
}

fn key_part(config: PartConfig) -> Result<Part, ConfigError> {
    match Part::plain(config)? {
        Part::ClientAddress { .. } | Part::Cookie(_) | Part::Query(_) | Part::Path => {
            let problem = "has as many values as there are clients; write cluster, route, host, path_template, grpc_method, method, header, claim or constant";
            Err(ConfigError::at("", problem))
        }
        part => Ok(part),
    }
}

/// A time that neither it nor a sum with the clock overflows.
pub(crate) fn bounded(member: &str, span: Span) -> Result<Duration, ConfigError> {
    match span.0 <= LONGEST {
        true => Ok(span.0),
        false => Err(ConfigError::at(member, format!("{span}; write at most 24h"))),
    }
}

pub(crate) fn as_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn nanos(span: Span) -> u64 {
    as_nanos(span.0)
}
