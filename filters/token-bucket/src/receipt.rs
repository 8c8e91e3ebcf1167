use portcullis_kit::bucket::Bucket;

use crate::key::KeyHash;

/// Tokens that were taken from a bucket, and what it takes to give them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) limit: usize,
    pub(crate) tier: usize,
    pub(crate) is_fallback: bool,
    pub(crate) key: KeyHash,
    pub(crate) tokens: u64,
    /// When.
    pub(crate) at: u64,
    /// How it left the bucket.
    pub(crate) left: Bucket,
}

impl Receipt {
    /// Whether both are from the same bucket.
    pub(crate) fn is_from_the_bucket_of(&self, other: &Self) -> bool {
        let bucket = |it: &Self| (it.limit, it.tier, it.is_fallback, it.key);
        bucket(self) == bucket(other)
    }
}
