use serde_json::Value;

use crate::Path;

/// A value, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) value: &'a Value,
    pub(crate) place: Path,
}

impl<'a> Cursor<'a> {
    pub(crate) fn at(value: &'a Value, place: Path) -> Self {
        Self { value, place }
    }

    /// The member of this name, which may be written as in JSON: `vmConfig` for `vm_config`.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let members = self.value.as_object()?;
        let (name, value) = members.get_key_value(name).or_else(|| members.get_key_value(&camel(name)))?;
        (!value.is_null()).then(|| Self { value, place: self.place.key(name) })
    }

    /// Members in members.
    pub(crate) fn find(&self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self.clone(), |cursor, name| cursor.get(name))
    }

    /// The text of a member; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.get(name).and_then(|member| member.value.as_str()).unwrap_or_default()
    }

    /// Likewise, and what is no text as it is written in JSON.
    pub(crate) fn shown(&self, name: &str) -> String {
        match self.get(name).map(|member| member.value) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let place = self.place.clone();
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(index, value)| Self { value, place: place.index(index) })
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let place = self.place.clone();
        let members = self.value.as_object().into_iter().flatten();
        members.map(move |(name, value)| (name.as_str(), Self { value, place: place.key(name) }))
    }

    /// This value and all that is in it, in the order in which it is written.
    pub(crate) fn each(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        self.members().for_each(|(_, member)| member.each(see));
        self.items().for_each(|item| item.each(see));
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at_checked(1).unwrap_or((word, ""));
        name + &head.to_ascii_uppercase() + tail
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_found_as_it_is_written() {
        let value = json!({"vmConfig": {"vm_id": "a", "code": null}});
        let cursor = Cursor::at(&value, Path::default());
        assert_eq!(cursor.find(&["vm_config", "vm_id"]).unwrap().place.to_string(), "vmConfig.vm_id");
        assert_eq!(cursor.get("vm_config").unwrap().text("vm_id"), "a");
        assert!(cursor.find(&["vm_config", "code"]).is_none());
    }
}
