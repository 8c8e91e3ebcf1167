use super::{Ambiguous, MatchConfig, Matcher, Rules};
use crate::{ConfigError, Headers, Host, Properties};

/// What a request has to be like: one rule alone.
#[derive(Debug)]
pub struct When {
    rules: Rules<bool>,
    is_by_route: bool,
}

impl When {
    /// Whether a request is so. One that can be read in two ways is like nothing that goes by these.
    pub fn fits(&self, request: &Headers, host: &mut dyn Host) -> bool {
        self.decide(request, host).unwrap_or(false)
    }

    /// Whether a request is so.
    ///
    /// # Errors
    /// It can be read in two ways, and that makes a difference.
    pub fn decide(&self, request: &Headers, host: &mut dyn Host) -> Result<bool, Ambiguous> {
        let properties: &mut dyn Properties = host;
        self.rules.select(request, properties).copied()
    }

    /// Whether it goes by what Envoy's router has chosen.
    pub fn is_by_route(&self) -> bool {
        self.is_by_route
    }
}

impl TryFrom<MatchConfig> for When {
    type Error = ConfigError;

    fn try_from(config: MatchConfig) -> Result<Self, ConfigError> {
        let matcher = Matcher::try_from(config)?;
        let is_by_route = matcher.is_by_route();
        Ok(Self { rules: Rules::new(vec![(matcher, true)], false), is_by_route })
    }
}
