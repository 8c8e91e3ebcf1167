//! The configuration once it has been checked.

mod operation;
mod recording;
mod sink;

use std::time::Duration;

use portcullis_audit_chain::{Form, Keys, MacKey, NoteKey};
use portcullis_kit::rules::{Rules, is_token};
use portcullis_kit::{ConfigError, Headers, Properties, Size, Span, stat_prefix};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::attributes::Attributes;
use crate::body::Captured;
use crate::config::{
    AuditLogConfig, BodiesConfig, CheckpointConfig, DuplicatesConfig, FingerprintConfig, IdentityConfig,
    Mode, SchemaConfig, SignConfig,
};
use crate::event::{Body, media_type};
use crate::identity::IdentityPolicy;
use crate::redaction::{Redaction, Shown, Tally};
pub(crate) use operation::{Operation, Operations};
pub(crate) use recording::Recording;
pub(crate) use sink::{Packing, Sink};

/// How many filter states are read for each purpose.
const MOST_STATES: usize = 16;

/// A validated [`AuditLogConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) sink: Sink,
    pub(crate) mode: Mode,
    pub(crate) wait: Duration,
    pub(crate) schema: SchemaConfig,
    rules: Rules<Recording>,
    /// What holds for requests that can be read in two ways: the most that any rule asks for.
    strictest: Recording,
    pub(crate) identity: IdentityPolicy,
    /// Filter states with payloads, then those with failures.
    pub(crate) states: Vec<String>,
    payloads: usize,
    pub(crate) redaction: Redaction,
    pub(crate) bodies: Bodies,
    pub(crate) operations: Operations,
    pub(crate) fingerprint: Option<FingerprintConfig>,
    pub(crate) duplicates: Option<Duplicates>,
    pub(crate) integrity: Integrity,
    /// What signs checkpoints, until the signer has it: from then on the key that MACs begin with is nowhere any more.
    pub(crate) keys: Keys,
    pub(crate) domain: Option<String>,
    /// With an underscore behind it, or empty.
    pub(crate) stat_prefix: String,
}

/// Which bodies are recorded.
#[derive(Debug)]
pub(crate) struct Bodies {
    content_types: Vec<String>,
    pub(crate) longest: usize,
    pub(crate) most_held: usize,
}

/// Which denials count as the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duplicates {
    pub(crate) window: Duration,
    pub(crate) max_keys: usize,
}

/// What makes it evident that records were tampered with.
#[derive(Clone, Debug)]
pub(crate) struct Integrity {
    pub(crate) form: Form,
    pub(crate) records: u64,
    pub(crate) interval: Duration,
    pub(crate) logs_checkpoints: bool,
}

impl Policy {
    /// What is recorded of a request.
    pub(crate) fn recording(&self, request: &Headers, host: &mut dyn Properties) -> &Recording {
        self.rules.select(request, host).unwrap_or(&self.strictest)
    }

    /// Whether bodies may be recorded of any request.
    pub(crate) fn has_bodies(&self) -> bool {
        self.strictest.captures()
    }

    /// Whether there may be a record before a request is over.
    pub(crate) fn has_arrivals(&self) -> bool {
        self.strictest.on_arrival
    }

    /// What jwt-auth would have denied a request for, where it let it pass.
    pub(crate) fn failures(&self, attributes: &Attributes) -> Vec<String> {
        let states = self.payloads..self.states.len();
        states.filter_map(|index| failure(attributes.state(index))).collect()
    }

    /// What is recorded of a body, if anything is.
    pub(crate) fn body<'a>(
        &self,
        (captured, is_request): (&Captured, bool),
        headers: &Headers,
        tally: &mut Tally,
    ) -> Option<Body<'a>> {
        if captured.size() == 0 {
            return None;
        }
        let media_type = media_type(headers);
        // What is compressed or otherwise encoded cannot be read.
        let encodings = headers.all("content-encoding").flat_map(|value| value.split(|byte| *byte == b','));
        let is_plain = encodings.map(<[u8]>::trim_ascii).all(|it| it.eq_ignore_ascii_case(b"identity"));
        let is_named = self.bodies.content_types.contains(&media_type);
        let shown = match is_named && is_plain {
            true => self.redaction.body(&media_type, captured.bytes(), captured.is_whole(), tally),
            false => Shown::Nothing,
        };
        let shown_type =
            if is_named || self.redaction.shows_type(is_request) { media_type } else { String::new() };
        Some(Body::new(shown_type, captured, shown, tally))
    }
}

/// The code in a failure that jwt-auth reports. It is one of a list of ours: anything else is not repeated.
fn failure(state: &[u8]) -> Option<String> {
    let failure: Value = serde_json::from_slice(state).ok()?;
    let code = failure.get("code")?.as_str()?;
    let is_code = code.len() <= 64
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit());
    is_code.then(|| code.strip_prefix("portcullis_").unwrap_or(code).to_owned())
}

impl TryFrom<AuditLogConfig> for Policy {
    type Error = ConfigError;

    fn try_from(mut config: AuditLogConfig) -> Result<Self, ConfigError> {
        if config.domain.as_deref() == Some("") {
            return Err(ConfigError::at("domain", "empty; write a name or leave it out"));
        }
        if let Some(fingerprint) = &config.fingerprint {
            check_headers(&fingerprint.headers).map_err(|error| error.under("fingerprint"))?;
        }
        let wait = within(
            "delivery.wait",
            config.delivery.wait,
            Duration::from_millis(10),
            Duration::from_secs(10),
        )?;
        let mode = config.delivery.mode;
        if matches!(config.sink, crate::config::SinkConfig::EnvoyLog(_)) && mode != Mode::BestEffort {
            let problem =
                "nobody says whether a line of the log has arrived; write best_effort, or another sink";
            return Err(ConfigError::at("delivery.mode", problem));
        }
        let (rules, strictest) = recording::rules(config.rules, config.otherwise)?;
        let states = states(&config.identity).map_err(|error| error.under("identity"))?;
        Ok(Self {
            sink: Sink::new(config.sink, &config.delivery)?,
            mode,
            wait,
            schema: config.schema,
            rules,
            strictest,
            payloads: config.identity.tokens.len(),
            identity: IdentityPolicy::new(&config.identity),
            states,
            redaction: Redaction::new(config.show).map_err(|error| error.under("show"))?,
            bodies: Bodies::try_from(config.bodies).map_err(|error| error.under("bodies"))?,
            operations: Operations::new(config.operations)?,
            fingerprint: config.fingerprint.map(lower),
            duplicates: config
                .duplicates
                .map(Duplicates::try_from)
                .transpose()
                .map_err(|error| error.under("duplicates"))?,
            keys: keys(config.integrity.sign.take()).map_err(|error| error.under("integrity.sign"))?,
            integrity: integrity(config.integrity, config.schema)
                .map_err(|error| error.under("integrity"))?,
            domain: config.domain,
            stat_prefix: stat_prefix(config.stat_prefix)?,
        })
    }
}

fn lower(mut config: FingerprintConfig) -> FingerprintConfig {
    config.headers.iter_mut().for_each(|name| name.make_ascii_lowercase());
    config.headers.sort();
    config
}

fn check_headers(names: &[String]) -> Result<(), ConfigError> {
    match names.iter().enumerate().find(|(_, name)| !is_token(name)) {
        Some((index, name)) => {
            let problem = format!("{name:?} is no header name; write one such as idempotency-key");
            Err(ConfigError::at(format!("headers[{index}]"), problem))
        }
        None => Ok(()),
    }
}

/// The filter states that are read. Their names also stand in an expression.
fn states(config: &IdentityConfig) -> Result<Vec<String>, ConfigError> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    for (member, names) in [("tokens", &config.tokens), ("failures", &config.failures)] {
        if names.len() > MOST_STATES {
            return Err(ConfigError::at(
                member,
                format!("{} of them; write at most {MOST_STATES}", names.len()),
            ));
        }
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || !name.bytes().all(is_part) {
                let problem =
                    format!("{name:?}; write the filter_state of a provider in letters, digits, _, . and -");
                return Err(ConfigError::at(format!("{member}[{index}]"), problem));
            }
        }
    }
    let claims = config.claims.iter().map(Vec::as_slice).enumerate();
    let others = [("subject", config.subject.as_slice()), ("session", &config.session)];
    let others = others.into_iter().chain(config.tenant.as_deref().map(|path| ("tenant", path)));
    let others = others.chain(config.client.as_deref().map(|path| ("client", path)));
    let all = others.map(|(member, path)| (member.to_owned(), path));
    for (at, path) in all.chain(claims.map(|(index, path)| (format!("claims[{index}]"), path))) {
        if path.is_empty() || path.iter().any(String::is_empty) {
            return Err(ConfigError::at(
                at,
                "empty; write the names on the way to a claim, as in [realm, plan]",
            ));
        }
    }
    let names: Vec<_> = config.claims.iter().map(|path| path.join(".")).collect();
    if let Some(index) =
        (1..names.len()).find(|index| names.iter().take(*index).any(|it| names.get(*index) == Some(it)))
    {
        let name = names.get(index).map_or("", String::as_str);
        let problem =
            format!("{name:?} stands there already, or another path that is written so; write it once");
        return Err(ConfigError::at(format!("claims[{index}]"), problem));
    }
    Ok([config.tokens.clone(), config.failures.clone()].concat())
}

impl TryFrom<BodiesConfig> for Bodies {
    type Error = ConfigError;

    fn try_from(config: BodiesConfig) -> Result<Self, ConfigError> {
        let types = config.content_types.into_iter().enumerate().map(|(index, text)| {
            let is_type = text.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name));
            match is_type {
                true => Ok(text.to_ascii_lowercase()),
                false => {
                    let problem =
                        format!("{text:?} is no type; write one without parameters, as in application/json");
                    Err(ConfigError::at(format!("content_types[{index}]"), problem))
                }
            }
        });
        let content_types = types.collect::<Result<_, ConfigError>>()?;
        let size = |member: &str, size: Size, most: Size| match (Size(1)..=most).contains(&size) {
            true => Ok(size.bytes()),
            false => Err(ConfigError::at(member, format!("{size}; write from 1B to {most}"))),
        };
        Ok(Self {
            content_types,
            longest: size("max_size", config.max_size, Size::from_kib(64))?,
            most_held: size("max_held", config.max_held, Size::from_kib(256 << 10))?,
        })
    }
}

impl TryFrom<DuplicatesConfig> for Duplicates {
    type Error = ConfigError;

    fn try_from(config: DuplicatesConfig) -> Result<Self, ConfigError> {
        if !(1..=65_536).contains(&config.max_keys) {
            return Err(ConfigError::at("max_keys", format!("{}; write from 1 to 65536", config.max_keys)));
        }
        let window = within("window", config.window, Duration::from_secs(1), Duration::from_secs(3600))?;
        Ok(Self { window, max_keys: config.max_keys as usize })
    }
}

fn integrity(config: crate::config::IntegrityConfig, schema: SchemaConfig) -> Result<Integrity, ConfigError> {
    let form = match (config.record_integrity, schema) {
        (false, _) => Form::Member,
        (true, SchemaConfig::Ecs) => {
            let problem =
                "ECS has none; write schema: ocsf-1.8, or leave it out: the chain is there in any case";
            return Err(ConfigError::at("record_integrity", problem));
        }
        (true, _) => Form::RecordIntegrity,
    };
    let CheckpointConfig { records, interval, log } = config.checkpoint;
    if !(1..=1_000_000).contains(&records) {
        return Err(ConfigError::at("checkpoint.records", format!("{records}; write from 1 to 1000000")));
    }
    let interval =
        within("checkpoint.interval", interval, Duration::from_secs(1), Duration::from_secs(86_400))?;
    Ok(Integrity { form, records: records.into(), interval, logs_checkpoints: log })
}

/// The keys; their texts do not stay in memory.
fn keys(config: Option<SignConfig>) -> Result<Keys, ConfigError> {
    match config {
        None => Ok(Keys::None),
        Some(SignConfig::Ed25519(key)) => match NoteKey::parse(&Zeroizing::new(key)) {
            Ok(key) => Ok(Keys::Ed25519(key)),
            Err(error) => Err(ConfigError::at("ed25519", error.to_string())),
        },
        Some(SignConfig::Hmac(key)) => match MacKey::parse(&Zeroizing::new(key)) {
            Ok(key) => Ok(Keys::Mac(key)),
            Err(error) => Err(ConfigError::at("hmac", error.to_string())),
        },
    }
}

fn within(member: &str, span: Span, least: Duration, most: Duration) -> Result<Duration, ConfigError> {
    match (least..=most).contains(&span.0) {
        true => Ok(span.0),
        false => {
            Err(ConfigError::at(member, format!("{span}; write from {} to {}", Span(least), Span(most))))
        }
    }
}
