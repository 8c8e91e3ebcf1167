use std::time::Duration;

use portcullis_kit::parts::Part;
use portcullis_kit::rules::When;
use portcullis_kit::{ConfigError, Span, stat_name};

use super::Outcomes;
use super::keys::{Keys, keys};
use super::opening::{strategy, window};
use super::recovery::{backoff, half_open};
use super::times::{as_nanos, bounded, nanos};
use crate::config::{BreakerConfig, Measure, Mode};
use crate::fallback::{Fallback, Kind, snapshot};
use crate::state::{Settings, Throttle, Trip, Window};

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

const MIN_REQUESTS: u32 = 20;

impl Rule {
    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        self.when.is_some()
            || !self.exempt.is_empty()
            || self.timeout.is_some()
            || self.keys.parts.iter().any(Part::reads_headers)
            || self.fallbacks.iter().any(Fallback::reads_headers)
    }

    /// Whether it goes by what Envoy's router has chosen.
    pub(crate) fn is_by_route(&self) -> bool {
        let parts = self.keys.parts.iter();
        let mut whens = self.when.iter().chain(&self.exempt);
        parts.into_iter().any(|part| matches!(part, Part::Cluster | Part::Route))
            || whens.any(|when| when.is_by_route())
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
        self.name == other.name
            && self.keys.identity() == other.keys.identity()
            && self.snapshot() == other.snapshot()
    }
}

impl Rule {
    /// Checks members against each other.
    fn fits_together(&self) -> Result<(), ConfigError> {
        let fail = |member: &str, problem: &str| Err(ConfigError::at(member, problem));
        let is_snapshot = |fallback: &&Fallback| matches!(fallback.kind, Kind::Snapshot(_));
        if self.fallbacks.iter().filter(is_snapshot).count() > 1 {
            return fail("fallback", "has several snapshots; write one");
        }
        if let Some(index) = self.fallbacks.iter().position(Fallback::serves_all)
            && index + 1 < self.fallbacks.len()
        {
            let problem = format!(
                "serves every request, so that none ever comes to fallback[{}]; put it last",
                index + 1
            );
            return fail(&format!("fallback[{index}]"), &problem);
        }
        let by_time = self.fallbacks.iter().position(Fallback::is_by_time);
        if let Some(index) = by_time.filter(|_| self.throttle.is_some()) {
            return fail(&format!("fallback[{index}].time_open"), "a throttle is never open; leave it out");
        }
        if self.throttle.is_some() && self.ramp_up > 0 {
            return fail("ramp_up", "a throttle never closes; leave it out");
        }
        if self.max_latency.is_some_and(|most| self.settings.half_open.lease < most) {
            let problem = "shorter than trip.slow_ratio.max_latency, and probes would fail that are not slow; write a longer one";
            return fail("half_open.lease", problem);
        }
        let by_errors = Trip { slow_ratio: None, min_requests: 0, ..self.settings.trip };
        match (by_errors != Trip::default() || self.throttle.is_some()) && self.outcomes.has_no_errors() {
            true => fail("errors", "there are none, and the breaker goes by them; name some"),
            false => Ok(()),
        }
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
            timeout: config.timeout.map(timeout).transpose()?,
            fallbacks: fallbacks.collect::<Result<_, _>>()?,
            mode: config.mode,
        };
        rule.fits_together()?;
        Ok(rule)
    }
}

fn timeout(span: Span) -> Result<Duration, ConfigError> {
    match span.0 < Duration::from_millis(1) {
        true => Err(ConfigError::at("timeout", format!("{span}; write at least 1ms, or leave it out"))),
        false => bounded("timeout", span),
    }
}
