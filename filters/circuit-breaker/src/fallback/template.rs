use portcullis_kit::ConfigError;

use crate::denial::Denial;

/// A body with places for what holds when it is sent.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Breaker,
    State,
    RetryAfter,
}

impl Template {
    pub(crate) fn new(text: &str) -> Result<Self, ConfigError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return Err(mistake("{{ without }} behind it"));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name.trim() {
                "breaker" => Piece::Breaker,
                "state" => Piece::State,
                "retry_after" => Piece::RetryAfter,
                other => {
                    let shown: String = other.chars().take(30).collect();
                    return Err(mistake(&format!(
                        "{{{{{}}}}}, which stands for nothing",
                        shown.escape_debug()
                    )));
                }
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    pub(crate) fn render(&self, denial: &Denial<'_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Breaker => plain(denial.breaker),
            Piece::State => denial.state.name().to_owned(),
            Piece::RetryAfter => denial.retry_after(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// What means nothing in JSON, HTML or anywhere else: the key of a breaker may come from a client.
pub(crate) fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:|".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

fn mistake(what: &str) -> ConfigError {
    let remedy = "write {{breaker}}, {{state}} or {{retry_after}}";
    ConfigError::at("", format!("has {what}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;
    use crate::state::State;

    fn rendered(template: &str, breaker: &str) -> String {
        let denial = Denial { reason: Reason::Open, breaker, state: State::Open, wait: 1_500_000_000 };
        Template::new(template).unwrap().render(&denial)
    }

    #[test]
    fn places_are_filled_and_the_rest_stays() {
        assert_eq!(
            rendered("{{breaker}} is {{ state }}: {{retry_after}} s", "orders/a"),
            "orders/a is open: 2 s"
        );
        assert_eq!(rendered(r#"{"a":{"b":"{{state}}"}}"#, ""), r#"{"a":{"b":"open"}}"#);
        assert_eq!(rendered("", ""), "");
    }

    #[test]
    fn a_key_brings_nothing_along() {
        assert_eq!(rendered("{{breaker}}", "a/<b>\"\\\n{{state}}"), "a/_b______state__");
    }

    #[test]
    fn what_stands_for_nothing_is_a_mistake() {
        for text in ["{{", "a {{state", "{{nosuch}}", "{{}}", "{{state}}{{x}}"] {
            let error = Template::new(text).unwrap_err().to_string();
            assert!(error.contains("write {{breaker}}, {{state}} or {{retry_after}}"), "{text}: {error}");
        }
    }
}
