//! Reads a record in one pass, and of it only what a row has.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::lenient::{OneDecision, Text};
use super::{Decision, Row, Schema, Value, activity};
use crate::field::Field;
use crate::places::{PLACES, Place, Slot};

/// Why a line has no row.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowError {
    /// It ends in the middle of a record.
    Half,
    /// It is no JSON, or has a member twice.
    Broken(serde_json::Error),
    /// It is JSON, and no audit record.
    Stranger,
}

impl std::error::Error for RowError {}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Half => f.write_str("half a record: the line ends in the middle of it"),
            Self::Broken(error) => {
                // A record is a line, and which one is told already.
                let told = error.to_string();
                let what = told.rsplit_once(" at line ").map_or(told.as_str(), |(what, _)| what);
                write!(f, "no record: {what} at column {}", error.column())
            }
            Self::Stranger => f.write_str("JSON, but no audit record"),
        }
    }
}

impl From<serde_json::Error> for RowError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::Half } else { Self::Broken(error) }
    }
}

pub(super) fn read(record: &[u8]) -> Result<Row<'_>, RowError> {
    let row = Row { schema: Schema::Ocsf, values: [const { None }; Field::ALL.len()] };
    let mut found = Found { row, is_ecs: false, is_api: false, action: None, activity: None, denied: false };
    let mut deserializer = serde_json::Deserializer::from_slice(record);
    Walk { place: &PLACES, found: &mut found }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    found.settled()
}

/// What has been found so far.
struct Found<'de> {
    row: Row<'de>,
    is_ecs: bool,
    /// Whether ECS counts it among the calls of an API.
    is_api: bool,
    action: Option<Decision>,
    activity: Option<i64>,
    /// Whether a decision was a denial.
    denied: bool,
}

impl<'de> Found<'de> {
    fn put(&mut self, slot: Slot, value: Value<'de>) {
        match (slot, &value) {
            (Slot::Field(field), _) => self.row.put(field, value),
            (Slot::Method, _) => self.row.put(Field::Method, value),
            (Slot::Categories, Value::List(names)) => self.is_api = names.iter().any(|name| name == "api"),
            (Slot::Action, Value::Integer(1)) => self.action = Some(Decision::Allowed),
            (Slot::Action, Value::Integer(2)) => self.action = Some(Decision::Denied),
            (Slot::Activity, Value::Integer(number)) => self.activity = Some(*number),
            (Slot::Types, Value::List(types)) => {
                let has = |name: &str| types.iter().any(|word| word == name);
                self.action = match (has("denied"), has("allowed")) {
                    (true, _) => Some(Decision::Denied),
                    (false, true) => Some(Decision::Allowed),
                    _ => None,
                };
            }
            (Slot::Dataset, Value::Text(name)) => self.is_ecs |= name == "portcullis.audit",
            _ => {}
        }
    }

    /// The first denial is the one that counts.
    fn decided(&mut self, decision: OneDecision<'de>) {
        let Some([filter, reason]) = decision.denial().filter(|_| !self.denied) else { return };
        self.denied = true;
        for (field, text) in [(Field::Filter, filter), (Field::Reason, reason)] {
            if let Some(text) = text {
                self.row.put(field, Value::Text(text));
            }
        }
    }

    /// The row, with what follows from several members.
    fn settled(self) -> Result<Row<'de>, RowError> {
        let Self { mut row, is_ecs, is_api, action, activity, .. } = self;
        row.schema = if is_ecs { Schema::Ecs } else { Schema::Ocsf };
        let class = row.integer(Field::ClassUid);
        if class.is_none() && !is_ecs {
            return Err(RowError::Stranger);
        }
        if class == Some(4002) && activity == Some(99) {
            of_unknown_method(&mut row);
        }
        if let Some(caption) =
            class.zip(activity).and_then(|(class, number)| activity::caption(class, number))
        {
            row.put(Field::Activity, Value::Text(caption.into()));
        }
        row.put(Field::Kind, Value::Text(super::REQUEST.into()));
        if row.is_request() {
            row.put(Field::Decision, Value::Text(action.unwrap_or(Decision::Other).name().into()));
        }
        if is_ecs {
            of_ecs(&mut row, is_api);
        }
        of_id(&mut row);
        Ok(row)
    }
}

/// A method that OCSF has no number for is the name of the activity.
fn of_unknown_method(row: &mut Row<'_>) {
    if let Some(method) = row.text(Field::Activity).map(str::to_owned) {
        row.put(Field::Method, Value::Text(method.into()));
    }
}

/// ECS has other units, and no place of its own for an operation.
fn of_ecs(row: &mut Row<'_>, is_api: bool) {
    if let Some(operation) = row.text(Field::Activity).filter(|_| is_api).map(str::to_owned) {
        row.put(Field::Operation, Value::Text(operation.into()));
    }
    if let Some(Value::Double(nanoseconds)) = row.value(Field::Duration) {
        row.replace(Field::Duration, Value::Double(nanoseconds / 1e6));
    }
    if let Some(version) = row.text(Field::Protocol)
        && version.starts_with(|c: char| c.is_ascii_digit())
    {
        row.replace(Field::Protocol, Value::Text(format!("HTTP/{version}").into()));
    }
}

/// The id of a record says which chain it is of, and which number it has there.
fn of_id(row: &mut Row<'_>) {
    let Some((chain, sequence)) = row.text(Field::Id).and_then(|id| id.rsplit_once('-')) else { return };
    let (chain, sequence) = (chain.to_owned(), sequence.to_owned());
    row.put(Field::Chain, Value::Text(chain.into()));
    row.put(Field::Sequence, Value::Text(sequence.into()));
}

/// Reads the value at a place.
struct Walk<'w, 'de> {
    place: &'static Place,
    found: &'w mut Found<'de>,
}

impl<'de> Walk<'_, 'de> {
    fn put<E>(self, value: Value<'de>) -> Result<(), E> {
        if let Some(slot) = self.place.slot {
            self.found.put(slot, value);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.put(Value::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Value::Text(text.to_owned().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.put(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        match number.try_into() {
            Ok(number) => self.put(Value::Integer(number)),
            Err(_) => Ok(()),
        }
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.put(Value::Double(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.place.slot == Some(Slot::Ours) {
            self.found.is_ecs = true;
        }
        let mut seen = 0_u64;
        while let Some(member) = map.next_key_seed(Name { of: self.place })? {
            let Some((index, place)) = member else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // Other readers take the last of the two, and so whoever writes both shows different things to different people.
            if seen >> index & 1 == 1 {
                return Err(A::Error::custom("a member stands there twice"));
            }
            seen |= 1 << index;
            map.next_value_seed(Walk { place, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Some(place) = self.place.element() {
            while list.next_element_seed(Walk { place, found: self.found })?.is_some() {}
            return Ok(());
        }
        match self.place.slot {
            Some(Slot::Decisions) => {
                while let Some(decision) = list.next_element::<OneDecision<'_>>()? {
                    self.found.decided(decision);
                }
            }
            Some(_) => {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<Text<'_>>()? {
                    texts.extend(text.text());
                }
                self.put(Value::List(texts))?;
            }
            None => while list.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }
}

/// Reads the name of a member.
struct Name {
    of: &'static Place,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<(usize, &'static Place)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<(usize, &'static Place)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.of.member(name))
    }
}
