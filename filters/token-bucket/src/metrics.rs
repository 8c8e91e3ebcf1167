use portcullis_kit::{Counter, Gauge, Host};

use crate::budget::Events;

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
        let mut counter = |what: &str| host.counter(&format!("{prefix}_{what}_total"));
        Self {
            allowed: counter("allowed"),
            denied: counter("denied"),
            delayed: counter("delayed"),
            shadow_denied: counter("shadow_denied"),
            fallback: counter("fallback"),
            cas_conflicts: counter("cas_conflicts"),
            evictions: counter("evictions"),
            slots_used: host.gauge(&format!("{prefix}_slots_used")),
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
