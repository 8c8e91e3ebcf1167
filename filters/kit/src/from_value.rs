//! Values of Rust from values of JSON, where a mistake has a path.
//!
//! serde makes code for each pair of a type and a deserializer, and configurations are most of the types that a filter has. So this is one
//! deserializer, with an error that knows its path itself, and not one around another.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value, map};

use crate::ConfigError;

/// Reads what `value` holds. The members of an object are not taken from a list, as serde would: nobody means to write that.
///
/// # Errors
/// The first member that does not fit, by its path, in the words of serde.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, ConfigError> {
    T::deserialize(Node(value))
}

impl Error for ConfigError {
    #[cold]
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::at("", problem.to_string())
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::at("", format!("invalid type: {}, expected {expected}", in_json(found)))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::at("", format!("invalid value: {}, expected {expected}", in_json(found)))
    }

    #[cold]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::at("", format!("unknown field `{field}`, {}", one_of(expected)))
    }

    #[cold]
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::at("", format!("unknown variant `{variant}`, {}", one_of(expected)))
    }

    #[cold]
    fn missing_field(field: &'static str) -> Self {
        Self::at("", format!("missing field `{field}`"))
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Self {
        Self::at("", format!("duplicate field `{field}`"))
    }
}

/// In the words of serde.
fn one_of(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_owned(),
        [name] => format!("expected `{name}`"),
        [one, other] => format!("expected `{one}` or `{other}`"),
        names => format!("expected one of `{}`", names.join("`, `")),
    }
}

/// What was found, as whoever wrote it in JSON knows it.
fn in_json(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Float(number) => match Number::from_f64(number) {
            Some(number) => format!("floating point `{number}`"),
            None => "floating point".to_owned(),
        },
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Seq => "list".to_owned(),
        Unexpected::Map => "map".to_owned(),
        Unexpected::Other(what) => what.to_owned(),
        _ => "something else".to_owned(),
    }
}

#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl<'de> Node<'de> {
    #[cold]
    fn misfit(self, expected: &dyn Expected) -> ConfigError {
        let found = match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        ConfigError::invalid_type(found, expected)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Number(number) => visit_number(number, visitor),
            _ => Err(self.misfit(&visitor)),
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, ConfigError> {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => visitor.visit_u64(number),
        (None, Some(number)) => visitor.visit_i64(number),
        (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visit_list(items, visitor),
            Value::Object(members) => visitor.visit_map(Members::of(members)),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Array(items) => visit_list(items, visitor),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of(members)),
            Value::Array(_) => Err(ConfigError::at("", "a list; write an object")),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_enum(Choice::of(self)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit_struct tuple tuple_struct identifier }
}

/// All items of a list have to be wanted.
fn visit_list<'de, V: Visitor<'de>>(items: &'de [Value], visitor: V) -> Result<V::Value, ConfigError> {
    let mut left = Items::of(items);
    let value = visitor.visit_seq(&mut left)?;
    match left.items.len() {
        0 => Ok(value),
        _ => Err(ConfigError::at("", format!("{} items; write {}", items.len(), left.next))),
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Value>,
    next: usize,
}

impl<'de> Items<'de> {
    fn of(items: &'de [Value]) -> Self {
        Self { items: items.iter(), next: 0 }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ConfigError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConfigError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|error| in_item(error, index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'de> {
    members: map::Iter<'de>,
    current: Option<(&'de str, &'de Value)>,
}

impl<'de> Members<'de> {
    fn of(members: &'de Map<String, Value>) -> Self {
        Self { members: members.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigError> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.current = Some((name, value));
        let name_alone = BorrowedStrDeserializer::new(name);
        seed.deserialize(name_alone).map(Some).map_err(|error: ConfigError| error.under(name))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ConfigError> {
        let (name, value) = self.current.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Node(value)).map_err(|error| error.under(name))
    }
}

#[cold]
fn in_item(error: ConfigError, index: usize) -> ConfigError {
    error.under(&format!("[{index}]"))
}

/// A variant: by its name alone, or as the only member of an object.
struct Choice<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> Choice<'de> {
    fn of(node: Node<'de>) -> Result<Self, ConfigError> {
        let members = match node.0 {
            Value::String(name) => return Ok(Self { name, content: None }),
            Value::Object(members) => members,
            _ => return Err(node.misfit(&"a name or an object with one member")),
        };
        let mut members = members.iter();
        match (members.next(), members.next()) {
            (Some((name, content)), None) => Ok(Self { name, content: Some(content) }),
            _ => Err(ConfigError::invalid_value(Unexpected::Map, &"an object with one member")),
        }
    }

    fn content(&self) -> Result<Node<'de>, ConfigError> {
        const ALONE: &str = "invalid type: a name alone, expected an object with it as its only member";
        self.content.map(Node).ok_or_else(|| ConfigError::at(self.name, ALONE))
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = ConfigError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ConfigError> {
        seed.deserialize(BorrowedStrDeserializer::new(self.name)).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = ConfigError;

    fn unit_variant(self) -> Result<(), ConfigError> {
        match self.content.map(Node) {
            None | Some(Node(Value::Null)) => Ok(()),
            Some(content) => Err(content.misfit(&"nothing behind it").under(self.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ConfigError> {
        let content = self.content()?;
        seed.deserialize(content).map_err(|error| error.under(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ConfigError> {
        let content = self.content()?;
        content.deserialize_seq(visitor).map_err(|error| error.under(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let content = self.content()?;
        content.deserialize_map(visitor).map_err(|error| error.under(self.name))
    }
}
