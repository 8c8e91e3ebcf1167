//! What the tests of this folder share: a filter and its requests, and a bucket that is written as its definition says.

use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, Headers, Host, HttpFilter, StreamId};
use portcullis_token_bucket::{Stream, TokenBucket};
use serde_json::Value;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// When the tests begin, in nanoseconds.
pub(crate) const START: u64 = 1_000_000 * SECOND;

/// A host at [`START`].
pub(crate) fn host() -> TestHost {
    TestHost::at(START / SECOND)
}

/// A worker with this configuration.
pub(crate) fn filter(config: &Value, host: &mut dyn Host) -> TokenBucket {
    let mut filter = TokenBucket::configure(config.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{error}: {config}"));
    filter.start(host);
    filter
}

/// A request with these headers beside the usual ones.
pub(crate) fn request(fields: &[(&str, &str)]) -> Headers {
    let usual = [(":method", "GET"), (":path", "/"), (":authority", "example.com")];
    usual.iter().chain(fields).copied().collect()
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Waits,
    Denied(u16),
}

/// Sends a request, or one that has waited again.
pub(crate) fn send(
    filter: &mut TokenBucket,
    (id, stream): (StreamId, &mut Stream),
    request: &mut Headers,
    host: &mut dyn Host,
) -> Outcome {
    match filter.on_request_headers((id, stream), request, host) {
        Ok(Action::Continue) => Outcome::Passed,
        Ok(Action::Pause) => Outcome::Waits,
        Err(reply) => Outcome::Denied(reply.status),
    }
}

/// Whether a request of its own passes.
pub(crate) fn passes(filter: &mut TokenBucket, fields: &[(&str, &str)], host: &mut dyn Host) -> bool {
    let mut stream = Stream::default();
    match send(filter, (StreamId(1), &mut stream), &mut request(fields), host) {
        Outcome::Passed => true,
        Outcome::Waits => panic!("nobody waits here"),
        Outcome::Denied(status) => {
            assert_eq!(status, 429);
            false
        }
    }
}

/// A bucket as one explains it: tokens come at the rate, no more than the burst stay, who takes some needs them all. It counts what is
/// in it, where the filter counts when it is full. In the unit of 1 / `nanos` of a token nothing is ever rounded.
#[derive(Clone, Debug)]
pub(crate) struct Exact {
    /// So many tokens come
    tokens: i128,
    /// in so many nanoseconds.
    nanos: i128,
    burst: i128,
    level: i128,
    at: u64,
}

impl Exact {
    /// A full one.
    pub(crate) fn new((tokens, nanos): (u32, u64), burst: u64, now: u64) -> Self {
        let (nanos, burst) = (i128::from(nanos), i128::from(burst));
        Self { tokens: tokens.into(), nanos, burst, level: burst * nanos, at: now }
    }

    /// What is in it, in its unit.
    pub(crate) fn level(&mut self, now: u64) -> i128 {
        self.level += i128::from(now - self.at) * self.tokens;
        self.level = self.level.min(self.burst * self.nanos);
        self.at = now;
        self.level
    }

    /// Whether it has so many tokens, or has them within `patience` nanoseconds. Whoever takes none has to find one.
    pub(crate) fn has(&mut self, tokens: u64, now: u64, patience: u64) -> bool {
        let cost = i128::from(tokens.max(1)) * self.nanos;
        i128::from(tokens) <= self.burst && self.level(now) + i128::from(patience) * self.tokens >= cost
    }

    /// In how many nanoseconds it has so many tokens.
    pub(crate) fn wait(&mut self, tokens: u64, now: u64) -> u64 {
        let missing = i128::from(tokens.max(1)) * self.nanos - self.level(now);
        u64::try_from(missing.max(0)).unwrap().div_ceil(u64::try_from(self.tokens).unwrap())
    }

    /// Takes tokens whether it has them or not.
    pub(crate) fn spend(&mut self, tokens: u64, now: u64) {
        self.level = self.level(now) - i128::from(tokens) * self.nanos;
    }

    /// Takes tokens if it has them.
    pub(crate) fn take(&mut self, tokens: u64, now: u64) -> bool {
        let has = self.has(tokens, now, 0);
        if has {
            self.spend(tokens, now);
        }
        has
    }

    /// Says what is in it now.
    pub(crate) fn set(&mut self, level: i128) {
        self.level = level;
    }

    /// Takes tokens back that were taken at a time, as far as they have not come again since; how much that is, in its unit.
    pub(crate) fn refund(&mut self, tokens: u64, taken_at: u64, now: u64) -> i128 {
        let come_again = i128::from(now - taken_at) * self.tokens;
        let owed = (i128::from(tokens) * self.nanos - come_again).max(0);
        self.level = self.level(now) + owed;
        self.level(now);
        owed
    }

    /// When it is full, in its unit: as long as nobody takes any or gives some back, that stays the same.
    pub(crate) fn full_at(&mut self, now: u64) -> i128 {
        i128::from(now) * self.tokens + self.burst * self.nanos - self.level(now)
    }
}
