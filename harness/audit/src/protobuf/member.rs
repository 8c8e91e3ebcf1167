//! What a member of JSON looks like in a field of a message.

use portcullis_audit_chain::hex;
use serde_json::{Map, Value};

/// The members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// A message that stands for a JSON object.
pub(super) trait Object: Default {
    /// Takes the members that there are fields for; the others stay.
    fn take(members: &mut Members) -> Self;
    /// Adds the members of the fields that are set.
    fn give(&self, members: &mut Members);
}

/// A field that stands for one member.
pub(super) trait Member: Sized {
    /// Takes the member, if the field can hold it.
    fn take(members: &mut Members, name: &str) -> Self;
    /// Adds the member, if the field is set.
    fn give(&self, members: &mut Members, name: &str);
}

/// Takes the member of which something can be made.
pub(super) fn take<T>(
    members: &mut Members,
    name: &str,
    make: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let made = members.get(name).and_then(make);
    if made.is_some() {
        members.remove(name);
    }
    made
}

fn give(members: &mut Members, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

impl Member for Option<String> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, |value| value.as_str().map(str::to_owned))
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.clone().map(Value::from));
    }
}

impl Member for Option<u64> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, Value::as_u64)
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.map(Value::from));
    }
}

impl Member for Option<u32> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, |value| value.as_u64()?.try_into().ok())
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.map(Value::from));
    }
}

impl Member for Option<bool> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, Value::as_bool)
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.map(Value::from));
    }
}

/// Bytes are lower hexadecimal digits in JSON.
impl Member for Option<Vec<u8>> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, |value| {
            let bytes = value.as_str()?.as_bytes().chunks(2).map(|pair| Some(hex::parse::<1>(pair)?[0]));
            bytes.collect()
        })
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.as_ref().map(|bytes| hex::lower(bytes).into()));
    }
}

/// An empty list is not told from none in a message; in JSON it is.
impl Member for Vec<String> {
    fn take(members: &mut Members, name: &str) -> Self {
        take(members, name, |value| list(value, |item| item.as_str().map(str::to_owned))).unwrap_or_default()
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, (!self.is_empty()).then(|| self.clone().into()));
    }
}

/// What an object has besides the fields of its message stays where it is.
impl<T: Object> Member for Option<T> {
    fn take(members: &mut Members, name: &str) -> Self {
        let Some(Value::Object(inner)) = members.get_mut(name) else { return None };
        let it = T::take(inner);
        if inner.is_empty() {
            members.remove(name);
        }
        Some(it)
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, self.as_ref().map(object));
    }
}

/// Objects in a list have nothing besides the fields of their message, or the list stays where it is.
impl<T: Object> Member for Vec<T> {
    fn take(members: &mut Members, name: &str) -> Self {
        let whole = |item: &Value| {
            let Value::Object(mut inner) = item.clone() else { return None };
            let it = T::take(&mut inner);
            inner.is_empty().then_some(it)
        };
        take(members, name, |value| list(value, whole)).unwrap_or_default()
    }

    fn give(&self, members: &mut Members, name: &str) {
        give(members, name, (!self.is_empty()).then(|| self.iter().map(object).collect()));
    }
}

fn object(it: &impl Object) -> Value {
    let mut members = Members::new();
    it.give(&mut members);
    Value::Object(members)
}

/// The items of a list that is not empty, if all of them can be made.
fn list<T>(value: &Value, make: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    items.iter().map(make).collect()
}
