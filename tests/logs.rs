//! The catalogue of log lines, docs/logs.md, has every line that a filter can write, and no other. `BLESS=1` writes what comes from the READMEs of the filters.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::root;
use regex_lite::Regex;

const PAGE: &str = "docs/logs.md";
const BEGIN: &str = "<!-- logs: from the READMEs of the filters -->\n";
const END: &str = "<!-- logs: end -->";
const FILTERS: [&str; 5] = ["trace-injection", "audit-log", "jwt-auth", "token-bucket", "circuit-breaker"];

/// A row of a table of lines.
struct Row {
    level: String,
    line: String,
}

#[test]
fn the_catalogue_has_what_the_readmes_have() {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut tables = String::new();
    for filter in FILTERS {
        let readme = fs::read_to_string(root().join(format!("filters/{filter}/README.md"))).unwrap();
        let (_, section) = readme.split_once("\n## Log\n").unwrap();
        let section = section.split("\n## ").next().unwrap().trim();
        write!(tables, "\n### {filter}\n\n{section}\n").unwrap();
    }
    let written = format!("{before}{BEGIN}{tables}\n{END}{after}");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        written,
        "BLESS=1 cargo test -p portcullis-tests --test logs"
    );
}

#[test]
fn every_line_that_the_code_can_write_has_a_row() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = rows(page.split_once("\n## Every line\n").unwrap().1);
    assert!(rows.len() > 30, "{}", rows.len());
    let calls = calls();
    assert!(calls.len() > 20, "{}", calls.len());
    for call in &calls {
        assert!(rows.iter().any(|row| call.writes(row)), "{}: no row for {:?}", call.place, call.text);
    }
    for row in &rows {
        assert!(calls.iter().any(|call| call.writes(row)), "nobody writes {} `{}`", row.level, row.line);
    }
}

#[test]
fn only_records_are_written_for_each_request() {
    // Whoever adds a line at info has to look how often it is written, and to name it here.
    let rare = ["answers again", "fetched again", "{from} -> {to}", "{IN_LOG}"];
    for call in calls().iter().filter(|call| call.level.as_deref() == Some("info")) {
        assert!(rare.iter().any(|text| call.text.contains(text)), "{}: {:?} at info", call.place, call.text);
    }
}

fn rows(page: &str) -> Vec<Row> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter_map(|row| {
        let [_, level, line, ..] = row.as_slice() else { return None };
        let line = line.strip_prefix('`')?.strip_suffix('`')?;
        Some(Row { level: level.clone(), line: line.to_owned() })
    })
    .collect()
}

/// A place in the code that writes to the log.
struct Call {
    place: String,
    /// `None` where it depends.
    level: Option<String>,
    /// The literal of its format.
    text: String,
}

impl Call {
    fn writes(&self, row: &Row) -> bool {
        let pieces = Regex::new(r"\{[^{}]*\}").unwrap();
        let pattern: Vec<_> = pieces.split(&self.text).map(regex_lite::escape).collect();
        let pattern = Regex::new(&pattern.join(".*")).unwrap();
        self.level.as_ref().is_none_or(|level| *level == row.level) && pattern.is_match(&row.line)
    }
}

/// All that is in filters: calls of `log`, and of what calls it with a text of its own.
fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for path in sources(&root().join("filters")) {
        let source = fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let call = Regex::new(r"(\.|\n    )(?:log|complain)\(").unwrap();
        for found in call.find_iter(source) {
            let arguments = arguments(&source[found.end()..]);
            let Some(text) = literal(arguments) else { continue };
            let level = arguments.split_once("Level::").map(|(_, rest)| {
                rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
            });
            let line = source[..found.start()].lines().count();
            calls.push(Call { place: format!("{}:{line}", path.display()), level, text });
        }
    }
    calls
}

/// What stands in the parentheses that have just been opened.
fn arguments(source: &str) -> &str {
    let mut depth = 1;
    let mut is_text = false;
    let mut is_escaped = false;
    let end = source.find(|c| {
        match c {
            '"' if !is_escaped => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text => depth -= 1,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        depth == 0
    });
    &source[..end.unwrap_or(source.len())]
}

/// The first literal, as it is written out: without escapes, and with its braces.
fn literal(arguments: &str) -> Option<String> {
    let (_, rest) = arguments.split_once('"')?;
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(text),
            '\\' => text.extend(characters.next().filter(|next| *next != '\n')),
            other => text.push(other),
        }
    }
    None
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if !["tests", "testing"].contains(&name.as_str()) => found.extend(sources(&path)),
            false if name.ends_with(".rs") && name != "tests.rs" => found.push(path),
            _ => {}
        }
    }
    found
}
