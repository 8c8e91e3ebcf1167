//! What is known of tokens that have been seen: whoever sends one again costs no cryptography, no JSON and no base64.

use std::sync::Arc;

use crate::bounded_lru::{BoundedLru, Footprint};
use crate::config::CacheConfig;
use crate::outputs::Rendered;
use crate::token::Token;
use crate::{JwtError, KeyId, KeySet};

/// Tokens by their bytes. Good and bad ones have memory of their own, so that a flood of bad ones displaces no good one.
#[derive(Debug)]
pub(crate) struct TokenCache {
    verified: BoundedLru<Entry>,
    rejected: BoundedLru<Entry>,
    max_token: usize,
}

/// What is known of one token.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) token: Arc<Token>,
    verdicts: Vec<(usize, Verdict)>,
}

/// What a provider's keys said about a signature.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It fits this key; what the upstream gets to see, or why it cannot be handed on.
    Verified { generation: u64, key: KeyId, outputs: Result<Arc<Rendered>, JwtError> },
    /// It fit no key of this generation.
    SignatureInvalid { generation: u64 },
}

impl Verdict {
    /// Whether it still holds for the keys of this generation: a key that is gone vouches for nothing any more, and one that came
    /// may fit.
    pub(crate) fn holds(&self, keys: &KeySet, now: u64) -> bool {
        match self {
            Self::Verified { generation, key, .. } => *generation == now || keys.contains(*key),
            Self::SignatureInvalid { generation } => *generation == now,
        }
    }

    fn outputs(&self) -> Option<&Rendered> {
        match self {
            Self::Verified { outputs: Ok(outputs), .. } => Some(outputs),
            _ => None,
        }
    }
}

impl TokenCache {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        Self {
            verified: BoundedLru::new(config.verified.bytes()),
            rejected: BoundedLru::new(config.rejected.bytes()),
            max_token: config.max_token.bytes(),
        }
    }

    /// What is known of a token.
    pub(crate) fn find(&mut self, token: &[u8]) -> Option<&Entry> {
        self.verified.find(token).or_else(|| self.rejected.find(token))
    }

    /// Remembers what a provider's keys said.
    pub(crate) fn remember(&mut self, bytes: &[u8], token: &Arc<Token>, provider: usize, verdict: Verdict) {
        if bytes.len() > self.max_token {
            return;
        }
        let (known, other) = (self.verified.take(bytes), self.rejected.take(bytes));
        let verdicts = known.or(other).map(|entry| entry.verdicts).unwrap_or_default();
        let mut entry = Entry { token: token.clone(), verdicts };
        entry.verdicts.retain(|(index, _)| *index != provider);
        entry.verdicts.push((provider, verdict));
        let is_good = entry.verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Verified { .. }));
        if is_good { &mut self.verified } else { &mut self.rejected }.insert(bytes, entry);
    }

    /// Forgets a token that can never be right again.
    pub(crate) fn forget(&mut self, token: &[u8]) {
        self.verified.take(token);
        self.rejected.take(token);
    }
}

impl Entry {
    /// What this provider's keys said.
    pub(crate) fn verdict(&self, provider: usize) -> Option<&Verdict> {
        self.verdicts.iter().find(|(index, _)| *index == provider).map(|(_, verdict)| verdict)
    }
}

impl Footprint for Entry {
    fn footprint(&self) -> usize {
        /// A verdict.
        const FIXED: usize = 128;
        let outputs = self.verdicts.iter().filter_map(|(_, verdict)| verdict.outputs());
        self.token.footprint() + outputs.map(|outputs| FIXED + outputs.footprint()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::Size;

    fn cache(verified: u64, rejected: u64) -> TokenCache {
        TokenCache::new(&CacheConfig {
            verified: Size(verified),
            rejected: Size(rejected),
            max_token: Size(100),
        })
    }

    fn token() -> Arc<Token> {
        let mut jws = crate::Jws::parse(b"eyJhbGciOiJFUzI1NiJ9.e30.AAAA").unwrap();
        Arc::new(Token::new(&mut jws).unwrap())
    }

    fn good() -> Verdict {
        Verdict::Verified { generation: 0, key: KeyId::default(), outputs: Ok(Arc::default()) }
    }

    fn bad() -> Verdict {
        Verdict::SignatureInvalid { generation: 0 }
    }

    #[test]
    fn each_provider_has_its_verdict() {
        let mut cache = cache(10_000, 10_000);
        cache.remember(b"t", &token(), 0, bad());
        cache.remember(b"t", &token(), 1, good());
        let entry = cache.find(b"t").unwrap();
        assert!(matches!(entry.verdict(0), Some(Verdict::SignatureInvalid { .. })));
        assert!(matches!(entry.verdict(1), Some(Verdict::Verified { .. })));
        assert!(entry.verdict(2).is_none());
        cache.forget(b"t");
        assert!(cache.find(b"t").is_none());
    }

    #[test]
    fn a_flood_of_bad_tokens_displaces_no_good_one_and_stays_within_its_bound() {
        let mut cache = cache(4_000, 4_000);
        cache.remember(b"good", &token(), 0, good());
        for n in 0..10_000_u32 {
            cache.remember(&n.to_le_bytes(), &token(), 0, bad());
        }
        assert!(cache.find(b"good").is_some());
        let (bytes, counted) = cache.rejected.bytes();
        assert!(bytes <= 4_000 && bytes == counted, "{bytes} of {counted}");
        assert!(cache.find(&9_999_u32.to_le_bytes()).is_some());
        assert!(cache.find(&0_u32.to_le_bytes()).is_none());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = cache(2_500, 0);
        for name in [b"a", b"b", b"c"] {
            cache.remember(name, &token(), 0, good());
            assert!(cache.find(b"a").is_some(), "used each time");
        }
        assert!(cache.find(b"b").is_none());
    }

    #[test]
    fn no_memory_remembers_nothing_and_long_tokens_are_not_kept() {
        let mut none = cache(0, 0);
        none.remember(b"a", &token(), 0, good());
        none.remember(b"b", &token(), 0, bad());
        assert!(none.find(b"a").is_none() && none.find(b"b").is_none());
        let mut some = cache(100_000, 100_000);
        some.remember(&[7; 101], &token(), 0, good());
        assert!(some.find(&[7; 101]).is_none());
    }
}
