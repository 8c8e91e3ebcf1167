use serde_json::Number;

/// From 2^53 on a double no longer holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number that is compared as it was written, integers up to 64 bits to the last digit.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Exact {
    /// Towards zero.
    whole: i128,
    fraction: f64,
}

impl Exact {
    /// `None` for a number that may have lost digits when it was read: an integer beyond 64 bits, a double from 2^53 on.
    pub(crate) fn new(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i128() {
            return Some(Self { whole, fraction: 0.0 });
        }
        let double = number.as_f64().filter(|double| double.abs() < EXACT)?;
        Some(Self { whole: double.trunc() as i128, fraction: double.fract() })
    }
}

impl From<u64> for Exact {
    fn from(whole: u64) -> Self {
        Self { whole: whole.into(), fraction: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Option<Exact> {
        Exact::new(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        let ordered = [
            "-9223372036854775808",
            "-9223372036854775807",
            "-2",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.25",
            "1",
            "1.5",
            "2",
            "9007199254740991",
            "9007199254740993",
            "18446744073709551614",
            "18446744073709551615",
        ];
        for (at, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                let order = exact(a).unwrap().partial_cmp(&exact(b).unwrap());
                assert_eq!(order, Some(at.cmp(&other)), "{a} and {b}");
            }
        }
    }

    #[test]
    fn one_is_one_however_it_is_written() {
        for text in ["1.0", "1e0", "10e-1"] {
            assert_eq!(exact(text), exact("1"), "{text}");
        }
        assert_eq!(exact("-0.0"), exact("0"));
        assert_eq!(Some(Exact::from(u64::MAX)), exact("18446744073709551615"));
    }

    #[test]
    fn lost_digits_are_no_number() {
        for text in ["18446744073709551616", "-9223372036854775809", "9007199254740992.0", "1e300", "-1e16"] {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}
