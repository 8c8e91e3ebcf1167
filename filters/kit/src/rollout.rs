//! What holds for some of all requests, always the same ones.

/// Whether a text is among so many of a hundred: the same in every worker, proxy and version, and who is in stays in when the share
/// grows. The hash is FNV-1a, whose high bits are folded in.
pub fn falls_under(percent: u8, text: &[u8]) -> bool {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = text.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    (hash ^ hash >> 32) % 100 < percent.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_share_of_the_texts_and_always_the_same_ones() {
        let under = |percent| (0..10_000_u32).filter(|n| falls_under(percent, &n.to_le_bytes())).count();
        assert_eq!((under(0), under(100)), (0, 10_000));
        assert!((900..1100).contains(&under(10)), "{}", under(10));
        let grows =
            (0..10_000_u32).all(|n| !falls_under(10, &n.to_le_bytes()) || falls_under(11, &n.to_le_bytes()));
        assert!(grows, "who is in stays in when the share grows");
    }
}
