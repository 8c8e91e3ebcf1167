use lru::LruCache;

/// What is known of tokens, by their bytes, in so much memory; the least recently used goes first.
#[derive(Debug)]
pub(crate) struct BoundedLru<V> {
    entries: LruCache<Box<[u8]>, V>,
    bytes: usize,
    limit: usize,
}

/// What takes memory.
pub(crate) trait Footprint {
    /// About how many bytes it takes, beside its key and its place in the list.
    fn footprint(&self) -> usize;
}

/// The list entry, the table slot and the fixed parts of an entry.
const FIXED: usize = 512;

impl<V: Footprint> BoundedLru<V> {
    /// Takes about so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, limit }
    }

    /// What is known of a token, which is used by this.
    pub(crate) fn find(&mut self, token: &[u8]) -> Option<&V> {
        self.entries.get(token)
    }

    /// Forgets a token.
    pub(crate) fn take(&mut self, token: &[u8]) -> Option<V> {
        let (key, value) = self.entries.pop_entry(token)?;
        self.bytes = self.bytes.saturating_sub(footprint(&key, &value));
        Some(value)
    }

    /// Remembers a token, unless it alone is too large.
    pub(crate) fn insert(&mut self, token: &[u8], value: V) {
        if footprint(token, &value) <= self.limit {
            self.insert_always(token, value);
        }
    }

    /// Remembers a token, however large: the next one displaces it.
    pub(crate) fn insert_always(&mut self, token: &[u8], value: V) {
        self.take(token);
        self.bytes += footprint(token, &value);
        self.entries.put(token.into(), value);
        while self.bytes > self.limit && self.entries.len() > 1 {
            let Some((oldest, value)) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(footprint(&oldest, &value));
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes taken, and what they are by counting anew.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.bytes, self.entries.iter().map(|(key, value)| footprint(key, value)).sum())
    }
}

fn footprint(key: &[u8], value: &impl Footprint) -> usize {
    FIXED + key.len() + value.footprint()
}
