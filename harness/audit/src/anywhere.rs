//! A text that may be anywhere in a record.

use memchr::memmem::Finder;
use serde_json::Value;

/// A text that is looked for in the whole of a record: its members, their names, and its JSON as it stands. Upper and lower case are the same.
#[derive(Clone, Debug)]
pub struct Anywhere {
    lower: Finder<'static>,
}

impl Anywhere {
    /// This text.
    pub fn new(text: &str) -> Self {
        Self { lower: Finder::new(&text.to_lowercase()).into_owned() }
    }

    /// Whether it is in a record.
    pub fn is_in(&self, record: &[u8]) -> bool {
        self.is_in_text(&String::from_utf8_lossy(record))
            // In JSON, a text may be written otherwise than it is.
            || record.contains(&b'\\')
                && serde_json::from_slice(record).is_ok_and(|record| self.is_in_value(&record))
    }

    fn is_in_text(&self, text: &str) -> bool {
        self.lower.find(text.to_lowercase().as_bytes()).is_some()
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in_text(text),
            Value::Array(elements) => elements.iter().any(|element| self.is_in_value(element)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.is_in_text(name) || self.is_in_value(value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_is() {
        let record =
            r#"{"a":[{"Name":"Zoë"},"say \"hi\"\n"],"path":"\/orders\/7","status":403,"z":"caf\u00e9"}"#;
        for (text, expected) in [
            ("zoë", true),
            ("ZOË", true),
            ("name", true),
            ("403", true),
            ("\"status\":403", true),
            ("say \"HI\"", true),
            ("hi\\\"", true),
            ("/orders/7", true),
            ("café", true),
            ("CAFÉ", true),
            ("zoe", false),
            ("404", false),
            ("/orders/8", false),
        ] {
            assert_eq!(Anywhere::new(text).is_in(record.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_looked_into_all_the_same() {
        assert!(Anywhere::new("b").is_in(b"\xff\\ B"));
        assert!(!Anywhere::new("c").is_in(b"\xff\\ B"));
    }
}
