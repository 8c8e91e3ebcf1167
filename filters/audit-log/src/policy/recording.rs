//! What is recorded of which requests.

use portcullis_kit::rules::{Matcher, Rules};
use portcullis_kit::{ConfigError, distinct_names, stat_name};

use crate::config::{Level, RecordingConfig, RuleConfig, Stage};
use crate::outcome::{Decision, Outcome};

/// How many rules there may be: each request goes through them.
const MOST_RULES: usize = 256;

/// What is recorded of requests of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The name of the rule; empty for all other requests.
    pub(crate) name: String,
    level: Level,
    denied: Level,
    pub(crate) sample: Option<Sample>,
    /// Whether there is a record when the headers have come.
    pub(crate) on_arrival: bool,
}

/// A share of all.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// As it stands in records.
    pub(crate) text: String,
    /// Of 2^32.
    threshold: u64,
}

impl Sample {
    /// Whether the request with this number, which is up to chance, is in it.
    pub(crate) fn has(&self, number: u32) -> bool {
        u64::from(number) < self.threshold
    }
}

impl Recording {
    /// How much is recorded of a request with this outcome.
    pub(crate) fn level(&self, outcome: &Outcome<'_>) -> Level {
        match outcome.decision {
            Decision::Denied => self.denied,
            _ => self.level,
        }
    }

    /// Whether bodies may be wanted.
    pub(crate) fn captures(&self) -> bool {
        self.level.max(self.denied) == Level::Bodies
    }

    /// How much is recorded when the headers have come.
    pub(crate) fn arrival(&self) -> Level {
        match self.on_arrival {
            true => self.level.min(Level::Headers),
            false => Level::None,
        }
    }

    fn new(name: String, config: RecordingConfig) -> Result<Self, ConfigError> {
        let RecordingConfig { level, denied, sample, stages } = config;
        let stages = stages.unwrap_or_else(|| vec![Stage::ResponseComplete]);
        if !stages.contains(&Stage::ResponseComplete) {
            let problem = "without response_complete nobody learns what has become of a request; add it";
            return Err(ConfigError::at("stages", problem));
        }
        let sample = match sample {
            None => None,
            Some(share) if (0.0..=1.0).contains(&share) => {
                // From 0 to 2^32, both included.
                let threshold = (share * 4_294_967_296.0) as u64;
                (share < 1.0).then(|| Sample { text: share.to_string(), threshold })
            }
            Some(share) => {
                return Err(ConfigError::at(
                    "sample",
                    format!("{share}; write a share from 0 to 1, as in 0.1"),
                ));
            }
        };
        let denied = denied.map_or_else(|| level.max(Level::Metadata), Level::from);
        Ok(Self { name, level, denied, sample, on_arrival: stages.contains(&Stage::RequestReceived) })
    }
}

/// The rules, and the most that any of them asks for.
pub(super) fn rules(
    rules: Vec<RuleConfig>,
    otherwise: RecordingConfig,
) -> Result<(Rules<Recording>, Recording), ConfigError> {
    if rules.len() > MOST_RULES {
        return Err(ConfigError::at("rules", format!("{} of them; write at most {MOST_RULES}", rules.len())));
    }
    distinct_names("rules", rules.iter().map(|rule| rule.name.as_str()), &[])?;
    let otherwise = Recording::new(String::new(), otherwise).map_err(|error| error.under("otherwise"))?;
    let checked = rules
        .into_iter()
        .enumerate()
        .map(|(index, rule)| rule_of(rule).map_err(|error| error.under(&format!("rules[{index}]"))));
    let checked = checked.collect::<Result<Vec<_>, ConfigError>>()?;
    let all = checked.iter().map(|(_, recording)| recording).chain([&otherwise]);
    let mut strictest = Recording { sample: None, ..otherwise.clone() };
    for recording in all {
        strictest.level = strictest.level.max(recording.level);
        strictest.denied = strictest.denied.max(recording.denied);
        strictest.on_arrival |= recording.on_arrival;
    }
    Ok((Rules::new(checked, otherwise), strictest))
}

fn rule_of(rule: RuleConfig) -> Result<(Matcher, Recording), ConfigError> {
    let RuleConfig { name, when, level, denied, sample, stages } = rule;
    let matcher = Matcher::try_from(when).map_err(|error| error.under("when"))?;
    let recording = Recording::new(stat_name(name)?, RecordingConfig { level, denied, sample, stages })?;
    Ok((matcher, recording))
}
