//! A filter of ours as native code, and somebody who looks into its buckets.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_kit::{Headers, UnixTime, filter_of};
use portcullis_sim::abi::MapType;
use portcullis_sim::{Callback, NativePlugin, Plugin, Sim, Trap};
use portcullis_token_bucket::{Filling, TokenBucket};

/// What was seen since somebody has last asked.
pub(super) type Seen = Arc<Mutex<Vec<Sight>>>;

/// A bucket, and when and where it was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sight {
    pub(super) at: UnixTime,
    /// The worker, where each has a bucket of its own.
    pub(super) worker: Option<String>,
    pub(super) filling: Filling,
}

/// A plugin whose buckets are looked at when a request has come to them, and when it is over.
#[derive(Debug)]
pub(super) struct Watched {
    plugin: NativePlugin,
    seen: Seen,
}

impl Watched {
    pub(super) fn new(plugin: NativePlugin, seen: Seen) -> Self {
        Self { plugin, seen }
    }

    /// Looks without leaving a trace in the journal.
    fn look(&self, stream: u32, sim: &mut Sim) {
        let is_journal = sim.setup().journal;
        sim.set_journal(false);
        let mut buckets = self.plugin.links(stream).filter_map(filter_of::<TokenBucket>).peekable();
        if buckets.peek().is_some()
            && let Ok(fields) = sim.header_map_pairs(MapType::RequestHeaders as u32)
        {
            let headers = Headers::from_iter(fields);
            let found: Vec<_> = buckets.flat_map(|filter| filter.levels(&headers, sim)).collect();
            let (at, worker) = (sim.clock(), sim.running());
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(found.into_iter().map(|filling| {
                let worker = filling.is_of_worker.then(|| worker.clone());
                Sight { at, worker, filling }
            }));
        }
        sim.set_journal(is_journal);
    }
}

impl Plugin for Watched {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        let returned = self.plugin.call(sim, callback)?;
        if let Callback::RequestHeaders { context, .. } | Callback::Log { context } = callback {
            self.look(context, sim);
        }
        Ok(returned)
    }
}
