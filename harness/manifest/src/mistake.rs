//! What the parser of YAML says against a text, in the words of those who write YAML, and where they have to look.

use serde::de::IgnoredAny;
use serde_saphyr::Error;

/// A mistake in a text: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line and column, where they are known.
    pub position: Option<(u64, u64)>,
    /// What is wrong.
    pub problem: String,
}

impl Mistake {
    /// What an error of the parser means for the text that it has read.
    ///
    /// The parser tells where it could not go on. Where the cause is certain, it is told instead; else the parser's words stay.
    pub fn of(error: &Error, text: &str) -> Self {
        let position = position(error);
        let message = message(error);
        let cause = position.and_then(|(line, _)| {
            tab(text, line, &message).or_else(|| colon(text, line, &message)).or_else(|| bracket(text, line))
        });
        cause.unwrap_or_else(|| Self { position, problem: plain(&message) })
    }

    fn at(line: usize, column: usize, problem: String) -> Self {
        Self { position: Some((line as u64 + 1, column as u64 + 1)), problem }
    }
}

fn position(error: &Error) -> Option<(u64, u64)> {
    error.location().map(|location| (location.line(), location.column()))
}

fn message(error: &Error) -> String {
    let message = error.without_snippet().to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or_default().to_owned()
}

/// The parser's message in the words of YAML.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        (", set DuplicateKeyPolicy in Options if acceptable", "; a key stands once"),
        ("simple key expected ':'", "neither `key: value` nor `- item`"),
        ("expected mapping start", "expected a mapping, `key: value`"),
        ("expected sequence start", "expected a list, `- item`"),
        ("expected string scalar", "expected a text"),
        ("invalid u16", "expected a number from 0 to 65535"),
        ("invalid u64", "expected a whole number"),
        ("invalid usize", "expected a whole number"),
        ("invalid bool", "expected true or false"),
    ];
    if let Some((_, nodes)) = message.split_once("budget breached: Nodes { nodes: ") {
        let most = nodes.split(' ').next().and_then(|nodes| nodes.parse::<u64>().ok());
        let most = most.map_or(0, |nodes| nodes.saturating_sub(1));
        return format!("aliases unfold to more than {most} nodes; write less, or in several files");
    }
    WORDS.iter().fold(message.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

/// A tab in the indentation, which the parser tells at the beginning of a value that goes on there.
fn tab(text: &str, line: u64, message: &str) -> Option<Mistake> {
    let told = usize::try_from(line).ok()?.checked_sub(1)?;
    let (first, count) = match message {
        _ if message.contains("tabs disallowed") => (told, 1),
        _ if message.contains("found a tab") => (told + 1, usize::MAX),
        _ => return None,
    };
    let lines = text.lines().enumerate().skip(first).take(count);
    let (line, column) = lines.filter(|(_, line)| !line.trim().is_empty()).find_map(|(number, line)| {
        let indentation = line.len() - line.trim_start().len();
        line.get(..indentation)?.find('\t').map(|column| (number, column))
    })?;
    Some(Mistake::at(line, column, "a tab in the indentation; indent with blanks".to_owned()))
}

/// `key:value`, in the line that the parser tells or in the one before: with a blank in it, the parser gets further.
fn colon(text: &str, line: u64, message: &str) -> Option<Mistake> {
    if !message.contains("simple key expected") && !message.contains("mapping values are not allowed") {
        return None;
    }
    let told = usize::try_from(line).ok()?.checked_sub(1)?;
    [Some(told), told.checked_sub(1)].into_iter().flatten().find_map(|number| {
        let line = text.lines().nth(number)?;
        let start = line.find(|c: char| !c.is_whitespace() && c != '-')?;
        let (name, value) = line.get(start..)?.split_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(is_name) || value.starts_with(char::is_whitespace) {
            return None;
        }
        let end = start + name.len() + 1;
        let parts = [lines_before(text, number), line.get(..end)?, " ", line.get(end..)?, "\n"];
        let is_mended = further(&parts.concat(), text, number);
        is_mended.then(|| Mistake::at(number, start, format!("no blank behind `{name}:`; write one")))
    })
}

/// Whether a beginning of a text, which ends with this line and is mended in it, is read, and the next line with it.
fn further(mended: &str, text: &str, line: usize) -> bool {
    let next = text.lines().nth(line + 1).map(|next| format!("{mended}{next}\n"));
    read(mended).is_ok() && next.is_none_or(|next| read(&next).is_ok())
}

/// A bracket that is open at the beginning of the line that the parser tells, and that nothing closes from there on.
fn bracket(text: &str, line: u64) -> Option<Mistake> {
    let number = usize::try_from(line).ok()?.checked_sub(1).filter(|number| *number > 0)?;
    let before = lines_before(text, number);
    let error = read(before).err()?;
    let bracket =
        ['[', '{'].into_iter().find(|it| message(&error).contains(&format!("unclosed bracket '{it}'")))?;
    let mut depth = 0_i64;
    let is_closed = text.get(before.len()..)?.chars().any(|c| {
        depth += i64::from("[{".contains(c)) - i64::from("]}".contains(c));
        depth < 0
    });
    let problem = format!("this {bracket} is still open in line {line}; close it");
    (!is_closed).then(|| Mistake { position: position(&error), problem })
}

fn lines_before(text: &str, number: usize) -> &str {
    let length = text.split_inclusive('\n').take(number).map(str::len).sum();
    text.get(..length).unwrap_or_default()
}

fn read(text: &str) -> Result<(), Error> {
    serde_saphyr::from_multiple::<IgnoredAny>(text).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mistake = Mistake::of(&read(text).unwrap_err(), text);
        let (line, column) = mistake.position.unwrap();
        format!("{line}:{column}: {}", mistake.problem)
    }

    #[test]
    fn a_tab_is_told_where_it_is() {
        const TAB: &str = "a tab in the indentation; indent with blanks";
        for (text, place) in [
            ("a:\n  - b: 1\n    c: x\n\n\td: [e]\n", "5:1"),
            ("a:\n  - b: 1\n    c: x\n  \td: [e]\n", "4:3"),
            ("a:\n\t- b: 1\n", "2:1"),
            ("a: \"x\"\n\tb: 1\n", "2:1"),
        ] {
            assert_eq!(told(text), format!("{place}: {TAB}"), "{text:?}");
        }
    }

    #[test]
    fn a_bracket_is_told_where_it_opens() {
        for text in
            ["a:\n  - b: [c\n    d: e\n", "a:\n  - b: [c,\n    d: e\nf: [g]\n", "a:\n  - b: [c\n  - b: [d]\n"]
        {
            let told = told(text);
            assert!(told.starts_with("2:8: this [ is still open in line "), "{text:?}: {told}");
        }
        assert_eq!(told("a:\n  b: {c: 1\n  d: 2\n"), "2:6: this { is still open in line 3; close it");
        // Something else is wrong where it is closed.
        assert_eq!(told("a: [b\n c: d]\n"), "2:3: illegal placement of ':' indicator");
        assert!(told("a: {b: 1\n c: 2}\n").contains("did not find expected ',' or '}'"));
    }

    #[test]
    fn a_missing_blank_is_told_where_it_is_missing() {
        for (text, place) in [
            ("a:\n  - b: 1\n    issuer:https://x\n    c: 2\n", "3:5"),
            ("a:\n  - b: 1\n    issuer:https://x\n", "3:5"),
            ("issuer:https://x\nb: 1\n", "1:1"),
            ("a:\n  - issuer:https://x\n    b: 1\n", "2:5"),
        ] {
            assert_eq!(told(text), format!("{place}: no blank behind `issuer:`; write one"), "{text:?}");
        }
        assert_eq!(told("a: 1\nhttps or so://x\n"), "2:1: neither `key: value` nor `- item`");
        assert_eq!(told("a: b: c\n"), "1:5: mapping values are not allowed in this context");
        assert_eq!(told("a: b\n  http://x\n  c: d\n"), "3:4: mapping values are not allowed in this context");
    }
}
