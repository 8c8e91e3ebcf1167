use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use portcullis_kit::Headers;

use super::headers::Freshness;

/// The kept responses of one breaker in one worker; configurations that take over from each other share them.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    by_target: LruCache<Target, Vec<Stored>>,
    bytes: usize,
}

/// What a request asks for, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The breaker: requests that go to another cluster, or differ in another part of its key, may get something else.
    breaker: String,
    scheme: Vec<u8>,
    authority: Vec<u8>,
    path: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(super) status: u16,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// What it varies by, with what its request had there.
    pub(super) vary: Vec<(Vec<Vec<u8>>, String)>,
    pub(super) at: u64,
    pub(super) freshness: Freshness,
}

/// Of one target so many are kept, the last ones.
const MOST_VARIANTS: usize = 8;
/// What a response takes beside its bytes.
const OVERHEAD: usize = 256;

impl Target {
    /// `None` where it can be read in two ways.
    pub(super) fn of(breaker: &str, request: &Headers) -> Option<Self> {
        Some(Self {
            breaker: breaker.to_owned(),
            scheme: request.first(":scheme").unwrap_or_default().to_vec(),
            authority: request.only(":authority")?.to_ascii_lowercase(),
            path: request.only(":path")?.to_vec(),
        })
    }
}

impl Stored {
    pub(super) fn age(&self, now: u64) -> u64 {
        self.freshness.age.saturating_add(now.saturating_sub(self.at))
    }

    fn fits(&self, request: &Headers) -> bool {
        self.vary.iter().all(|(values, name)| request.all(name).eq(values.iter().map(Vec::as_slice)))
    }

    fn bytes(&self) -> usize {
        let fields = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let vary = self.vary.iter().flat_map(|(values, _)| values).map(Vec::len).sum::<usize>();
        self.body.len() + fields + vary + OVERHEAD
    }
}

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::new(Mutex::new(Kept { by_target: LruCache::unbounded(), bytes: 0 })) }
    }

    /// Whether there is one for a request that is younger than `refresh` nanoseconds.
    pub(super) fn is_recent(&self, target: &Target, request: &Headers, refresh: u64, now: u64) -> bool {
        let kept = self.lock();
        let is_recent = |it: &Stored| now.saturating_sub(it.at) < refresh && it.fits(request);
        kept.by_target.peek(target).is_some_and(|variants| variants.iter().any(is_recent))
    }

    pub(super) fn insert(&self, target: Target, stored: Stored, memory: usize) {
        let mut kept = self.lock();
        let mut variants = kept.take(&target);
        variants.retain(|other| other.vary != stored.vary);
        if variants.len() >= MOST_VARIANTS {
            variants.remove(0);
        }
        variants.push(stored);
        kept.bytes += bytes(&target, &variants);
        kept.by_target.put(target, variants);
        while kept.bytes > memory {
            let Some((target, variants)) = kept.by_target.pop_lru() else { break };
            kept.bytes = kept.bytes.saturating_sub(bytes(&target, &variants));
        }
    }

    /// What `serve` makes of the last one that fits a request.
    pub(super) fn find<T>(
        &self,
        target: &Target,
        request: &Headers,
        serve: impl FnMut(&Stored) -> Option<T>,
    ) -> Option<T> {
        let mut kept = self.lock();
        let variants = kept.by_target.get(target)?;
        variants.iter().rev().filter(|stored| stored.fits(request)).find_map(serve)
    }

    /// No holder panics; if one did, what is kept would still be responses.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, target: &Target) -> Vec<Stored> {
        let variants = self.by_target.pop(target).unwrap_or_default();
        if !variants.is_empty() {
            self.bytes = self.bytes.saturating_sub(bytes(target, &variants));
        }
        variants
    }
}

fn bytes(target: &Target, variants: &[Stored]) -> usize {
    target.breaker.len()
        + target.authority.len()
        + target.path.len()
        + variants.iter().map(Stored::bytes).sum::<usize>()
}
