//! YAML, with mistakes told in the words of its users.

use std::fmt;

use portcullis_manifest::Mistake;
use serde::de::DeserializeOwned;
use serde_path_to_error::Track;
use serde_saphyr::Options;

/// A mistake in a file: which file, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// Line and column, where they are known.
    pub position: Option<(u64, u64)>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// The mistake of a file that another one has asked for.
    pub(crate) fn included_by(mut self, file: &str) -> Self {
        let end = self.problem.find('\n').unwrap_or(self.problem.len());
        self.problem.insert_str(end, &format!(" (included by {file})"));
        self
    }
}

/// Reads YAML; `file` is only for the message.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    parse(file, text, Options::default())
}

/// Reads a scenario or what belongs to it: only `true` and `false` are booleans, so that `{contains: y}` is a text.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse_scenario<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    parse(file, text, serde_saphyr::options! { strict_booleans: true })
}

fn parse<T: DeserializeOwned>(file: &str, text: &str, options: Options) -> Result<T, LoadError> {
    let mut track = Track::new();
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        T::deserialize(serde_path_to_error::Deserializer::new(yaml, &mut track))
    });
    read.map_err(|error| {
        let Mistake { position, problem } = Mistake::of(&error, text);
        let problem = placed(&track.path().to_string(), &problem);
        let problem = match position.and_then(|(line, column)| excerpt(text, line, column)) {
            Some(line) => format!("{problem}\n    {line}"),
            None => problem,
        };
        LoadError { file: file.to_owned(), position, problem }
    })
}

/// The problem behind the keys that lead to it; the last of them is left out where the problem names it.
fn placed(path: &str, problem: &str) -> String {
    // The steps are read together with their lines, which adds a level that nobody has written.
    let path = path.replace("].value", "]");
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", &path));
    let path = if problem.contains(&format!("`{last}`")) || last.is_empty() { parent } else { &path };
    // What is no YAML has no keys.
    match path.is_empty() || path.contains('?') {
        true => problem.to_owned(),
        false => format!("{path}: {problem}"),
    }
}

/// The part of a line around a column: enough to find the place, not so much that a token or a key is printed whole.
fn excerpt(text: &str, line: u64, column: u64) -> Option<String> {
    const BEFORE: usize = 40;
    const SHOWN: usize = 80;
    let line = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let start = usize::try_from(column).ok()?.saturating_sub(BEFORE);
    let shown: String = line.chars().skip(start).take(SHOWN).collect();
    let (before, after) =
        (if start > 0 { "..." } else { "" }, if line.chars().count() > start + SHOWN { "..." } else { "" });
    Some(format!("{before}{}{after}", shown.trim()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_mistake_of_type_names_its_keys() {
        type Numbers = BTreeMap<String, Vec<BTreeMap<String, u16>>>;
        let error = parse_yaml::<Numbers>("f", "a:\n  - b: 1\n  - b: x\n").unwrap_err();
        assert_eq!(error.to_string(), "f:3:8: a[1].b: expected a number from 0 to 65535\n    - b: x");
    }

    #[test]
    fn in_scenarios_only_true_and_false_are_booleans() {
        assert_eq!(
            parse_scenario::<serde_json::Value>("f", "[y, no, true]").unwrap(),
            serde_json::json!(["y", "no", true])
        );
    }
}
