//! Whose traces go on.

use portcullis_kit::parts::{AddressSource, Cidr};
use portcullis_kit::rules::{Text, When};
use portcullis_kit::{ConfigError, Headers, Host};

use crate::config::{Treatment, TrustConfig, TrustRuleConfig};
use crate::lists::{at_most, some};

/// Whose traces are continued.
#[derive(Debug)]
pub(crate) struct Trust {
    rules: Vec<Rule>,
    otherwise: Treatment,
}

#[derive(Debug)]
struct Rule {
    when: Option<When>,
    addresses: Option<Vec<Cidr>>,
    peers: Option<Vec<Text>>,
    parent: Treatment,
}

impl Trust {
    pub(crate) fn new(config: Option<TrustConfig>) -> Result<Self, ConfigError> {
        let Some(config) = config else {
            return Ok(Self { rules: Vec::new(), otherwise: Treatment::Continue });
        };
        at_most("rules", config.rules.len())?;
        let rules = config.rules.into_iter().enumerate().map(|(index, rule)| {
            Rule::try_from(rule).map_err(|error| error.under(&format!("rules[{index}]")))
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, otherwise: config.otherwise })
    }

    /// Whether anybody is not trusted.
    pub(crate) fn is_asked(&self) -> bool {
        !self.rules.is_empty() || self.otherwise != Treatment::Continue
    }

    /// What becomes of the trace of a request. One that can be read in two ways, where that makes a difference, is not trusted.
    pub(crate) fn of(&self, request: &Headers, host: &mut dyn Host) -> Treatment {
        for rule in &self.rules {
            match rule.when.as_ref().map_or(Ok(true), |when| when.decide(request, host)) {
                Err(_) => return Treatment::Drop,
                Ok(true) if rule.is_of(request, host) => return rule.parent,
                Ok(_) => {}
            }
        }
        self.otherwise
    }
}

impl Rule {
    fn is_of(&self, request: &Headers, host: &mut dyn Host) -> bool {
        let is_near = self.addresses.as_ref().is_none_or(|networks| {
            let address = AddressSource::Envoy.find(request, host);
            address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
        });
        is_near
            && self.peers.as_ref().is_none_or(|peers| {
                let uri = host.property(&["connection", "uri_san_peer_certificate"]).unwrap_or_default();
                !uri.is_empty() && peers.iter().any(|peer| peer.matches(&uri))
            })
    }
}

impl TryFrom<TrustRuleConfig> for Rule {
    type Error = ConfigError;

    fn try_from(config: TrustRuleConfig) -> Result<Self, ConfigError> {
        if config.when.is_none() && config.addresses.is_none() && config.peers.is_none() {
            let problem = "is for everybody, so that nothing behind it ever counts; write when, addresses or peers, or otherwise alone";
            return Err(ConfigError::at("", problem));
        }
        config.addresses.as_ref().map_or(Ok(()), |all| some("addresses", all.len()))?;
        config.peers.as_ref().map_or(Ok(()), |all| some("peers", all.len()))?;
        let listed =
            |member: &str, index: usize, error: ConfigError| error.under(&format!("{member}[{index}]"));
        let addresses = config.addresses.map(|all| {
            let networks = all.iter().enumerate().map(|(index, text)| {
                Cidr::parse(text).ok_or_else(|| {
                    let problem = format!("{text:?} is no network; write one such as 10.0.0.0/8");
                    listed("addresses", index, ConfigError::at("", problem))
                })
            });
            networks.collect::<Result<Vec<_>, _>>()
        });
        let peers = config.peers.map(|all| {
            let peers = all.into_iter().enumerate();
            peers
                .map(|(index, peer)| Text::new(peer).map_err(|error| listed("peers", index, error)))
                .collect::<Result<Vec<_>, _>>()
        });
        Ok(Self {
            when: config.when.map(When::try_from).transpose().map_err(|error| error.under("when"))?,
            addresses: addresses.transpose()?,
            peers: peers.transpose()?,
            parent: config.parent,
        })
    }
}
