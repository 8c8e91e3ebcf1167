use hashbrown::HashMap;
use portcullis_kit::{Counter, Histogram, Host};

use crate::JwtError;

/// What the filter counts. Names come from the configuration and from the table of denials, never from a request.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    prefix: String,
    /// The names of the providers as names of metrics have them.
    providers: Vec<String>,
    pub(crate) allowed: Counter,
    pub(crate) denied: Counter,
    pub(crate) not_required: Counter,
    pub(crate) shadow_denied: Counter,
    pub(crate) cors_preflight: Counter,
    pub(crate) cache_hit: Counter,
    pub(crate) cache_miss: Counter,
    pub(crate) verification: Histogram,
    allowed_by_provider: Vec<Counter>,
    /// Defined when first needed: most never are.
    denied_for: HashMap<(Option<usize>, JwtError), Counter>,
}

impl Metrics {
    /// Defines them.
    pub(crate) fn new<'a>(
        stat_prefix: &str,
        providers: impl Iterator<Item = &'a str>,
        host: &mut dyn Host,
    ) -> Self {
        let prefix = format!("portcullis_jwt_auth_{stat_prefix}");
        let mut counter = |what: &str| host.counter(&format!("{prefix}{what}_total"));
        let mut metrics = Self {
            allowed: counter("allowed"),
            denied: counter("denied"),
            not_required: counter("not_required"),
            shadow_denied: counter("shadow_denied"),
            cors_preflight: counter("cors_preflight"),
            cache_hit: counter("cache_hit"),
            cache_miss: counter("cache_miss"),
            providers: providers.map(metric_name).collect(),
            ..Self::default()
        };
        let names = metrics.providers.iter();
        metrics.allowed_by_provider =
            names.map(|name| counter(&format!("provider_{name}_allowed"))).collect();
        metrics.verification = host.histogram(&format!("{prefix}verification_microseconds"));
        metrics.prefix = prefix;
        metrics
    }

    /// Counts a request that a token of this provider let pass.
    pub(crate) fn admitted(&self, provider: usize, host: &mut dyn Host) {
        host.add(self.allowed_by_provider.get(provider).copied().unwrap_or_default(), 1);
    }

    /// Counts a denial by its reason and, where it was about somebody's token, by provider.
    pub(crate) fn denied_for(&mut self, provider: Option<usize>, error: JwtError, host: &mut dyn Host) {
        let counter = *self.denied_for.entry((provider, error)).or_insert_with(|| {
            let name = provider.and_then(|index| self.providers.get(index));
            let name = name.map(|name| format!("provider_{name}_")).unwrap_or_default();
            host.counter(&format!("{}{name}denied_{}_total", self.prefix, error.reason()))
        });
        host.add(counter, 1);
    }
}

/// A provider's name with nothing in it that has a meaning in the name of a metric.
fn metric_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
