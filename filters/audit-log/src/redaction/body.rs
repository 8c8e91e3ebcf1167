//! What is shown of a body.

use serde_json::Value;

use super::{Redaction, Tally};

/// What is shown of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// This text.
    Text(String),
    /// Nothing: it cannot be told what of it is secret.
    Nothing,
}

impl Redaction {
    /// What of a body is shown, by its type. Of half a JSON text it cannot be told what is what.
    pub(crate) fn body(&self, media_type: &str, bytes: &[u8], is_whole: bool, tally: &mut Tally) -> Shown {
        let text = String::from_utf8_lossy(bytes);
        if media_type == "application/json" || media_type.ends_with("+json") {
            let parsed = is_whole.then(|| portcullis_kit::json::parse_strict(bytes).ok()).flatten();
            let Some(mut value) = parsed else { return Shown::Nothing };
            let paths: Vec<&[String]> = self.json.iter().map(Vec::as_slice).collect();
            self.hide_value(&mut value, &paths, tally);
            let mut out = Vec::new();
            portcullis_audit_chain::canonical::value(&mut out, &value);
            return Shown::Text(String::from_utf8(out).unwrap_or_default());
        }
        if media_type == "application/x-www-form-urlencoded" {
            // JSON that somebody has sent as a form has no names.
            if text.trim_start().starts_with(['{', '[']) {
                return Shown::Nothing;
            }
            return Shown::Text(self.pairs(&text, &self.form, tally));
        }
        Shown::Text(text.into_owned())
    }

    /// Hides what none of the paths leads to. The names of members are shown, and how many items there are.
    fn hide_value(&self, value: &mut Value, paths: &[&[String]], tally: &mut Tally) {
        // A path that ends here shows all that is below.
        if paths.iter().any(|path| path.is_empty()) {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.hide_value(member, &below(paths, name), tally);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.hide_value(item, &below(paths, "*"), tally);
                }
            }
            Value::Null => {}
            Value::String(text) => *text = self.hide(text.as_bytes(), tally),
            other => *other = self.hide(other.to_string().as_bytes(), tally).into(),
        }
    }
}

/// What is left of the paths that go on by this name.
fn below<'a>(paths: &[&'a [String]], name: &str) -> Vec<&'a [String]> {
    let next = paths.iter().filter_map(|path| path.split_first());
    next.filter(|(first, _)| *first == name || *first == "*").map(|(_, rest)| rest).collect()
}
