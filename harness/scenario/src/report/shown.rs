//! Texts of plugins, upstreams and scenario files on their way to a terminal or the log of a CI system, which both obey some.

use crate::expectation::Mismatch;

/// Bytes of a value that are shown.
const MOST: usize = 2 << 10;
/// Of those, how many before the first difference.
const BEFORE: usize = 512;
/// With these, agents of CI systems recognise a command anywhere in a line.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// A text for people: control characters are escaped, nothing in it is a command to a CI system, and each line after the
/// first begins with a bar, so that it cannot pass for a line of the report.
pub fn shown(text: &str) -> String {
    text.split('\n').map(shown_line).collect::<Vec<_>>().join("\n| ")
}

/// A text as a single line, as [`shown`]; line feeds are escaped too.
pub fn shown_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_active(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    for command in COMMANDS {
        out = out.replace(command, &command.replacen('#', "\\u{23}", 1));
    }
    // GitHub's agent looks for this at the start of a line, behind any spaces.
    match out.trim_start().starts_with("::") {
        true => out.replacen(':', "\\u{3a}", 1),
        false => out,
    }
}

/// What moves the cursor, ends a line, or turns the direction of the text.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The start of a text that may be long, with its length if that is not all.
pub(super) fn cut(text: &str) -> String {
    around(text, 0)
}

/// What is expected and what was found; of long values only what stands around their first difference.
pub(super) fn sides(mismatch: &Mismatch) -> (String, String) {
    let (expected, found) = (&mismatch.expected, &mismatch.found);
    let same = expected.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count();
    (around(expected, same), around(found, same))
}

fn around(text: &str, place: usize) -> String {
    if text.len() <= MOST {
        return text.to_owned();
    }
    let start = text.floor_char_boundary(place.saturating_sub(BEFORE));
    let end = text.floor_char_boundary(start.saturating_add(MOST));
    let part = text.get(start..end).unwrap_or_default();
    let (before, after) = (if start > 0 { "..." } else { "" }, if end < text.len() { "..." } else { "" });
    let break_or_space = if part.contains('\n') { '\n' } else { ' ' };
    let end = start + part.len();
    format!("{before}{part}{after}{break_or_space}(bytes {start} to {end} of {})", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed_by_terminals_and_ci_systems() {
        assert_eq!(shown("a\r\x1b[2J\u{9b}\u{202e}\tb"), r"a\r\u{1b}[2J\u{9b}\u{202e}\tb");
        assert_eq!(shown("é ::x:: # ## [y]"), "é ::x:: # ## [y]");
        assert_eq!(shown("a\n::error::b\n"), "a\n| \\u{3a}:error::b\n| ");
        assert_eq!(shown_line("a\n  b"), r"a\n  b");
        assert_eq!(shown_line("  ::error::b"), r"  \u{3a}:error::b");
        for command in COMMANDS {
            assert!(!shown(&format!("a {command}x]")).contains(command));
        }
        let once = shown_line("::a\x07##[b]");
        assert_eq!(shown_line(&once), once);
    }

    #[test]
    fn long_values_are_cut_around_their_first_difference() {
        let (a, b) = (format!("{}X{}", "é".repeat(5000), "c".repeat(5000)), "é".repeat(5000));
        let (expected, found) = sides(&Mismatch::new("body", &a, &b));
        assert!(
            expected.contains("éXc") && expected.ends_with("(bytes 9488 to 11536 of 15001)"),
            "{expected}"
        );
        assert!(found.ends_with("é (bytes 9488 to 10000 of 10000)"), "{found}");
        assert_eq!(sides(&Mismatch::new("s", 1, 2)), ("1".into(), "2".into()));
        assert!(cut(&"x".repeat(1 << 20)).len() < MOST + 100);
    }
}
