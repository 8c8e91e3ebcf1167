use regex_lite::{Regex, RegexBuilder};

use super::TextMatch;
use crate::ConfigError;

/// A validated [`TextMatch`].
#[derive(Debug)]
pub enum Text {
    /// Equal, byte for byte.
    Exact(String),
    /// Starts so.
    Prefix(String),
    /// The whole text matches.
    Regex(Regex),
}

impl Text {
    /// # Errors
    /// What is no regular expression, or too large a one.
    pub fn new(config: TextMatch) -> Result<Self, ConfigError> {
        Ok(match config {
            TextMatch::Exact(text) => Self::Exact(text),
            TextMatch::Prefix(text) => Self::Prefix(text),
            TextMatch::Regex(text) => {
                // The whole text has to match, as in Envoy: an expression that forgets its anchors must not open more.
                let whole = format!("^(?:{text})$");
                // On its own first: `a)|(b` is no expression, and inside the parentheses it would be one.
                let regex = compile(&text).and_then(|_| compile(&whole)).map_err(|error| {
                    let reason = error.to_string().replace('\n', " ");
                    ConfigError::at("regex", format!("{text:?} is not an expression: {reason}"))
                });
                Self::Regex(regex?)
            }
        })
    }

    /// Whether the text is as it should be.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(expected) => text == expected.as_bytes(),
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Regex(regex) => regex.is_match(&String::from_utf8_lossy(text)),
        }
    }
}

/// Small enough that one request cannot keep a worker busy: the cost of a match is the size of the expression times that of
/// the text.
fn compile(text: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(text).size_limit(128 << 10).build()
}
