use portcullis_kit::bucket::{Bucket, Quota};
use portcullis_kit::{ConfigError, Host, update_shared};

use crate::config::BudgetConfig;

/// How often a worker tries to write when others are faster.
const TRIES: u32 = 100;

/// How many requests a fallback serves, in all workers together.
#[derive(Debug)]
pub(crate) struct Budget {
    quota: Quota,
}

impl Budget {
    /// Takes one, if there is one left. Without shared data there is none: nobody knows what the others have taken.
    pub(crate) fn spend(&self, entry: &str, now: u64, host: &mut dyn Host) -> bool {
        // What stands under another rate has another meaning.
        let entry = format!("{entry}/{}/{}", self.quota.rate(), self.quota.burst());
        let taken = update_shared(host, &entry, TRIES, |value| {
            let bucket = value.map(decode).unwrap_or_default();
            // One that is further ahead than it can be is from before the clock was set back.
            let bucket = if self.quota.is_plausible(bucket, now) { bucket } else { Bucket::default() };
            match self.quota.take(bucket, 1, now, 0) {
                Ok(taken) => (Some(encode(taken.bucket)), true),
                Err(_) => (None, false),
            }
        });
        taken.unwrap_or(false)
    }
}

fn encode(bucket: Bucket) -> Vec<u8> {
    [&bucket.nanos.to_le_bytes()[..], &bucket.part.to_le_bytes()].concat()
}

/// What is no bucket is a full one.
fn decode(bytes: &[u8]) -> Bucket {
    let read = || {
        let (nanos, part) = bytes.split_first_chunk()?;
        Some(Bucket { nanos: u64::from_le_bytes(*nanos), part: u32::from_le_bytes(part.try_into().ok()?) })
    };
    read().unwrap_or_default()
}

impl TryFrom<BudgetConfig> for Budget {
    type Error = ConfigError;

    fn try_from(config: BudgetConfig) -> Result<Self, ConfigError> {
        let burst = config.burst.unwrap_or_else(|| config.rate.written().into());
        let quota = Quota::new(config.rate, burst).ok_or_else(|| {
            let problem = match burst {
                0 => "0; write at least 1".to_owned(),
                _ => format!("{burst}, and so many come in no less than a hundred years; write fewer"),
            };
            ConfigError::at("burst", problem)
        });
        Ok(Self { quota: quota? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_kit::testing::TestHost;
    use portcullis_kit::{Clock, Span};

    use super::*;

    #[test]
    fn a_budget_is_one_for_all_workers_and_comes_back() {
        let config = BudgetConfig { rate: portcullis_kit::bucket::Rate::parse("2/1s").unwrap(), burst: None };
        let budget = Budget::try_from(config).unwrap();
        let mut host = TestHost::at(1000);
        let spend = |host: &mut TestHost| {
            let now = u64::try_from(host.monotonic().as_nanos()).unwrap();
            budget.spend("budget", now, host)
        };
        assert_eq!([(); 3].map(|()| spend(&mut host)), [true, true, false]);
        host.advance(Span::from_secs(1).0 / 2);
        host.conflicts = 1;
        assert_eq!([(); 2].map(|()| spend(&mut host)), [true, false]);
        host.advance(Duration::from_secs(100));
        assert_eq!([(); 3].map(|()| spend(&mut host)), [true, true, false]);
        host.storeless = true;
        assert!(!spend(&mut host));
    }
}
