//! Consistent probability sampling: which traces are kept follows from their random bits, so that all who sample keep the same ones
//! (OpenTelemetry, "TraceState: Probability Sampling").

use std::fmt;

/// A trace is kept when its random number is at least this, of 56 bits: 0 keeps all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

/// 2^56: one more than the largest random number.
const ALL: u64 = 1 << 56;
/// Hexadecimal digits of a threshold.
const DIGITS: u32 = 14;
/// Digits that count, as the specification recommends.
const PRECISION: u32 = 4;

impl Threshold {
    /// That of a share of all traces, rounded to four hexadecimal digits after those that are `f`. `None` below 2^-56 and above 1.
    pub fn of(probability: f64) -> Option<Self> {
        Self::rounded(probability, PRECISION)
    }

    fn rounded(probability: f64, precision: u32) -> Option<Self> {
        let possible = 1.0 / ALL as f64;
        if !(possible..=1.0).contains(&probability) {
            return None;
        }
        // A power of two changes the exponent of a float alone: the product is exact.
        let kept = (probability * ALL as f64).round() as u64;
        let rejected = ALL.saturating_sub(kept);
        // Leading digits `f` say how rare it is, and not how exactly.
        let leading = ((probability.log2().floor() + 1.0) / -4.0).floor();
        let more = (leading.max(0.0) as u32).min(DIGITS);
        let step = 1 << (4 * DIGITS.saturating_sub((precision + more).min(DIGITS)));
        let rounded = (rejected + step / 2) / step * step;
        // What would keep nothing keeps as little as there is.
        Some(Self(rounded.min(ALL - 1)))
    }

    /// Reads `th`: 1 to 14 digits, with zeros left out at the end.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let missing = DIGITS.checked_sub(u32::try_from(digits.len()).ok()?)?;
        Some(Self(crate::text::hex_number(digits)?.checked_shl(4 * missing)?))
    }

    /// Whether it keeps a trace with these random bits.
    pub fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:014x}", self.0);
        match digits.trim_end_matches('0') {
            "" => f.write_str("0"),
            digits => f.write_str(digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thresholds_are_those_of_the_specification() {
        let table = [
            (1.0, ["0", "0", "0"]),
            (2.0, ["8", "8", "8"]),
            (3.0, ["aab", "aaab", "aaaab"]),
            (4.0, ["c", "c", "c"]),
            (5.0, ["ccd", "cccd", "ccccd"]),
            (8.0, ["e", "e", "e"]),
            (10.0, ["e66", "e666", "e6666"]),
            (16.0, ["f", "f", "f"]),
            (100.0, ["fd71", "fd70a", "fd70a4"]),
            (1000.0, ["ffbe7", "ffbe77", "ffbe76d"]),
            (10_000.0, ["fff972", "fff9724", "fff97247"]),
            (100_000.0, ["ffff584", "ffff583a", "ffff583a5"]),
            (1_000_000.0, ["ffffef4", "ffffef39", "ffffef391"]),
        ];
        for (one_in, expected) in table {
            let found =
                [3, 4, 5].map(|precision| Threshold::rounded(1.0 / one_in, precision).unwrap().to_string());
            assert_eq!(found, expected, "1 in {one_in}");
        }
        assert_eq!(Threshold::of(0.01).unwrap().to_string(), "fd70a");
    }

    #[test]
    fn shares_that_cannot_be_are_none() {
        for share in [0.0, -0.1, 1.000_1, f64::NAN, f64::INFINITY, 1e-18] {
            assert_eq!(Threshold::of(share), None, "{share}");
        }
        let rarest = Threshold::of(1.0 / ALL as f64).unwrap();
        assert!(rarest.keeps(ALL - 1) && !rarest.keeps(ALL - 2));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(share in 1e-12..1.0_f64) {
            let threshold = Threshold::of(share).unwrap();
            prop_assert_eq!(Threshold::parse(threshold.to_string().as_bytes()), Some(threshold));
            let kept = (ALL - threshold.0) as f64 / ALL as f64;
            prop_assert!((kept / share - 1.0).abs() < 0.001, "{} {}", kept, share);
        }
    }
}
