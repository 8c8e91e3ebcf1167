//! What the buckets of a request hold, for tools that draw them. A proxy does not ask.

use portcullis_kit::parts::Request;
use portcullis_kit::{Headers, Host};

use crate::applied::Applied;
use crate::config::Scope;
use crate::filter::{TokenBucket, now};

/// The bucket that a request has under a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Filling {
    /// The name of the limit.
    pub limit: String,
    /// Which of its tiers, from 1 on; 0 where it is in none.
    pub tier: usize,
    /// Whose bucket it is: the parts of its key.
    pub key: Vec<Vec<u8>>,
    /// Whether each worker has one of its own.
    pub is_of_worker: bool,
    /// The tokens in it with their fractions, below zero where more were taken.
    pub balance: f64,
    /// How many tokens it holds.
    pub burst: u64,
    /// How many there were in the beginning.
    pub start: u64,
    /// In how many nanoseconds it fills.
    pub fills_in: u64,
}

impl TokenBucket {
    /// The buckets of this worker or process that a request has taken from, or would have; nothing of it is written. A bucket that nobody has used yet
    /// is not among them, nor what a rate limit service counts.
    pub fn levels(&self, request: &Headers, host: &mut dyn Host) -> Vec<Filling> {
        let mut request = Request::new(request, host);
        let limits = self.policy.limits.iter().enumerate();
        let applied: Vec<_> = limits.filter_map(|limit| Applied::of(limit, &mut request)).collect();
        applied.into_iter().filter_map(|it| self.filling(it, host)).collect()
    }

    fn filling(&self, applied: Applied, host: &mut dyn Host) -> Option<Filling> {
        let limit = self.policy.limits.get(applied.limit)?;
        let quota = limit.quotas.get(applied.tier)?;
        let budget = self.counted.get(applied.limit)?.budget_of(applied.tier)?;
        let now = now(host);
        let bucket = budget.peek(&applied.key(), now, host)?;
        Some(Filling {
            limit: limit.name.clone(),
            tier: applied.tier,
            is_of_worker: limit.scope == Scope::Worker,
            balance: quota.balance(bucket, now),
            burst: quota.burst(),
            start: limit.start(quota).tokens,
            fills_in: quota.fills_in(),
            key: applied.parts.ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use portcullis_kit::{HttpFilter, StreamId};

    use super::*;

    /// What two requests of alice and one of bob leave.
    fn left(scope: &str) -> Vec<(String, Vec<Vec<u8>>, f64, u64)> {
        let config = format!(
            r#"{{"limits": [{{"name": "user", "rate": "2/1s", "burst": 5, "scope": "{scope}", "key": [{{"header": "x-user"}}]}},
                {{"name": "all", "rate": "10/1s", "scope": "{scope}"}}]}}"#
        );
        let mut filter = TokenBucket::configure(config.as_bytes()).unwrap();
        let mut host = TestHost::at(0);
        filter.start(&mut host);
        let request = |user: &str| Headers::from_iter([(":path", b"/".to_vec()), ("x-user", user.into())]);
        assert_eq!(filter.levels(&request("alice"), &mut host), [], "nobody has used them");
        for (id, user) in [(1, "alice"), (2, "alice"), (3, "bob")] {
            let stream = (StreamId(id), &mut crate::filter::Stream::default());
            filter.on_request_headers(stream, &mut request(user), &mut host).unwrap();
        }
        let levels = filter.levels(&request("alice"), &mut host);
        levels.into_iter().map(|it| (it.limit, it.key, it.balance, it.burst)).collect()
    }

    #[test]
    fn levels_are_those_of_the_buckets_of_a_request() {
        for scope in ["worker", "process", "leased"] {
            let expected =
                [("user".to_owned(), vec![b"alice".to_vec()], 3.0, 5), ("all".to_owned(), vec![], 7.0, 10)];
            assert_eq!(left(scope), expected, "{scope}");
        }
    }
}
