use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A number of bytes in a configuration, a number with a unit: `512B`, `128KiB`, `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// A size of whole kibibytes.
    pub const fn from_kib(kibibytes: u64) -> Self {
        Self(kibibytes.saturating_mul(1 << 10))
    }

    /// Reads `128KiB`. `None` without a number, without a unit, or past what a `u64` holds.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let unit: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        Some(Self(number.parse::<u64>().ok()?.checked_mul(unit)?))
    }

    /// The size as a length in memory, at most the longest there is.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let fits = |(size, _): &(u64, &str)| self.0 != 0 && self.0.is_multiple_of(*size);
        let (size, unit) = units.into_iter().find(fits).unwrap_or((1, "B"));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number and a unit, as in 512B, 128KiB, 1MiB")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        Size::parse(text).ok_or_else(|| {
            E::custom(format_args!(
                "{text:?} is not a size; write a number and a unit, as in 512B, 128KiB, 1MiB"
            ))
        })
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(B|KiB|MiB|GiB)$",
            "description": "A number of bytes and a unit: 512B, 128KiB, 1MiB."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_and_print() {
        for text in ["0B", "512B", "1025B", "128KiB", "1MiB", "3GiB"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Size::parse("1024KiB"), Size::parse("1MiB"));
        for text in ["", "10", "KiB", "-1B", "1.5MiB", "10 KiB", "1kb", "1KB", "99999999999999GiB"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
        let error = serde_json::from_str::<Size>("\"1KB\"").unwrap_err().to_string();
        assert!(error.starts_with("\"1KB\" is not a size; write a number and a unit"), "{error}");
        assert_eq!(serde_json::to_string(&Size::from_kib(2048)).unwrap(), "\"2MiB\"");
    }
}
