use portcullis_kit::{Counter, Gauge, Host};

use crate::budget::Events;

/// What the metrics of a limit are called behind its name.
pub(crate) const NAMES: [&str; 8] = [
    "allowed_total",
    "denied_total",
    "delayed_total",
    "shadow_denied_total",
    "fallback_total",
    "cas_conflicts_total",
    "evictions_total",
    "slots_used",
];

/// What is counted for one limit. Names come from the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) allowed: Counter,
    pub(crate) denied: Counter,
    pub(crate) delayed: Counter,
    pub(crate) shadow_denied: Counter,
    pub(crate) fallback: Counter,
    cas_conflicts: Counter,
    evictions: Counter,
    slots_used: Gauge,
}

impl Metrics {
    /// Defines them.
    pub(crate) fn new(stat_prefix: &str, limit: &str, host: &mut dyn Host) -> Self {
        let prefix = format!("portcullis_token_bucket_{stat_prefix}{}", limit.replace('-', "_"));
        let [allowed, denied, delayed, shadow_denied, fallback, cas_conflicts, evictions, slots_used] =
            NAMES.map(|what| format!("{prefix}_{what}"));
        Self {
            allowed: host.counter(&allowed),
            denied: host.counter(&denied),
            delayed: host.counter(&delayed),
            shadow_denied: host.counter(&shadow_denied),
            fallback: host.counter(&fallback),
            cas_conflicts: host.counter(&cas_conflicts),
            evictions: host.counter(&evictions),
            slots_used: host.gauge(&slots_used),
        }
    }

    /// Counts what has happened to the buckets.
    pub(crate) fn happened(&self, events: Events, host: &mut dyn Host) {
        if events == Events::default() {
            return;
        }
        for (counter, amount) in [(self.cas_conflicts, events.conflicts), (self.evictions, events.evictions)]
        {
            if amount > 0 {
                host.add(counter, amount);
            }
        }
        if events.slots > 0 {
            host.adjust(self.slots_used, events.slots.into());
        }
    }
}
