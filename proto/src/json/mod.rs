//! OTLP as JSON: protobuf's JSON, but with ids in hexadecimal and enumerations as numbers. Written from the messages as they are, without a copy
//! in between.

mod logs;
mod trace;

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::common::any_value::Value;
use crate::common::{AnyValue, InstrumentationScope, KeyValue, Resource};
use crate::logs::ExportLogsServiceRequest;
use crate::trace::ExportTraceServiceRequest;

/// Spans as JSON.
pub fn trace(request: &ExportTraceServiceRequest) -> Vec<u8> {
    written(&Json(request))
}

/// Records as JSON.
pub fn logs(request: &ExportLogsServiceRequest) -> Vec<u8> {
    written(&Json(request))
}

fn written(request: &impl Serialize) -> Vec<u8> {
    // Writing to memory cannot fail, and all keys are texts.
    serde_json::to_vec(request).unwrap_or_default()
}

/// A message as JSON shows it.
struct Json<'a, T>(&'a T);

/// Several of them.
struct List<'a, T>(&'a [T]);

/// Something as text: 64-bit numbers, which JSON's readers may round, and ids.
struct Text<T>(T);

struct Hex<'a>(&'a [u8]);

impl<'a, T> Serialize for List<'a, T>
where
    Json<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows a message as an object of these members, and of those behind `and` that are something.
macro_rules! object {
    ($message:ty: |$it:ident| {
        $($name:literal: $value:expr),+ $(,)?
        $(; and $($other:literal: $some:expr),+ $(,)?)?
    }) => {
        impl Serialize for Json<'_, $message> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $it = self.0;
                let mut object = serializer.serialize_struct("", [$($name),+ $($(, $other)+)?].len())?;
                $(object.serialize_field($name, &$value)?;)+
                $($(if let Some(value) = $some { object.serialize_field($other, &value)?; })+)?
                object.end()
            }
        }
    };
}
use object;

object!(Resource: |it| { "attributes": List(&it.attributes) });

object!(InstrumentationScope: |it| { "name": it.name, "version": it.version });

object!(KeyValue: |it| { "key": it.key, "value": it.value.as_ref().map(Json) });

/// An object with one member, which says what it is; without one for an empty value.
#[derive(Serialize)]
enum One<'a> {
    #[serde(rename = "stringValue")]
    String(&'a str),
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "intValue")]
    Int(Text<i64>),
    #[serde(rename = "doubleValue")]
    Double(f64),
    /// JSON has no numbers for these.
    #[serde(rename = "doubleValue")]
    NoNumber(&'static str),
    #[serde(rename = "arrayValue")]
    Array { values: List<'a, AnyValue> },
}

impl Serialize for Json<'_, AnyValue> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one = match &self.0.value {
            None => return serializer.serialize_struct("", 0)?.end(),
            Some(Value::StringValue(text)) => One::String(text),
            Some(Value::BoolValue(value)) => One::Bool(*value),
            Some(Value::IntValue(number)) => One::Int(Text(*number)),
            Some(Value::DoubleValue(number)) if number.is_nan() => One::NoNumber("NaN"),
            Some(Value::DoubleValue(f64::INFINITY)) => One::NoNumber("Infinity"),
            Some(Value::DoubleValue(f64::NEG_INFINITY)) => One::NoNumber("-Infinity"),
            Some(Value::DoubleValue(number)) => One::Double(*number),
            Some(Value::ArrayValue(array)) => One::Array { values: List(&array.values) },
        };
        one.serialize(serializer)
    }
}
