//! Denials that are like one just recorded. They are counted, and become one record when their time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_kit::{Headers, UnixTime};

use crate::attributes::Attributes;
use crate::event::Repeated;
use crate::policy::Duplicates;

/// The longest request that is kept for its record; one that is longer gets its own.
const LONGEST: usize = 16 << 10;

/// Denials by what they have in common.
#[derive(Debug)]
pub(crate) struct Repeats {
    limits: Duplicates,
    kinds: BTreeMap<Vec<u8>, Kind>,
}

#[derive(Debug)]
struct Kind {
    /// Until when further ones are counted; on the clock that only goes on.
    until: Duration,
    repeated: Option<(Box<Request>, Repeated)>,
}

/// What a record is made of.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) headers: Headers,
    pub(crate) attributes: Attributes,
    pub(crate) grpc_status: Option<u64>,
    pub(crate) now: UnixTime,
    /// The name of its rule.
    pub(crate) rule: String,
}

impl Repeats {
    pub(crate) fn new(limits: Duplicates) -> Self {
        Self { limits, kinds: BTreeMap::new() }
    }

    /// Whether a denial is to be recorded: the first of its kind, or one that there is no room to count.
    pub(crate) fn is_first(&mut self, key: &[u8], now: Duration) -> bool {
        if self.kinds.contains_key(key) {
            return false;
        }
        if self.kinds.len() < self.limits.max_keys {
            let until = now.saturating_add(self.limits.window);
            self.kinds.insert(key.to_vec(), Kind { until, repeated: None });
        }
        true
    }

    /// Counts one that is not the first.
    ///
    /// # Errors
    /// It is too long to be kept, and comes back.
    pub(crate) fn count(&mut self, key: &[u8], request: Box<Request>, at: u64) -> Result<(), Box<Request>> {
        let Some(kind) = self.kinds.get_mut(key) else { return Err(request) };
        match &mut kind.repeated {
            Some((_, repeated)) => {
                repeated.count = repeated.count.saturating_add(1);
                repeated.first = repeated.first.min(at);
                repeated.last = repeated.last.max(at);
            }
            None if size(&request.headers) > LONGEST => return Err(request),
            empty => *empty = Some((request, Repeated { count: 1, first: at, last: at })),
        }
        Ok(())
    }

    /// What is to be recorded now: of kinds whose time is over, or of all.
    pub(crate) fn due(&mut self, now: Option<Duration>) -> Vec<(Box<Request>, Repeated)> {
        let is_over = |kind: &Kind| now.is_none_or(|now| kind.until <= now);
        let over = self.kinds.extract_if(.., |_, kind| is_over(kind));
        over.filter_map(|(_, kind)| kind.repeated).collect()
    }
}

fn size(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}
