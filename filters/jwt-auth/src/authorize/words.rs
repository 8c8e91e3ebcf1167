//! Space-delimited lists, as in `scope` (RFC 8693 section 4.2, RFC 9068 section 2.2.3).

use portcullis_kit::ConfigError;
use serde_json::{Map, Value};

const MAX_WORD: usize = 256;

/// The words of a claim: a text with spaces between them, or a list with one in each place.
///
/// `None` for anything else, and where another reader may see other words: a tab or a line break in the text, a space in the
/// place of a list.
pub(super) fn words(claim: &Value) -> Option<Vec<&str>> {
    let words: Vec<&str> = match claim {
        Value::String(text) => text.split(' ').filter(|word| !word.is_empty()).collect(),
        Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    words.iter().all(|word| is_word(word)).then_some(words)
}

/// The scopes of a token, out of `scope` or `scp`. `None` where it has neither, or both and they differ.
pub(super) fn scopes(payload: &Map<String, Value>) -> Option<Vec<&str>> {
    match (payload.get("scope"), payload.get("scp")) {
        (None, None) => None,
        (Some(claim), None) | (None, Some(claim)) => words(claim),
        (Some(scope), Some(scp)) => {
            let (scope, scp) = (sorted(words(scope)?), sorted(words(scp)?));
            (scope == scp).then_some(scope)
        }
    }
}

fn sorted(mut words: Vec<&str>) -> Vec<&str> {
    words.sort_unstable();
    words.dedup();
    words
}

/// Checks words of the configuration; `syntax` says what one is made of.
pub(super) fn checked(
    words: Vec<String>,
    syntax: fn(&str) -> bool,
    remedy: &str,
) -> Result<Vec<String>, ConfigError> {
    if words.is_empty() {
        return Err(ConfigError::at("", format!("empty; {remedy}")));
    }
    match words.iter().find(|word| word.len() > MAX_WORD || !syntax(word)) {
        Some(word) => {
            let start: String = word.chars().take(MAX_WORD).collect();
            Err(ConfigError::at("", format!("{start:?}; {remedy}, each of at most {MAX_WORD} bytes")))
        }
        None => Ok(words),
    }
}

pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The `scope-token` of RFC 6749 section 3.3, which may stand in a challenge as it is.
pub(super) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_between_spaces_or_in_a_list() {
        assert_eq!(words(&json!(" a  b:c ")), Some(vec!["a", "b:c"]));
        assert_eq!(words(&json!(["a", "b:c"])), Some(vec!["a", "b:c"]));
        assert_eq!(words(&json!("")), Some(vec![]));
        assert_eq!(words(&json!([])), Some(vec![]));
        for claim in [
            json!("a\tb"),
            json!("a\nb"),
            json!("a\u{a0}b"),
            json!(["a b"]),
            json!([""]),
            json!(["a", 1]),
            json!(1),
            json!(null),
            json!({"a": true}),
        ] {
            assert_eq!(words(&claim), None, "{claim}");
        }
    }

    #[test]
    fn two_claims_of_scopes_must_agree() {
        let of = |claims: Value| scopes(claims.as_object().unwrap()).map(|s| s.join(" "));
        assert_eq!(of(json!({"scope": "a b"})).as_deref(), Some("a b"));
        assert_eq!(of(json!({"scp": ["a", "b"]})).as_deref(), Some("a b"));
        assert_eq!(of(json!({"scp": "a b"})).as_deref(), Some("a b"));
        assert_eq!(of(json!({"scope": "b a b", "scp": ["a", "b"]})).as_deref(), Some("a b"));
        assert_eq!(of(json!({"scope": "a", "scp": ["a", "b"]})), None);
        assert_eq!(of(json!({"scope": "a", "scp": null})), None);
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn a_scope_has_only_what_a_challenge_may_hold() {
        assert!(is_scope("orders:write") && is_scope("https://example.com/a!~[]#"));
        for bad in ["", "a b", "a\"b", "a\\b", "a\u{7f}", "é", "a\nb"] {
            assert!(!is_scope(bad), "{bad:?}");
        }
    }
}
