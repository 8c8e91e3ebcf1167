//! How the text of a field is chosen.

use regex_lite::{Regex, RegexBuilder};

/// The longest text that may leave something open. Matching takes time by its length.
const LONGEST: usize = 4 << 10;

/// Which texts are meant.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// This one.
    Exact(String),
    /// This one, in upper or lower case.
    AnyCase(String),
    /// Those that begin with it.
    Prefix(String),
    /// Those that have this form.
    Form(Regex),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl std::error::Error for TooLong {}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too long for a pattern; write a shorter one, with * for the rest")
    }
}

impl Pattern {
    /// The text itself, or what it leaves open by `*`.
    ///
    /// # Errors
    /// A pattern of many thousand characters.
    pub fn text(text: &str) -> Result<Self, TooLong> {
        match text.contains('*') {
            true => form(text, ".*", false),
            false => Ok(Self::Exact(text.to_owned())),
        }
    }

    /// As [`Self::text`], in upper or lower case: hosts and methods.
    ///
    /// # Errors
    /// A pattern of many thousand characters.
    pub fn any_case(text: &str) -> Result<Self, TooLong> {
        match text.contains('*') {
            true => form(text, ".*", true),
            false => Ok(Self::AnyCase(text.to_owned())),
        }
    }

    /// Paths that begin with the text. With `*` in it, it is the whole path: `*` leaves open what is between two slashes, `**` anything.
    ///
    /// # Errors
    /// A pattern of many thousand characters.
    pub fn path(text: &str) -> Result<Self, TooLong> {
        match text.contains('*') {
            true => form(text, "[^/]*", false),
            false => Ok(Self::Prefix(text.to_owned())),
        }
    }

    /// Whether a text is meant.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(expected) => text == expected,
            Self::AnyCase(expected) => text.eq_ignore_ascii_case(expected),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Form(form) => form.is_match(text),
        }
    }
}

fn form(text: &str, star: &str, any_case: bool) -> Result<Pattern, TooLong> {
    if text.len() > LONGEST {
        return Err(TooLong);
    }
    let parts =
        text.split("**").map(|part| part.split('*').map(regex_lite::escape).collect::<Vec<_>>().join(star));
    let whole = format!("^(?:{})$", parts.collect::<Vec<_>>().join(".*"));
    let regex = RegexBuilder::new(&whole).dot_matches_new_line(true).case_insensitive(any_case).build();
    regex.map(Pattern::Form).map_err(|_| TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_meant_as_it_is_or_by_its_form() {
        let matches = |pattern: &str, text| Pattern::text(pattern).unwrap().matches(text);
        assert!(matches("alice", "alice") && !matches("alice", "Alice") && !matches("alice", "alice2"));
        assert!(matches("svc-*", "svc-a/b\nc") && matches("*", "") && !matches("svc-*", "my-svc-"));
        assert!(matches("a.*", "a.b") && !matches("a.*", "ab"));
        let matches = |pattern: &str, text| Pattern::any_case(pattern).unwrap().matches(text);
        assert!(matches("get", "GET") && matches("*.EXAMPLE", "shop.example") && !matches("get", "GETS"));
    }

    #[test]
    fn a_path_is_meant_by_its_start_or_as_a_whole() {
        let matches = |pattern: &str, text| Pattern::path(pattern).unwrap().matches(text);
        assert!(
            matches("/orders", "/orders")
                && matches("/orders", "/orders/7")
                && !matches("/orders", "/my/orders")
        );
        assert!(matches("/orders/*", "/orders/7") && !matches("/orders/*", "/orders/7/items"));
        assert!(matches("/**/items", "/orders/7/items") && !matches("/**/items", "/orders/7/items/1"));
        assert!(matches("/a+b/*", "/a+b/(") && !matches("/a+b/*", "/aab/("));
    }

    #[test]
    fn an_endless_pattern_is_refused() {
        assert_eq!(Pattern::text(&"a*".repeat(LONGEST)).unwrap_err(), TooLong);
    }
}
