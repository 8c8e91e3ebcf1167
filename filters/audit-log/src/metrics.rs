//! What is counted.

use portcullis_kit::export;
use portcullis_kit::{Counter, Gauge, Host};

use crate::ledger;

/// The handles of the proxy's metrics, the counters in the order in which they are told.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counters: [Counter; NAMES.len()],
    queue_bytes: Gauge,
    oldest: Gauge,
    /// What was last told of the queue: the gauge is the sum over all workers.
    told: i64,
}

const NAMES: [&str; 16] = [
    "recorded",
    "queued",
    "sent",
    "retried",
    "partially_refused",
    "dropped_queue_full",
    "dropped_refused",
    "dropped_stopped",
    "checkpoints",
    "truncated",
    "redacted",
    "duplicates",
    "sampled_out",
    "waited",
    "denied",
    "abandoned",
];

/// What has been counted by the filter itself and not been told yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests that stand in the record of another one.
    pub(crate) duplicates: u32,
    pub(crate) sampled_out: u32,
    /// Requests that have waited for room.
    pub(crate) waited: u32,
    /// Requests that got none and were denied.
    pub(crate) denied: u32,
    /// Chains of others that have ended without an end.
    pub(crate) abandoned: u32,
}

impl Metrics {
    pub(crate) fn new(stat_prefix: &str, host: &mut dyn Host) -> Self {
        let name = |what: &str| format!("portcullis_audit_log_{stat_prefix}{what}");
        Self {
            counters: NAMES.map(|what| host.counter(&name(&format!("{what}_total")))),
            queue_bytes: host.gauge(&name("queue_bytes")),
            oldest: host.gauge(&name("oldest_seconds")),
            told: 0,
        }
    }

    /// Tells the proxy what it has not been told yet.
    pub(crate) fn report(
        &mut self,
        counts: &mut Counts,
        (records, sent): (ledger::Counts, export::Counts),
        host: &mut dyn Host,
    ) {
        let Counts { duplicates, sampled_out, waited, denied, abandoned } = std::mem::take(counts);
        let amounts = [
            records.recorded,
            records.queued,
            sent.sent,
            sent.retries,
            sent.partial,
            records.queue_full.saturating_add(sent.dropped_queue_full),
            sent.dropped_refused,
            records.closed.saturating_add(sent.dropped_stopped),
            records.checkpoints,
            records.truncated,
            records.redacted,
            duplicates,
            sampled_out,
            waited,
            denied,
            abandoned,
        ];
        for (counter, amount) in self.counters.iter().zip(amounts).filter(|(_, amount)| *amount > 0) {
            host.add(*counter, amount);
        }
    }

    /// Tells how many bytes wait on this worker.
    pub(crate) fn tell_queue(&mut self, bytes: usize, host: &mut dyn Host) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if bytes != self.told {
            host.adjust(self.queue_bytes, bytes - self.told);
            self.told = bytes;
        }
    }

    /// Tells for how many seconds the oldest record of all workers waits.
    pub(crate) fn tell_oldest(&mut self, seconds: u64, host: &mut dyn Host) {
        host.set(self.oldest, seconds);
    }
}
