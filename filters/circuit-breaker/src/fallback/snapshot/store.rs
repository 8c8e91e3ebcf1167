use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashSet;
use lru::LruCache;
use portcullis_kit::Headers;

use super::headers::Freshness;

/// The kept responses of one rule in one worker; configurations that take over from each other share them.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    by_target: LruCache<Target, Vec<Stored>>,
    /// What those take that are kept.
    bytes: usize,
    /// What those take that are just coming, and of what.
    coming: usize,
    targets: HashSet<Target>,
}

/// What a request asks for, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The key of the breaker, all of it: requests that differ in it may get something else, also where they share a breaker.
    key: Vec<u8>,
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

/// A place for a response that is coming: the only one of its target, and memory for it. It is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    snapshots: Snapshots,
    pub(super) target: Target,
    bytes: usize,
}

/// Of one target so many are kept, the last ones.
const MOST_VARIANTS: usize = 8;
/// What a target and a response take beside their bytes.
const OVERHEAD: usize = 1024;
/// What a field takes beside its bytes.
const OF_FIELD: usize = 64;

impl Target {
    /// `None` where it can be read in two ways.
    pub(super) fn of(key: &[u8], request: &Headers) -> Option<Self> {
        Some(Self {
            key: key.to_vec(),
            scheme: request.first(":scheme").unwrap_or_default().to_vec(),
            authority: request.only(":authority")?.to_ascii_lowercase(),
            path: request.only(":path")?.to_vec(),
        })
    }

    fn bytes(&self) -> usize {
        self.key.len() + self.scheme.len() + self.authority.len() + self.path.len() + OVERHEAD
    }
}

impl Stored {
    pub(super) fn age(&self, now: u64) -> u64 {
        self.freshness.age.saturating_add(now.saturating_sub(self.at))
    }

    fn fits(&self, request: &Headers) -> bool {
        self.vary.iter().all(|(values, name)| request.all(name).eq(values.iter().map(Vec::as_slice)))
    }

    /// Whether it varies by the same as another one.
    fn varies_as(&self, other: &Self) -> bool {
        self.vary.iter().map(|(_, name)| name).eq(other.vary.iter().map(|(_, name)| name))
    }

    fn bytes(&self) -> usize {
        let vary = self
            .vary
            .iter()
            .flat_map(|(values, _)| values)
            .map(|value| value.len() + OF_FIELD)
            .sum::<usize>();
        self.body.len() + of_fields(&self.headers) + vary + OVERHEAD
    }
}

impl Snapshots {
    pub(crate) fn new() -> Self {
        let (by_target, targets) = (LruCache::unbounded(), HashSet::new());
        Self { kept: Arc::new(Mutex::new(Kept { by_target, bytes: 0, coming: 0, targets })) }
    }

    /// Whether there is one for a request that is younger than `refresh` nanoseconds.
    pub(super) fn is_recent(&self, target: &Target, request: &Headers, refresh: u64, now: u64) -> bool {
        let kept = self.lock();
        let is_recent = |it: &Stored| now.saturating_sub(it.at) < refresh && it.fits(request);
        kept.by_target.peek(target).is_some_and(|variants| variants.iter().any(is_recent))
    }

    /// A place for a response of so many bytes; `None` where one of the target is coming already, or there is no memory left for what comes.
    pub(super) fn place(&self, target: Target, bytes: usize, memory: usize) -> Option<Place> {
        let mut kept = self.lock();
        if kept.targets.contains(&target) {
            return None;
        }
        let mut place = Place { snapshots: self.clone(), target, bytes: 0 };
        let has_room = kept.grow(&mut place.bytes, bytes, memory);
        if has_room {
            kept.targets.insert(place.target.clone());
        }
        drop(kept);
        has_room.then_some(place)
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

impl Place {
    /// Takes so many more bytes, if there are so many.
    pub(super) fn grow(&mut self, bytes: usize, memory: usize) -> bool {
        self.snapshots.lock().grow(&mut self.bytes, bytes, memory)
    }

    /// Keeps what has come.
    pub(super) fn keep(self, mut stored: Stored, memory: usize) {
        stored.body.shrink_to_fit();
        self.snapshots.lock().insert(self.target.clone(), stored, memory);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut kept = self.snapshots.lock();
        kept.coming = kept.coming.saturating_sub(self.bytes);
        // A place that was refused has none.
        if self.bytes > 0 {
            kept.targets.remove(&self.target);
        }
    }
}

impl Kept {
    /// Takes memory for what is coming: as much of it as for what is kept.
    fn grow(&mut self, held: &mut usize, bytes: usize, memory: usize) -> bool {
        let bytes = bytes.saturating_add(1);
        let fits = self.coming.saturating_add(bytes) <= memory;
        if fits {
            self.coming += bytes;
            *held += bytes;
        }
        fits
    }

    fn insert(&mut self, target: Target, stored: Stored, memory: usize) {
        let mut variants = self.take(&target);
        // What a response varies by is what the newest one says.
        variants.retain(|other| other.varies_as(&stored) && other.vary != stored.vary);
        if variants.len() >= MOST_VARIANTS {
            variants.remove(0);
        }
        variants.push(stored);
        self.bytes += bytes(&target, &variants);
        self.by_target.put(target, variants);
        while self.bytes > memory {
            let Some((target, variants)) = self.by_target.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(bytes(&target, &variants));
        }
    }

    fn take(&mut self, target: &Target) -> Vec<Stored> {
        let variants = self.by_target.pop(target).unwrap_or_default();
        if !variants.is_empty() {
            self.bytes = self.bytes.saturating_sub(bytes(target, &variants));
        }
        variants
    }
}

fn bytes(target: &Target, variants: &[Stored]) -> usize {
    target.bytes() + variants.iter().map(Stored::bytes).sum::<usize>()
}

/// What header fields take.
pub(super) fn of_fields(fields: &[(Vec<u8>, Vec<u8>)]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len() + OF_FIELD).sum()
}
