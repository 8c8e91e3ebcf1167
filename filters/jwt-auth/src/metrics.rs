use hashbrown::HashMap;
use portcullis_kit::{Counter, Gauge, Histogram, Host};

use crate::JwtError;
use crate::introspection::Events as Asked;
use crate::remote::{Events, Reason};
use crate::trust::Trust;

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
    pub(crate) shadow_undecided: Counter,
    pub(crate) waited: Counter,
    pub(crate) cors_preflight: Counter,
    pub(crate) cache_hit: Counter,
    pub(crate) cache_miss: Counter,
    pub(crate) verification: Histogram,
    allowed_by_provider: Vec<Counter>,
    /// Defined when first needed: most never are.
    denied_for: HashMap<(Option<usize>, JwtError), Counter>,
    fetches: HashMap<(usize, &'static str, &'static str), Counter>,
    past_half_stale: HashMap<usize, (Gauge, bool)>,
    jwks_age: HashMap<usize, Histogram>,
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
            shadow_undecided: counter("shadow_undecided"),
            waited: counter("waited"),
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

    /// Counts what has happened to the documents of a provider, and warns of keys that are getting old.
    pub(crate) fn fetched(&mut self, provider: usize, trust: &mut Trust, host: &mut dyn Host) {
        if !trust.is_fetched() {
            return;
        }
        let happened = trust.take_events();
        self.events(provider, "jwks", &happened.jwks, host);
        self.events(provider, "revocation", &happened.revocation, host);
        if let Some(introspection) = trust.introspection() {
            let asked = introspection.take_events();
            self.asked(provider, &asked, host);
        }
        let now = host.now();
        let is_old = trust.is_past_half_stale(now);
        let Some(age) = trust.age(now) else { return };
        if happened.jwks != Events::default() {
            let name = self.name(provider, "jwks_age_seconds");
            let histogram = *self.jwks_age.entry(provider).or_insert_with(|| host.histogram(&name));
            host.record(histogram, age.as_secs());
        }
        if self.past_half_stale.get(&provider).is_some_and(|(_, shown)| *shown == is_old) {
            return;
        }
        let name = self.name(provider, "jwks_past_half_stale");
        let (gauge, shown) =
            self.past_half_stale.entry(provider).or_insert_with(|| (host.gauge(&name), is_old));
        *shown = is_old;
        host.set(*gauge, u64::from(is_old));
    }

    fn events(&mut self, provider: usize, document: &'static str, events: &Events, host: &mut dyn Host) {
        if *events == Events::default() {
            return;
        }
        let mut count = |what, amount| {
            if amount > 0 {
                let counter = self.fetch_counter(provider, document, what, host);
                host.add(counter, amount);
            }
        };
        count("fetch_success", events.fetched);
        count("fetch_not_modified", events.not_modified);
        count("refetch_throttled", events.throttled);
        for reason in Reason::ALL {
            count(reason.metric(), events.failed(reason));
        }
    }

    fn asked(&mut self, provider: usize, asked: &Asked, host: &mut dyn Host) {
        let counts = [("known", asked.known), ("calls", asked.calls), ("failures", asked.failures)];
        for (what, amount) in counts {
            if amount > 0 {
                let counter = self.fetch_counter(provider, "introspection", what, host);
                host.add(counter, amount);
            }
        }
    }

    fn fetch_counter(
        &mut self,
        provider: usize,
        document: &'static str,
        what: &'static str,
        host: &mut dyn Host,
    ) -> Counter {
        let name = self.name(provider, &format!("{document}_{what}_total"));
        *self.fetches.entry((provider, document, what)).or_insert_with(|| host.counter(&name))
    }

    fn name(&self, provider: usize, what: &str) -> String {
        let provider = self.providers.get(provider).map(String::as_str).unwrap_or_default();
        format!("{}provider_{provider}_{what}", self.prefix)
    }
}

/// A provider's name with nothing in it that has a meaning in the name of a metric.
pub(crate) fn metric_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
