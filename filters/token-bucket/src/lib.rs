//! Rate limits: token buckets for everything that a request can be told by.
//!
//! The path of a request: [`TokenBucket`] finds the limits that it is under (`applied`, by `key` and the [`parts`] in it), takes its
//! tokens from the buckets of all of them or of none (`counted`, `budget`), asks the rate limit service where several proxies count
//! together (`global`, `service`, `ahead`), lets it wait (`waiting`) or answers (`denial`, `reply`). The way back reads what it has
//! cost and gives back or charges the rest (`response`, `leaving`). A bucket is one point in time ([`Bucket`], of the kit); a fixed
//! number of them lies in sets ([`slots`]) of a `table`, in the worker or in the data that all workers share, from where a worker may
//! borrow a few tokens at a time (`lease`).
//!
//! [`parts`]: portcullis_kit::parts
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod ahead;
mod applied;
mod budget;
mod config;
mod counted;
mod denial;
mod filter;
mod global;
mod key;
mod lease;
mod leaving;
mod levels;
mod limit;
mod metrics;
mod policy;
mod rates;
mod receipt;
mod reply;
mod response;
mod service;
pub mod slots;
mod standing;
mod table;
mod waiting;

pub use config::TokenBucketConfig;
pub use denial::{Reason, Row};
pub use filter::{Stream, TokenBucket};
pub use key::KeyHash;
pub use levels::Filling;
pub use portcullis_kit::bucket::{Bucket, Level, Quota, Rate, Shortage, Taken};
