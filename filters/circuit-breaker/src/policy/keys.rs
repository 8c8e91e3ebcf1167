//! What has a breaker of its own.

use portcullis_kit::parts::{Part, PartConfig, Request};
use portcullis_kit::{ConfigError, Headers, Host};

const MAX_KEYS: u32 = 32;
/// Of a key, so many bytes count.
pub(crate) const LONGEST_KEY: usize = 256;

/// What has a breaker of its own.
#[derive(Debug)]
pub(crate) struct Keys {
    /// None: all requests share one.
    pub(crate) parts: Vec<Part>,
    pub(crate) known: Option<Vec<String>>,
    pub(crate) max: u32,
}

impl Keys {
    /// The key of a request: its parts, joined by bars, which have a backslash before them where they are part of a value. A part that is missing, or
    /// can be read in two ways, is `-`.
    pub(crate) fn of(&self, request: &Headers, host: &mut dyn Host) -> Vec<u8> {
        let (mut key, mut request) = (Vec::new(), Request::new(request, host));
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                key.push(b'|');
            }
            match part.of(&mut request) {
                Ok(Some(value)) => value.iter().for_each(|byte| {
                    if matches!(byte, b'|' | b'\\') && self.parts.len() > 1 {
                        key.push(b'\\');
                    }
                    key.push(*byte);
                }),
                Ok(None) | Err(_) => key.push(b'-'),
            }
        }
        key
    }

    /// Whether requests with this key can have a breaker of their own.
    pub(crate) fn has_own(&self, key: &[u8]) -> bool {
        let is_known = self.known.as_ref().is_none_or(|known| known.iter().any(|it| it.as_bytes() == key));
        is_known && !key.is_empty()
    }

    /// What tells it from one of other parts.
    pub(crate) fn identity(&self) -> String {
        format!("{:?}", self.parts)
    }
}

pub(super) fn keys(
    parts: Option<Vec<PartConfig>>,
    known: Option<Vec<String>>,
    max: Option<u32>,
) -> Result<Keys, ConfigError> {
    let by_cluster = || vec![PartConfig { cluster: Some(true), ..PartConfig::default() }];
    let parts = parts
        .unwrap_or_else(by_cluster)
        .into_iter()
        .enumerate()
        .map(|(index, part)| key_part(part).map_err(|error| error.under(&format!("key[{index}]"))));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() && (max.is_some() || known.is_some()) {
        let member = if max.is_some() { "max_keys" } else { "known" };
        return Err(ConfigError::at(
            member,
            "there is one breaker without a key; write a key or leave it out",
        ));
    }
    let known = known.map(|known| known_values(&parts, known)).transpose()?;
    let most = known.as_ref().map_or(MAX_KEYS, |known| u32::try_from(known.len()).unwrap_or(u32::MAX));
    match max {
        Some(max) if known.is_some() => {
            let problem = format!("{max}, and those that are known are all that there are; leave it out");
            Err(ConfigError::at("max_keys", problem))
        }
        Some(0) => Err(ConfigError::at("max_keys", "0; write at least 1")),
        _ if parts.is_empty() => Ok(Keys { parts, known, max: 0 }),
        max => Ok(Keys { parts, known, max: max.unwrap_or(most) }),
    }
}

/// Values of a key, each as requests have it.
fn known_values(parts: &[Part], known: Vec<String>) -> Result<Vec<String>, ConfigError> {
    if known.is_empty() {
        return Err(ConfigError::at("known", "empty, so that all share one; write some or leave it out"));
    }
    let mut values: Vec<String> = Vec::new();
    for (index, text) in known.into_iter().enumerate() {
        let fail = |problem: String| Err(ConfigError::at(format!("known[{index}]"), problem));
        let pieces: Vec<_> = if parts.len() == 1 { vec![text.as_str()] } else { text.split('|').collect() };
        if pieces.len() != parts.len() || text.len() > LONGEST_KEY {
            let remedy = match parts.len() {
                1 => format!("write up to {LONGEST_KEY} bytes"),
                count => format!("write its {count} parts joined by |, up to {LONGEST_KEY} bytes"),
            };
            return fail(format!("{text:?} is no value of the key; {remedy}"));
        }
        let possible = parts.iter().zip(pieces).map(|(part, piece)| match piece {
            // Where a request has none.
            "-" => Ok("-".to_owned()),
            piece => part.possible(piece.to_owned()),
        });
        let value = possible.collect::<Result<Vec<_>, _>>();
        let value = value.map_err(|error| error.under(&format!("known[{index}]")))?.join("|");
        if values.contains(&value) {
            return fail(format!("{value:?} is there twice; write it once"));
        }
        values.push(value);
    }
    Ok(values)
}

fn key_part(config: PartConfig) -> Result<Part, ConfigError> {
    for (member, is_written) in [("missing", config.missing.is_some()), ("as", config.name.is_some())] {
        if is_written {
            return Err(ConfigError::at(member, "keys of this filter have none; leave it out"));
        }
    }
    match Part::plain(config)? {
        Part::ClientAddress { .. } | Part::Cookie(_) | Part::Query(_) | Part::Path => {
            let problem = "has as many values as there are clients; write cluster, route, host, path_template, grpc_method, method, header, claim or constant";
            Err(ConfigError::at("", problem))
        }
        part => Ok(part),
    }
}
