use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::Span;

/// A leap year: slower rates are refused.
const SLOWEST: u64 = 366 * 24 * 3_600_000_000_000;

/// Tokens over time, in lowest terms: `tokens` every `nanos` nanoseconds.
///
/// Everything that follows from it is whole numbers of `1 / tokens` of a nanosecond, so that no rate drifts, be it one a year or one
/// a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    tokens: u32,
    nanos: u64,
    /// What stood before the slash.
    written: u32,
}

impl Rate {
    /// Reads `100/1s`, `5/10m`, `1/8760h`, or `100/s` for one of the unit. `None` for anything else, for a rate of zero, of more than one
    /// token a nanosecond, or of less than one a year.
    pub fn parse(text: &str) -> Option<Self> {
        let (written, period) = text.split_once('/')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let written: u32 = written.parse().ok().filter(|_| is_number(written))?;
        let period = match period.starts_with(|c: char| c.is_ascii_digit()) {
            true => Span::parse(period)?,
            false => Span::parse(&format!("1{period}"))?,
        };
        Self::new(written, u64::try_from(period.0.as_nanos()).ok()?)
    }

    /// So many tokens every so many nanoseconds; `None` for a rate of zero, of more than one token a nanosecond, or of less than one in
    /// 8784h.
    pub fn new(tokens: u32, nanos: u64) -> Option<Self> {
        let divisor = greatest_common_divisor(tokens.into(), nanos);
        let reduced = Self {
            tokens: u32::try_from(u64::from(tokens).checked_div(divisor)?).ok()?,
            nanos: nanos.checked_div(divisor)?,
            written: tokens,
        };
        let is_possible = tokens > 0 && u64::from(tokens) <= nanos && nanos / u64::from(tokens) <= SLOWEST;
        is_possible.then_some(reduced)
    }

    /// The unit of debts: `1 / tokens` of a nanosecond.
    pub fn parts(self) -> u32 {
        self.tokens
    }

    /// What one token takes to come, in the unit of debts.
    pub fn per_token(self) -> u64 {
        self.nanos
    }

    /// What stood before the slash: the burst that a limit has unless told otherwise.
    pub fn written(self) -> u32 {
        self.written
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In lowest terms the period may be no whole number of any unit but ns.
        let factor = u64::from(self.written / self.tokens);
        write!(f, "{}/{}", self.written, Span(std::time::Duration::from_nanos(self.nanos * factor)))
    }
}

const EXPECTED: &str =
    "a number of tokens and a time, as in 100/1s, 5/10m, 1/24h; at least 1 in 8784h, at most 1 in 1ns";

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
        Rate::parse(text).ok_or_else(|| E::custom(format_args!("{text:?} is not a rate; write {EXPECTED}")))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+/[0-9]*(ns|us|ms|s|m|h)$",
            "description": "Tokens over time: 100/1s, 5/10m, 1/24h, or 100/s."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_parse_and_print() {
        for text in ["100/1s", "3/1s", "5/10m", "1/8760h", "1000000000/1s", "999999999/1s", "1/1ns", "60/1m"]
        {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Rate::parse("100/s"), Rate::parse("100/1s"));
        for text in [
            "",
            "100",
            "/1s",
            "0/1s",
            "1/0s",
            "-1/1s",
            "+1/1s",
            "1.5/1s",
            "1/1d",
            "1 / 1s",
            "1/1s/1s",
            "2/1ns",
            "1000000001/1s",
            "1/8785h",
            "4294967296/1h",
        ] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_is_kept_in_lowest_terms() {
        let rate = Rate::parse("300/1s").unwrap();
        assert_eq!((rate.parts(), rate.per_token(), rate.written()), (3, 10_000_000, 300));
    }

    #[test]
    fn a_mistake_says_what_would_be_right() {
        let error = serde_json::from_str::<Rate>("\"10rps\"").unwrap_err().to_string();
        assert!(error.starts_with("\"10rps\" is not a rate; write a number of tokens and a time"), "{error}");
    }
}
