use super::{Bucket, Quota, Rate};
use crate::{ConfigError, Host, update_shared};

/// How often a worker tries to write when others are faster.
const TRIES: u32 = 100;

/// One bucket that all workers take from, in an entry of the shared data.
#[derive(Debug)]
pub struct SharedBucket {
    quota: Quota,
}

impl SharedBucket {
    /// A bucket of `burst` tokens; left out, as many as the rate is written with.
    ///
    /// # Errors
    /// At `burst`: it is empty, or takes too long to fill.
    pub fn new(rate: Rate, burst: Option<u64>) -> Result<Self, ConfigError> {
        let burst = burst.unwrap_or_else(|| rate.written().into());
        let quota = Quota::new(rate, burst).ok_or_else(|| {
            let problem = match burst {
                0 => "0; write at least 1".to_owned(),
                _ => format!("{burst}, and so many come in no less than a hundred years; write fewer"),
            };
            ConfigError::at("burst", problem)
        });
        Ok(Self { quota: quota? })
    }

    /// Takes one token at `now`, in nanoseconds, if there is one left. Without shared data there is none: nobody knows what the others have
    /// taken.
    pub fn spend(&self, entry: &str, now: u64, host: &mut dyn Host) -> bool {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Clock;
    use crate::testing::TestHost;

    #[test]
    fn a_bucket_is_one_for_all_workers_and_fills_again() {
        let bucket = SharedBucket::new(Rate::parse("2/1s").unwrap(), None).unwrap();
        let mut host = TestHost::at(1000);
        let spend = |host: &mut TestHost| {
            let now = u64::try_from(host.monotonic().as_nanos()).unwrap();
            bucket.spend("entry", now, host)
        };
        assert_eq!([(); 3].map(|()| spend(&mut host)), [true, true, false]);
        host.advance(Duration::from_millis(500));
        host.conflicts = 1;
        assert_eq!([(); 2].map(|()| spend(&mut host)), [true, false]);
        host.advance(Duration::from_secs(100));
        assert_eq!([(); 3].map(|()| spend(&mut host)), [true, true, false]);
        host.storeless = true;
        assert!(!spend(&mut host));
    }
}
