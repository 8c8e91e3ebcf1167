//! Ten million clients and a table for 65,536: memory stays what it was, nobody gets more than its limit, and how many get less.

use std::collections::VecDeque;
use std::ops::Range;

use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, Headers, HttpFilter, StreamId, UnixTime};
use portcullis_token_bucket::{Stream, TokenBucket};
use serde_json::json;

#[expect(dead_code, reason = "only the bucket and the host are of use here")]
mod common;

use common::{Exact, SECOND, START, filter, host};

const KEYS: u64 = 10_000_000;
const TABLE: u64 = 65_536;
const CALM: u64 = 4_800_000;
const CROWDED: u64 = 9_600_000;
/// Tokens a second, and the burst: a key that has taken one token is like new after a tenth of a second.
const RATE: u32 = 10;
const BURST: u64 = 10;
/// How many new keys a second a table has room for, where each takes one token and then is gone: a slot is free again when its token
/// has come.
const ROOM: u64 = TABLE * RATE as u64;
/// Clients that are always there.
const HOT: u64 = 16;

/// Denials that a bucket for each key would not have made.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    requests: u64,
    falsely_denied: u64,
}

impl Count {
    fn share(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let share = self.falsely_denied as f64 / self.requests as f64;
        share
    }
}

/// The filter, and what it has done.
struct Proxy {
    filter: TokenBucket,
    host: TestHost,
    now: u64,
    name: String,
    /// Keys that come once.
    new: Count,
    /// Keys that come again, and are at their limit.
    busy: Count,
}

impl Proxy {
    fn passes(&mut self, key: u64, cost: &str) -> bool {
        use std::fmt::Write;
        self.name.clear();
        write!(self.name, "{key}").unwrap();
        let mut request = Headers::from_iter([("x-key", self.name.as_str()), ("x-cost", cost)]);
        let stream = (StreamId(1), &mut Stream::default());
        match self.filter.on_request_headers(stream, &mut request, &mut self.host) {
            Ok(Action::Continue) => true,
            Ok(Action::Pause) => panic!("nobody waits here"),
            Err(reply) => {
                assert_eq!(reply.status, 429);
                false
            }
        }
    }

    /// A request of a key whose bucket is kept here beside: one by what the filter has admitted, and one by what should be.
    fn again(&mut self, key: u64, (admitted, ideal): &mut (Exact, Exact)) {
        let now = self.now;
        let passes = self.passes(key, "1");
        assert!(!passes || admitted.take(1, now), "{key} has got more than its limit");
        self.busy.requests += 1;
        if ideal.take(1, now) && !passes {
            self.busy.falsely_denied += 1;
        }
    }

    fn once(&mut self, key: u64, cost: &str) {
        self.new.requests += 1;
        self.new.falsely_denied += u64::from(!self.passes(key, cost));
    }

    /// So many new keys a second, each for so many tokens, and beside them some that come more than once.
    fn run(&mut self, keys: Range<u64>, (per_second, cost): (u64, &str), hot: &mut [(Exact, Exact)]) {
        let mut back: VecDeque<(u64, (Exact, Exact))> = VecDeque::new();
        (self.new, self.busy) = (Count::default(), Count::default());
        let (start, first) = (self.now, keys.start);
        for key in keys {
            self.now = start + (key - first) * SECOND / per_second;
            self.host.now = UnixTime::from_nanos(self.now);
            match key % 1000 {
                // Takes all that it may have, and comes back when others have had its slot.
                0 => {
                    let mut bucket = bucket(self.now);
                    (0..BURST + 2).for_each(|_| self.again(key, &mut bucket));
                    back.push_back((key, bucket));
                }
                500 if back.len() > 100 => {
                    let (key, mut bucket) = back.pop_front().unwrap();
                    (0..BURST + 2).for_each(|_| self.again(key, &mut bucket));
                }
                _ => self.once(key, cost),
            }
            if key.is_multiple_of(20) {
                let which = key / 20 % HOT;
                self.again(KEYS + which, &mut hot[usize::try_from(which).unwrap()]);
            }
        }
    }

    fn report(&self, load: &str) {
        let Self { new, busy, .. } = self;
        println!(
            "{load}: {:.5} of new keys denied, {:.5} of the requests of busy ones",
            new.share(),
            busy.share()
        );
    }

    fn assert_bounded(&self) {
        let sets = self.host.shared.iter().filter(|(name, _)| !name.ends_with("rates"));
        let sizes: Vec<_> = sets.map(|(_, datum)| datum.value.len()).collect();
        let (count, bytes) = (sizes.len() as u64, sizes.iter().sum::<usize>() as u64);
        assert!(count <= TABLE / 8 && self.host.shared.len() as u64 == count + 1);
        assert_eq!(bytes, count * (16 + 8 * 16), "a set is as large as ever");
    }
}

fn bucket(now: u64) -> (Exact, Exact) {
    let full = Exact::new((RATE, SECOND), BURST, now);
    (full.clone(), full)
}

#[test]
fn ten_million_keys_in_a_table_for_65_536() {
    let config = json!({"limits": [{
        "name": "client",
        "rate": format!("{RATE}/1s"),
        "burst": BURST,
        "key": [{"header": "x-key"}],
        "max_keys": TABLE,
        "cost_from": {"header": "x-cost", "max": BURST},
    }]});
    let mut host = host();
    let filter = filter(&config, &mut host);
    let (new, busy) = (Count::default(), Count::default());
    let mut proxy = Proxy { filter, host, now: START, name: String::new(), new, busy };
    let mut hot: Vec<_> = (0..HOT).map(|_| bucket(START)).collect();

    // Half of what there is room for: four new keys of eight that a set holds come in a tenth of a second, by chance also nine or more.
    // Then a key may find a token less, and only one that uses all that it has can notice.
    proxy.run(0..CALM, (ROOM / 2, "1"), &mut hot);
    proxy.report("half of the room");
    proxy.assert_bounded();
    assert!(proxy.new.share() < 0.000_01 && proxy.busy.share() < 0.001);

    // Twice as many as there is room for: one half has room, and the other cannot be told from those that had to go.
    proxy.run(CALM..CROWDED, (ROOM * 2, "1"), &mut hot);
    proxy.report("twice the room");
    proxy.assert_bounded();
    assert!(proxy.new.share() < 0.5 && proxy.busy.share() < 0.5);

    // Later, twenty times as much, by clients that spend all they have: buckets have to go that are empty. Each that the table holds is
    // good for one client at least.
    proxy.now += 2 * SECOND;
    proxy.run(CROWDED..KEYS, (ROOM * 2, "10"), &mut hot);
    proxy.report("twenty times the room");
    proxy.assert_bounded();
    assert!(proxy.new.requests - proxy.new.falsely_denied > TABLE * 9 / 10);
}
