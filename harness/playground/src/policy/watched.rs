//! A filter of ours as native code, and somebody who looks into its buckets.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_kit::{Headers, filter_of};
use portcullis_sim::{Callback, NativePlugin, Plugin, Sim, Trap};
use portcullis_token_bucket::{Filling, TokenBucket};

/// The map of request headers in the ABI.
const REQUEST_HEADERS: u32 = 0;

/// What was seen since somebody has last asked.
pub(super) type Seen = Arc<Mutex<Vec<Filling>>>;

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
            && let Ok(fields) = sim.header_map_pairs(REQUEST_HEADERS)
        {
            let headers = Headers::from_iter(fields);
            let found: Vec<_> = buckets.flat_map(|filter| filter.levels(&headers, sim)).collect();
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for filling in found {
                // At the end of a request it is news only where the response has given something back, or cost more.
                let is_same = |other: &&Filling| other.limit == filling.limit && other.key == filling.key;
                if seen.iter().rev().find(is_same) != Some(&filling) {
                    seen.push(filling);
                }
            }
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
