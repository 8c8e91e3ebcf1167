//! Which values of a key have a breaker of their own: the first that came, the same in all workers.

use portcullis_kit::{Host, update_shared};
use prost::Message;

/// How often a worker tries to write when others are faster.
const TRIES: u32 = 100;

/// The values of one key, by their numbers.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Its entry in the shared data.
    entry: String,
    keys: Vec<Vec<u8>>,
    max: usize,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Keys {
    #[prost(bytes = "vec", repeated, tag = "1")]
    keys: Vec<Vec<u8>>,
}

impl Directory {
    pub(crate) fn new(entry: String, max: u32) -> Self {
        Self { entry, keys: Vec::new(), max: max as usize }
    }

    /// The number of a value, which it gets now if it has none and there is one left; `None` for the breaker of all others.
    pub(crate) fn number(&mut self, key: &[u8], host: &mut dyn Host) -> Option<usize> {
        if let Some(number) = self.position(key) {
            return Some(number);
        }
        // Nothing is ever taken out.
        if self.keys.len() >= self.max {
            return None;
        }
        let (max, former) = (self.max, self.keys.clone());
        let keys = update_shared(host, &self.entry, TRIES, |value| {
            let mut keys = value.and_then(|value| Keys::decode(value).ok()).unwrap_or_default().keys;
            keys.truncate(max);
            let is_new = keys.len() < max && !keys.iter().any(|other| other == key);
            if is_new {
                keys.push(key.to_vec());
            }
            let message = Keys { keys };
            (is_new.then(|| message.encode_to_vec()), message.keys)
        });
        // Without shared data each worker numbers for itself; nobody else reads what stands under the number.
        self.keys = keys.unwrap_or_else(|_| former.into_iter().chain([key.to_vec()]).collect());
        self.position(key)
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        self.keys.iter().position(|other| other == key)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    #[test]
    fn workers_agree_on_the_numbers() {
        let mut host = TestHost::default();
        let [mut one, mut two] = [(); 2].map(|()| Directory::new("keys".into(), 3));
        assert_eq!(one.number(b"a", &mut host), Some(0));
        assert_eq!(two.number(b"b", &mut host), Some(1));
        assert_eq!(one.number(b"b", &mut host), Some(1));
        assert_eq!(two.number(b"a", &mut host), Some(0));
    }

    #[test]
    fn whoever_comes_too_late_has_none() {
        let mut host = TestHost::default();
        let mut directory = Directory::new("keys".into(), 2);
        let mut number = |key: &[u8]| directory.number(key, &mut host);
        assert_eq!(
            [number(b"a"), number(b"b"), number(b"c"), number(b"a")],
            [Some(0), Some(1), None, Some(0)]
        );
    }

    #[test]
    fn a_lost_race_is_run_again() {
        let mut host = TestHost::default();
        let theirs = Keys { keys: vec![b"theirs".to_vec()] }.encode_to_vec();
        host.meanwhile.push_back(("keys".into(), theirs));
        let mut directory = Directory::new("keys".into(), 2);
        assert_eq!(directory.number(b"ours", &mut host), Some(1));
        assert_eq!(directory.number(b"theirs", &mut host), Some(0));
    }

    #[test]
    fn without_shared_data_a_worker_is_alone() {
        let mut host = TestHost::default();
        host.storeless = true;
        let mut directory = Directory::new("keys".into(), 1);
        assert_eq!(directory.number(b"a", &mut host), Some(0));
        assert_eq!(directory.number(b"b", &mut host), None);
    }
}
