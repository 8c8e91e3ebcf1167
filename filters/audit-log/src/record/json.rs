//! Canonical JSON (RFC 8785), written in one go: the members come in order, and nothing is built that is written later.

use portcullis_audit_chain::canonical;
use serde_json::Value;

/// An object that is being written. Its members have to come in the order of their names.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
    #[cfg(debug_assertions)]
    last: String,
}

/// Writes an object.
pub(crate) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    let mut object = Object {
        out,
        is_empty: true,
        #[cfg(debug_assertions)]
        last: String::new(),
    };
    write(&mut object);
    out.push(b'}');
}

impl Object<'_> {
    /// How long all that was written is.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        canonical::string(self.member(name), text);
    }

    /// A text, where there is any.
    pub(crate) fn some_text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    /// A number; from 2^53 on, where a double does not hold it, that.
    pub(crate) fn number(&mut self, name: &str, number: u64) {
        canonical::integer(self.member(name), number);
    }

    /// A number, where there is one.
    pub(crate) fn some_number(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A truth.
    pub(crate) fn truth(&mut self, name: &str, is: bool) {
        self.member(name).extend_from_slice(if is { b"true" } else { b"false" });
    }

    /// Any JSON.
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        canonical::value(self.member(name), value);
    }

    /// An object; left out where nothing is written into it.
    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        let (start, was_empty) = (self.out.len(), self.is_empty);
        let out = self.member(name);
        let inner = out.len();
        object(out, write);
        if out.len() == inner + 2 {
            out.truncate(start);
            self.is_empty = was_empty;
        }
    }

    /// An object, be there anything in it or not.
    pub(crate) fn whole_object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        object(self.member(name), write);
    }

    /// A list of objects; left out where there are none.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_>, T),
    ) {
        self.list(name, items, |out, item| object(out, |it| write(it, item)));
    }

    /// A list of texts; left out where there are none.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.list(name, items, |out, item| canonical::string(out, item.as_ref()));
    }

    fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) {
        let mut items = items.into_iter();
        let Some(first) = items.next() else { return };
        let out = self.member(name);
        out.push(b'[');
        write(out, first);
        for item in items {
            out.push(b',');
            write(out, item);
        }
        out.push(b']');
    }

    fn member(&mut self, name: &str) -> &mut Vec<u8> {
        #[cfg(debug_assertions)]
        {
            let comes_later = canonical::order(&self.last, name).is_lt();
            debug_assert!(self.is_empty || comes_later, "{name} behind {}", self.last);
            name.clone_into(&mut self.last);
        }
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        canonical::string(self.out, name);
        self.out.push(b':');
        self.out
    }
}
