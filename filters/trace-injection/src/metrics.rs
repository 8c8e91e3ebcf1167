//! What is counted.

use portcullis_kit::{Counter, Host, export};

/// The handles of the proxy's counters, in the order in which they are defined and told.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    traces: [Counter; 5],
    spans: [Counter; 6],
}

/// What has been counted and not been told to the proxy yet: that takes a hostcall each.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) continued: u32,
    pub(crate) started: u32,
    pub(crate) invalid: u32,
    pub(crate) untrusted: u32,
    pub(crate) baggage_cut: u32,
}

impl Metrics {
    /// Defines them; those of spans only where there are spans.
    pub(crate) fn new(stat_prefix: &str, exports: bool, host: &mut dyn Host) -> Self {
        let mut counter =
            |what: &str| host.counter(&format!("portcullis_trace_injection_{stat_prefix}{what}_total"));
        let traces = ["continued", "started", "invalid", "untrusted", "baggage_cut"].map(&mut counter);
        if !exports {
            return Self { traces, spans: Default::default() };
        }
        let spans = [
            "spans_exported",
            "spans_dropped_queue_full",
            "spans_dropped_refused",
            "spans_dropped_failed",
            "spans_dropped_stopped",
            "export_retries",
        ];
        Self { traces, spans: spans.map(counter) }
    }

    /// Tells the proxy what it has not been told yet.
    pub(crate) fn report(&self, counts: &mut Counts, spans: export::Counts, host: &mut dyn Host) {
        let Counts { continued, started, invalid, untrusted, baggage_cut } = std::mem::take(counts);
        let traces = [continued, started, invalid, untrusted, baggage_cut];
        let export::Counts {
            sent,
            dropped_queue_full,
            dropped_refused,
            dropped_failed,
            dropped_stopped,
            retries,
            ..
        } = spans;
        let spans = [sent, dropped_queue_full, dropped_refused, dropped_failed, dropped_stopped, retries];
        let all = self.traces.iter().zip(traces).chain(self.spans.iter().zip(spans));
        for (counter, amount) in all.filter(|(_, amount)| *amount > 0) {
            host.add(*counter, amount);
        }
    }
}
