use crate::pairs;

/// A header map, read once and edited in place.
///
/// The encoded block of the host stays one allocation; fields are ranges into it. Edits take effect at once for
/// whoever reads next, and are listed for the proxy, which applies only them.
///
/// Names are lower case, as in HTTP/2 and in Envoy. Values are bytes: nothing guarantees UTF-8.
#[derive(Debug, Default)]
pub struct Headers {
    block: Vec<u8>,
    fields: Vec<pairs::Field>,
    edits: Vec<Recorded>,
    /// Whether these are all that the proxy has.
    is_whole: bool,
    /// Whether neither a body nor trailers come behind them.
    pub is_last: bool,
}

/// One change that the proxy has to apply.
#[derive(Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Every field of this name goes.
    Remove {
        /// The name, lower case.
        name: &'a [u8],
    },
    /// Every field of this name goes and one with this value comes.
    Replace {
        /// The name, lower case.
        name: &'a [u8],
        /// The value.
        value: &'a [u8],
    },
    /// A further field comes.
    Add {
        /// The name, lower case.
        name: &'a [u8],
        /// The value.
        value: &'a [u8],
    },
}

#[derive(Debug)]
enum Recorded {
    Remove(pairs::Field),
    Replace(pairs::Field),
    Add(pairs::Field),
}

impl Headers {
    /// Reads an encoded block (see [`pairs`]). `None` when the block is malformed.
    pub fn decode(block: Vec<u8>) -> Option<Self> {
        let fields = pairs::decode(&block)?;
        Some(Self { block, fields, is_whole: true, ..Self::default() })
    }

    /// The value of the first field of this name.
    ///
    /// Not for security decisions: a client can repeat a header, and who reads the first differs from who
    /// reads the last. Those use [`all`](Self::all) or [`only`](Self::only).
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The values of all fields of this name, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |field| self.bytes(&field.name) == name.as_bytes())
            .map(|field| self.bytes(&field.value))
    }

    /// The value of the field of this name, when there is exactly one.
    pub fn only(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.bytes(&field.name), self.bytes(&field.value)))
    }

    /// Removes every field of this name. Costs the proxy nothing when all headers were read and there is none.
    pub fn remove(&mut self, name: &str) {
        if self.is_whole && self.first(name).is_none() {
            return;
        }
        self.drop_fields(name.as_bytes());
        let span = self.append(name.as_bytes(), b"");
        self.edits.push(Recorded::Remove(span));
    }

    /// Sets the one field of this name. Costs the proxy nothing when all headers were read and it is there already.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        if self.is_whole && self.only(name) == Some(value) {
            return;
        }
        self.drop_fields(name.as_bytes());
        let span = self.append(name.as_bytes(), value);
        self.fields.push(span.clone());
        self.edits.push(Recorded::Replace(span));
    }

    /// Adds a field beside those of the same name.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let span = self.append(name.as_bytes(), value);
        self.fields.push(span.clone());
        self.edits.push(Recorded::Add(span));
    }

    /// The edits so far, in order.
    pub fn edits(&self) -> impl Iterator<Item = Edit<'_>> {
        self.edits.iter().map(|edit| match edit {
            Recorded::Remove(span) => Edit::Remove { name: self.bytes(&span.name) },
            Recorded::Replace(span) => {
                Edit::Replace { name: self.bytes(&span.name), value: self.bytes(&span.value) }
            }
            Recorded::Add(span) => Edit::Add { name: self.bytes(&span.name), value: self.bytes(&span.value) },
        })
    }

    /// Forgets the edits: the proxy has applied them.
    pub(crate) fn forget_edits(&mut self) {
        self.edits.clear();
    }

    /// Takes note of what the proxy has under this name.
    pub(crate) fn know(&mut self, name: &str, value: Option<&[u8]>) {
        self.drop_fields(name.as_bytes());
        if let Some(value) = value {
            let span = self.append(name.as_bytes(), value);
            self.fields.push(span);
        }
    }

    fn drop_fields(&mut self, name: &[u8]) {
        let Self { block, fields, .. } = self;
        fields.retain(|field| block.get(field.name.clone()) != Some(name));
    }

    fn append(&mut self, name: &[u8], value: &[u8]) -> pairs::Field {
        let start = self.block.len();
        self.block.extend_from_slice(name);
        let middle = self.block.len();
        self.block.extend_from_slice(value);
        pairs::Field { name: start..middle, value: middle..self.block.len() }
    }

    fn bytes(&self, range: &std::ops::Range<usize>) -> &[u8] {
        self.block.get(range.clone()).unwrap_or_default()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self { is_whole: true, ..Self::default() };
        for (name, value) in fields {
            let span = headers.append(name.as_ref(), value.as_ref());
            headers.fields.push(span);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Headers {
        Headers::from_iter([("a", "1"), ("b", "2"), ("a", "3")])
    }

    #[test]
    fn only_refuses_a_repeated_field() {
        assert_eq!(example().only("b"), Some(&b"2"[..]));
        assert_eq!(example().only("a"), None);
        assert_eq!(example().first("a"), Some(&b"1"[..]));
    }

    #[test]
    fn what_is_there_already_is_set_where_more_may_be_there() {
        let block = pairs::encode(&[("a", "1"), ("b", "2"), ("b", "2")]);
        let edits = |mut headers: Headers, name: &str| {
            headers.set(name, headers.first(name).unwrap_or_default().to_vec().as_slice());
            headers.edits().count()
        };
        let whole = || Headers::decode(block.clone()).unwrap();
        assert_eq!(edits(whole(), "a"), 0);
        assert_eq!(edits(whole(), "b"), 1, "of two one is left");
        let mut part = Headers::default();
        part.know("b", Some(b"2"));
        assert_eq!(edits(part, "b"), 1, "the proxy may have another one");
        let mut unread = Headers::default();
        unread.remove("a");
        assert_eq!(unread.edits().collect::<Vec<_>>(), [Edit::Remove { name: b"a" }]);
    }

    #[test]
    fn edits_show_at_once_and_are_listed_in_order() {
        let mut headers = example();
        headers.remove("a");
        headers.remove("absent");
        headers.set("b", b"4");
        headers.add("b", b"5");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [(&b"b"[..], &b"4"[..]), (b"b", b"5")]);
        assert_eq!(
            headers.edits().collect::<Vec<_>>(),
            [
                Edit::Remove { name: b"a" },
                Edit::Replace { name: b"b", value: b"4" },
                Edit::Add { name: b"b", value: b"5" }
            ]
        );
    }
}
