use std::fmt;

use portcullis_kit::ConfigError;
use regex_lite::Regex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::schema::{Matching, TextExpectation};
use crate::vars::Vars;

/// A checked [`TextExpectation`].
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Not there at all.
    Absent,
    /// There, whatever it is.
    Present,
    /// Equal.
    Exact(String),
    /// Holds this.
    Contains(String),
    /// JSON of this value.
    Json(Value),
    /// JSON with these values at these pointers.
    JsonPath(Vec<(String, Value)>),
    /// Matches somewhere.
    Regex(Regex),
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mismatch {
    /// What: `status`, `header www-authenticate`, `upstream header x-jwt-sub`.
    pub what: String,
    /// How it should be.
    pub expected: String,
    /// How it is.
    pub found: String,
}

impl Mismatch {
    pub(crate) fn new(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}

impl Matcher {
    pub(crate) fn new(text: &TextExpectation, vars: &Vars) -> Result<Self, ConfigError> {
        let fill = |text: &str| vars.text(text).map_err(|error| ConfigError::at("", error));
        let matching = match text {
            TextExpectation::Exact(text) => return Ok(Self::Exact(fill(text)?)),
            TextExpectation::Matching(matching) => matching,
        };
        Ok(match matching {
            Matching::Absent(true) => Self::Absent,
            Matching::Absent(false) => Self::Present,
            Matching::Contains(text) => Self::Contains(fill(text)?),
            Matching::Json(value) => {
                Self::Json(vars.json(value).map_err(|error| ConfigError::at("json", error))?)
            }
            Matching::JsonPath(places) => {
                let places = places.iter().map(|(pointer, value)| place(pointer, value, vars));
                Self::JsonPath(places.collect::<Result<_, _>>()?)
            }
            Matching::Regex(text) => {
                let regex = Regex::new(text).map_err(|error| {
                    ConfigError::at("regex", format!("{text:?} is not an expression: {error}"))
                });
                Self::Regex(regex?)
            }
        })
    }

    /// Whether this text, or its absence, is as expected.
    pub fn matches(&self, bytes: Option<&[u8]>) -> bool {
        let Some(bytes) = bytes else { return matches!(self, Self::Absent) };
        let text = String::from_utf8_lossy(bytes);
        let json = || serde_json::from_slice::<Value>(bytes).ok();
        match self {
            Self::Absent => false,
            Self::Present => true,
            Self::Exact(expected) => bytes == expected.as_bytes(),
            Self::Contains(part) => text.contains(part),
            Self::Json(expected) => json().is_some_and(|json| json == *expected),
            Self::JsonPath(places) => json()
                .is_some_and(|json| places.iter().all(|(place, value)| json.pointer(place) == Some(value))),
            Self::Regex(regex) => regex.is_match(&text),
        }
    }

    pub(super) fn check(&self, what: &str, bytes: Option<&[u8]>, found: &mut Vec<Mismatch>) {
        if !self.matches(bytes) {
            found.push(self.mismatch(what, bytes));
        }
    }
}

impl Matcher {
    /// What is found beside what is expected; JSON beside JSON in the same form, so that the two can be compared by line.
    fn mismatch(&self, what: &str, bytes: Option<&[u8]>) -> Mismatch {
        const SHORT: usize = 60;
        let json = bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        if let (Self::Json(expected), Some(found)) = (self, json)
            && expected.to_string().len() > SHORT
        {
            return Mismatch::new(what, format!("{expected:#}"), format!("{found:#}"));
        }
        Mismatch::new(what, self, bytes.map_or_else(|| "absent".into(), String::from_utf8_lossy))
    }
}

fn place(pointer: &str, value: &Value, vars: &Vars) -> Result<(String, Value), ConfigError> {
    let at = |problem| ConfigError::at("json_path", problem);
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(at(format!("{pointer:?} is not a JSON pointer; write /member or /list/0")));
    }
    Ok((pointer.to_owned(), vars.json(value).map_err(at)?))
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Present => f.write_str("present"),
            Self::Exact(text) => f.write_str(text),
            Self::Contains(part) => write!(f, "something with {part:?}"),
            Self::Json(value) => write!(f, "JSON {value}"),
            Self::JsonPath(places) => {
                f.write_str("JSON with")?;
                places.iter().try_for_each(|(place, value)| write!(f, " {place:?}: {value}"))
            }
            Self::Regex(regex) => write!(f, "something like /{regex}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(yaml: &str) -> Result<Matcher, ConfigError> {
        Matcher::new(&crate::parse_yaml("x", yaml).unwrap(), &Vars::default())
    }

    #[test]
    fn json_pointers_look_into_a_body() {
        let matcher = matcher(r#"{json_path: {"/a/0": 1, "/b~1c": {d: x}}}"#).unwrap();
        assert!(matcher.matches(Some(br#"{"a": [1, 2], "b/c": {"d": "x"}, "more": true}"#)));
        assert!(!matcher.matches(Some(br#"{"a": [2], "b/c": {"d": "x"}}"#)));
        assert!(!matcher.matches(Some(br#"{"a": [1]}"#)));
        assert!(!matcher.matches(Some(b"no JSON")));
        assert!(!matcher.matches(None));
        assert_eq!(matcher.to_string(), r#"JSON with "/a/0": 1 "/b~1c": {"d":"x"}"#);
    }

    #[test]
    fn a_pointer_starts_with_a_slash() {
        let error = matcher("{json_path: {a: 1}}").unwrap_err().to_string();
        assert_eq!(error, r#"json_path: "a" is not a JSON pointer; write /member or /list/0"#);
    }
}
