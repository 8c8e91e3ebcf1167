use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A number of bytes in a configuration, a number with a unit: `512B`, `64KiB`, `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

/// The units, the largest first.
const UNITS: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Size {
    /// Reads `64KiB`. `None` without a number, without a unit, or past 32 bits, which is all that a module can address.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let bytes = number.parse::<usize>().ok()?.checked_mul(unit)?;
        u32::try_from(bytes).is_ok().then_some(Self(bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, size): &(&str, usize)| self.0 >= *size && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS.into_iter().find(whole).unwrap_or(("B", 1));
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
        f.write_str("a number and a unit, as in 512B, 64KiB, 1MiB")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        Size::parse(text).ok_or_else(|| {
            E::custom(format_args!(
                "{text:?} is not a size below 4GiB; write a number and a unit, as in 512B, 64KiB, 1MiB"
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
            "description": "A number and a unit: 512B, 64KiB, 1MiB."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_and_print() {
        for text in ["0B", "512B", "64KiB", "1MiB", "1025B", "3GiB"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "10", "B", "-1B", "1.5KiB", "10 B", "1KB", "4GiB", "99999999999999999999B"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
    }
}
