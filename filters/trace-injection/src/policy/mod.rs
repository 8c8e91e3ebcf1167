//! The configuration once it has been checked.

mod consistent;
mod trust;

use portcullis_kit::bucket::SharedBucket;
use portcullis_kit::rules::{Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, Headers, Host, Properties, stat_prefix};

use crate::baggage::Baggage;
use crate::config::{
    BaggageConfig, KeepConfig, Parent, SamplerConfig, SamplingConfig, TraceInjectionConfig, TraceResponse,
    WithEnvoyTracing,
};
use crate::context::{Context, Decision, Found};
use crate::dialect::Dialect;
use crate::export::Export;
use crate::lists::{at_most, repeated, some};
use crate::sampling::{Sampler, Sampling, Threshold};
use crate::span::SpanPolicy;
pub(crate) use trust::Trust;

/// A validated [`TraceInjectionConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    extract: Vec<Dialect>,
    pub(crate) inject: Vec<Dialect>,
    pub(crate) trust: Trust,
    pub(crate) trusted: Baggage,
    pub(crate) untrusted: Baggage,
    samplings: Rules<Sampling>,
    /// Whether any sampler needs the shared data.
    pub(crate) has_rate: bool,
    pub(crate) errors: bool,
    /// Whether Envoy's tracer does the rest.
    pub(crate) complements: bool,
    pub(crate) each_try: bool,
    pub(crate) traceresponse: TraceResponse,
    pub(crate) filter_state: bool,
    pub(crate) spans: SpanPolicy,
    pub(crate) export: Option<Export>,
    pub(crate) domain: Option<String>,
    /// With an underscore behind it, or empty.
    pub(crate) stat_prefix: String,
}

/// What a request brings along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incoming {
    /// Its place in a trace, and whose headers say so.
    pub(crate) context: Option<(Dialect, Context)>,
    /// What is decided about a trace that is still to begin.
    pub(crate) decision: Decision,
    /// Whether there are headers that cannot be understood.
    pub(crate) is_invalid: bool,
}

impl Policy {
    /// Reads the headers of a request: the first that hold a trace count.
    pub(crate) fn incoming(&self, request: &Headers) -> Incoming {
        let mut incoming = Incoming::default();
        for dialect in &self.extract {
            match dialect.extract(request) {
                Found::Nothing => {}
                Found::Invalid => incoming.is_invalid = true,
                Found::Decided(decision) if incoming.decision == Decision::Deferred => {
                    incoming.decision = decision;
                }
                Found::Decided(_) => {}
                Found::Context(mut context) => {
                    // What the others cannot say may stand there as well, of the same trace.
                    if *dialect != Dialect::W3c
                        && self.extract.contains(&Dialect::W3c)
                        && let Found::Context(beside) = Dialect::W3c.extract(request)
                        && beside.trace_id == context.trace_id
                    {
                        (context.is_random, context.state) = (beside.is_random, beside.state);
                    }
                    incoming.context = Some((*dialect, context));
                    break;
                }
            }
        }
        incoming
    }

    /// Dialects that are written and not read.
    pub(crate) fn written_only(&self) -> impl Iterator<Item = &Dialect> {
        self.inject.iter().filter(|dialect| !self.extract.contains(dialect))
    }

    /// Takes out the headers that are read and not written.
    pub(crate) fn remove_others(&self, request: &mut Headers) {
        let others = self.extract.iter().filter(|dialect| !self.inject.contains(dialect));
        others.for_each(|dialect| dialect.remove(request));
    }

    /// Who decides about a request. One that can be read in two ways is under no rule.
    pub(crate) fn sampling(&self, request: &Headers, host: &mut dyn Host) -> &Sampling {
        let properties: &mut dyn Properties = host;
        self.samplings.select(request, properties).unwrap_or_else(|_| self.samplings.otherwise())
    }
}

impl TryFrom<TraceInjectionConfig> for Policy {
    type Error = ConfigError;

    fn try_from(config: TraceInjectionConfig) -> Result<Self, ConfigError> {
        dialects("extract", &config.extract)?;
        dialects("inject", &config.inject)?;
        consistent::check(&config)?;
        let BaggageConfig { trusted, untrusted } = config.baggage;
        let baggage = |member: &str, keep: Option<KeepConfig>, default| {
            keep.map_or(Ok(default), Baggage::try_from)
                .map_err(|error| error.under(&format!("baggage.{member}")))
        };
        let errors = config.sampling.errors;
        let (samplings, has_rate) = samplings(config.sampling).map_err(|error| error.under("sampling"))?;
        if config.domain.as_deref() == Some("") {
            return Err(ConfigError::at("domain", "empty; write a name or leave it out"));
        }
        let spans = SpanPolicy::new(config.spans.unwrap_or_default(), config.side, config.each_try);
        let export =
            config.export.map(Export::try_from).transpose().map_err(|error| error.under("export"))?;
        Ok(Self {
            extract: config.extract,
            inject: config.inject,
            trust: Trust::new(config.trust).map_err(|error| error.under("trust"))?,
            trusted: baggage("trusted", trusted, Baggage::All)?,
            untrusted: baggage("untrusted", untrusted, Baggage::Nothing)?,
            samplings,
            has_rate,
            errors,
            complements: config.with_envoy_tracing == WithEnvoyTracing::Complement,
            each_try: config.each_try,
            traceresponse: config.traceresponse,
            filter_state: config.filter_state,
            spans: spans.map_err(|error| error.under("spans"))?,
            export,
            domain: config.domain,
            stat_prefix: stat_prefix(config.stat_prefix)?,
        })
    }
}

fn dialects(member: &str, dialects: &[Dialect]) -> Result<(), ConfigError> {
    if dialects.is_empty() {
        return Err(ConfigError::at(member, "empty; write at least one, as in [w3c]"));
    }
    match repeated(dialects) {
        Some(index) => {
            Err(ConfigError::at(format!("{member}[{index}]"), "stands there already; write it once"))
        }
        None => Ok(()),
    }
}

impl TryFrom<KeepConfig> for Baggage {
    type Error = ConfigError;

    fn try_from(config: KeepConfig) -> Result<Self, ConfigError> {
        match config {
            KeepConfig::All => Ok(Self::All),
            KeepConfig::Nothing => Ok(Self::Nothing),
            KeepConfig::Only(keys) => {
                some("only", keys.len())?;
                match keys.iter().enumerate().find(|(_, key)| !is_token(key)) {
                    Some((index, key)) => {
                        let problem = format!("{key:?} is no key of baggage; write one such as tenant");
                        Err(ConfigError::at(format!("only[{index}]"), problem))
                    }
                    None => Ok(Self::Only(keys)),
                }
            }
        }
    }
}

/// Who decides about which requests, and whether any of them goes by a rate.
fn samplings(config: SamplingConfig) -> Result<(Rules<Sampling>, bool), ConfigError> {
    at_most("rules", config.rules.len())?;
    let rules = config.rules.into_iter().enumerate().map(|(index, rule)| {
        let at = |error: ConfigError| error.under(&format!("rules[{index}]"));
        let matcher = Matcher::try_from(rule.when).map_err(|error| at(error.under("when")))?;
        Ok((matcher, sampling(rule.sampler, rule.parent, &index.to_string()).map_err(at)?))
    });
    let rules = rules.collect::<Result<Vec<_>, ConfigError>>()?;
    let otherwise = sampling(config.sampler.unwrap_or(SamplerConfig::Always), config.parent, "otherwise")?;
    let is_by_rate = |sampling: &Sampling| matches!(sampling.sampler, Sampler::Rate(..));
    let has_rate = is_by_rate(&otherwise) || rules.iter().any(|(_, sampling)| is_by_rate(sampling));
    Ok((Rules::new(rules, otherwise), has_rate))
}

fn sampling(config: SamplerConfig, parent: Parent, name: &str) -> Result<Sampling, ConfigError> {
    let sampler = match config {
        SamplerConfig::Always => Sampler::Always,
        SamplerConfig::Never => Sampler::Never,
        SamplerConfig::Probability(share) => Sampler::Probability(Threshold::of(share).ok_or_else(|| {
            let problem = format!("{share}; write a share from 2^-56 to 1, or never");
            ConfigError::at("sampler.probability", problem)
        })?),
        SamplerConfig::Rate(rate) => {
            let bucket = SharedBucket::new(rate.rate, rate.burst);
            Sampler::Rate(bucket.map_err(|error| error.under("sampler.rate"))?, name.to_owned())
        }
    };
    Ok(Sampling { sampler, follows_parent: parent == Parent::Follow })
}
