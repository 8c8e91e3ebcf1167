//! Where new ids come from.

use portcullis_kit::{Host, node};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ids::{SpanId, TraceId};

/// A source of ids that no two workers share, seeded with 256 bits of the proxy's randomness: with fewer, generators of a large mesh would
/// meet, and so would their ids.
#[derive(Debug)]
pub(crate) struct IdGenerator {
    generator: ChaCha8Rng,
    /// Whether the seed was random; ids of another seed must not claim to be.
    pub(crate) is_random: bool,
}

impl IdGenerator {
    /// Seeded by the proxy, or with its clock and its name where it has no randomness.
    pub(crate) fn new(host: &mut dyn Host) -> Self {
        let random = host.random().zip(host.random());
        let is_random = random.is_some();
        let seed = random.map_or_else(|| seed_of_clock(host), |(one, other)| [one, other]);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(seed.as_flattened()).for_each(|(byte, seed)| *byte = *seed);
        Self { generator: ChaCha8Rng::from_seed(bytes), is_random }
    }

    /// For before a filter has started; nothing comes of it.
    pub(crate) fn unseeded() -> Self {
        Self { generator: ChaCha8Rng::from_seed([0; 32]), is_random: false }
    }

    /// An id for a trace.
    pub(crate) fn trace(&mut self) -> TraceId {
        loop {
            // The lower half alone is an id too, for those who know no other.
            let (high, low) = (self.generator.next_u64(), self.generator.next_u64());
            if let Some(id) = TraceId::from_halves(high, low).filter(|_| low != 0) {
                return id;
            }
        }
    }

    /// An id for a span.
    pub(crate) fn span(&mut self) -> SpanId {
        loop {
            if let Some(id) = SpanId::new(self.generator.next_u64()) {
                return id;
            }
        }
    }
}

/// The times, and the name of the node folded to as many bytes.
fn seed_of_clock(host: &mut dyn Host) -> [[u8; 16]; 2] {
    let times = (u128::from(host.now().as_nanos()) << 64) ^ host.monotonic().as_nanos();
    let mut name = [0_u8; 16];
    for (place, byte) in (0..16).cycle().zip(node::property(&["id"], host).unwrap_or_default().bytes()) {
        if let Some(folded) = name.get_mut(place) {
            *folded = folded.wrapping_mul(31).wrapping_add(byte);
        }
    }
    [times.to_le_bytes(), name]
}
