//! A record as a row of fields.

mod activity;
mod lenient;
mod walk;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::field::{Field, Kind};
use crate::time;

pub use walk::RowError;

/// What of a record people ask for, in either schema. What is missing, or of another type than it should be, is `None`.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    schema: Schema,
    values: [Option<Value<'a>>; Field::ALL.len()],
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number, or a time in milliseconds since the epoch.
    Integer(i64),
    /// A number.
    Double(f64),
    /// Several texts.
    List(Vec<Cow<'a, str>>),
}

/// In which schema a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
    /// The Elastic Common Schema.
    Ecs,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was let through.
    Allowed,
    /// A filter has denied it.
    Denied,
    /// The record does not say either.
    Other,
}

impl Decision {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Other => "other",
        }
    }
}

impl<'a> Row<'a> {
    /// Reads one record.
    ///
    /// # Errors
    /// The text is no JSON, has a member twice that a row looks at, or is no audit record.
    pub fn read(record: &'a [u8]) -> Result<Self, RowError> {
        walk::read(record)
    }

    /// The schema it is written in.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The value of a field.
    pub fn value(&self, field: Field) -> Option<&Value<'a>> {
        self.values.get(field as usize).and_then(Option::as_ref)
    }

    /// The value of a field that is a text.
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.value(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a field that is a whole number or a time.
    pub fn integer(&self, field: Field) -> Option<i64> {
        match self.value(field) {
            Some(Value::Integer(integer)) => Some(*integer),
            _ => None,
        }
    }

    /// What it is a record of.
    pub fn kind(&self) -> &str {
        self.text(Field::Kind).unwrap_or(REQUEST)
    }

    /// Whether it is a record of a request.
    pub fn is_request(&self) -> bool {
        self.kind() == REQUEST
    }

    /// Whether it is a record of a request whose end is known.
    pub fn is_complete(&self) -> bool {
        self.is_request() && self.text(Field::Stage) != Some("request_received")
    }

    /// What became of the request.
    pub fn decision(&self) -> Decision {
        match self.text(Field::Decision) {
            Some("allowed") => Decision::Allowed,
            Some("denied") => Decision::Denied,
            _ => Decision::Other,
        }
    }

    /// How many requests or losses it stands for.
    pub fn count(&self) -> u64 {
        self.integer(Field::Count).and_then(|count| count.try_into().ok()).unwrap_or(1)
    }

    fn put(&mut self, field: Field, value: Value<'a>) {
        if let Some(empty @ None) = self.values.get_mut(field as usize) {
            *empty = coerced(field.kind(), value);
        }
    }

    fn replace(&mut self, field: Field, value: Value<'a>) {
        if let Some(place) = self.values.get_mut(field as usize) {
            *place = Some(value);
        }
    }
}

/// The kind of most records, which do not name theirs.
pub(crate) const REQUEST: &str = "request";
/// Below this, every whole number is a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value as one of this kind.
fn coerced(kind: Kind, value: Value<'_>) -> Option<Value<'_>> {
    match (kind, value) {
        (Kind::Text, text @ Value::Text(_)) | (Kind::List, text @ Value::List(_)) => Some(text),
        (Kind::List, Value::Text(text)) => Some(Value::List(vec![text])),
        (Kind::Time, Value::Text(text)) => time::parse_rfc3339(&text).map(Value::Integer),
        (Kind::Time, value) => integer(&value).filter(|time| time::is_told(*time)).map(Value::Integer),
        (Kind::Int, value) => {
            integer(&value).filter(|number| i32::try_from(*number).is_ok()).map(Value::Integer)
        }
        (Kind::Long, value) => integer(&value).map(Value::Integer),
        #[expect(clippy::cast_precision_loss, reason = "a double is what is asked for")]
        (Kind::Double, Value::Integer(number)) => Some(Value::Double(number as f64)),
        (Kind::Double, number @ Value::Double(_)) => Some(number),
        _ => None,
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        Value::Double(number) if number.fract() == 0.0 && number.abs() < EXACT => Some(*number as i64),
        Value::Text(digits) => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
