use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use log::Level;
use portcullis_sim::http::LogLine;

/// The log format that [`LogFile`] reads: level, logger, text. With `--log-format-escaped` an entry is one line,
/// so that no plugin can fake the entry of somebody else.
pub(crate) const FORMAT: &str = "%l %n %v";

/// What is read of the log at a time, at most.
const MAX_READ: u64 = 64 << 20;

/// Envoy's log, read as it grows.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    prefixes: Vec<String>,
    read: u64,
}

impl LogFile {
    /// The log at `path`; `prefixes` are what stands before plugins' lines, the longest first.
    pub(crate) fn new(path: &Path, prefixes: Vec<String>) -> Self {
        Self { path: path.to_owned(), prefixes, read: 0 }
    }

    /// The entries since the last call; one that is still being written comes with the next.
    pub(crate) fn entries(&mut self) -> io::Result<Vec<Entry>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(whole);
        self.read += whole as u64;
        let lines = bytes.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| Entry::parse(line, &self.prefixes)).collect())
    }
}

/// One entry of Envoy's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The plugin wrote it.
    Plugin(LogLine),
    /// The plugin trapped; the text names the callback and the backtrace.
    Trap(String),
    /// Envoy complains.
    Complaint(String),
}

impl Entry {
    fn parse(line: &[u8], prefixes: &[String]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let mut parts = line.splitn(3, ' ');
        let level = level(parts.next()?)?;
        let logger = parts.next()?;
        let text = unescape(parts.next()?);
        if logger == "wasm"
            && let Some(message) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))
        {
            return Some(Self::Plugin(LogLine { level, message: message.to_owned() }));
        }
        if logger == "wasm" && text.starts_with("Function: ") && text.contains(" failed: ") {
            return Some(Self::Trap(text));
        }
        (level == Level::Error).then_some(Self::Complaint(text))
    }
}

fn level(name: &str) -> Option<Level> {
    match name {
        "trace" => Some(Level::Trace),
        "debug" => Some(Level::Debug),
        "info" => Some(Level::Info),
        "warning" => Some(Level::Warn),
        "error" | "critical" => Some(Level::Error),
        _ => None,
    }
}

/// Undoes C escapes: `\n`, `\r`, `\t`, three octal digits, and a backslash before anything else.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(high @ b'0'..=b'3') => bytes.push(octal(high, rest.next(), rest.next())),
            other => bytes.extend(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(high: u8, middle: Option<u8>, low: Option<u8>) -> u8 {
    [Some(high), middle, low].into_iter().flatten().fold(0, |sum, digit| (sum << 3) | (digit & 7))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn prefixes() -> Vec<String> {
        ["wasm log chain: one portcullis: ", "wasm log portcullis: "].map(str::to_owned).to_vec()
    }

    fn parse(line: &[u8]) -> Option<Entry> {
        Entry::parse(line, &prefixes())
    }

    #[test]
    fn a_plugin_line_keeps_its_level_and_loses_the_prefix() {
        let line = |level, message: &str| Some(Entry::Plugin(LogLine { level, message: message.to_owned() }));
        assert_eq!(parse(b"warning wasm wasm log portcullis: a: b"), line(Level::Warn, "a: b"));
        assert_eq!(parse(b"critical wasm wasm log portcullis: gone"), line(Level::Error, "gone"));
        assert_eq!(parse(b"trace wasm wasm log portcullis: "), line(Level::Trace, ""));
        assert_eq!(parse(b"info wasm wasm log chain: one portcullis: b: c"), line(Level::Info, "b: c"));
        assert_eq!(parse(b"info wasm wasm log somebody else: b"), None);
    }

    #[test]
    fn escapes_become_the_bytes_that_the_plugin_wrote() {
        assert_eq!(unescape(r#"h\"l\\\303\244:\n\t\'x\'"#), "h\"l\\\u{e4}:\n\t'x'");
        assert_eq!(unescape(r"\377\000"), "\u{fffd}\0");
        assert_eq!(unescape(r"cut off\"), "cut off");
    }

    #[test]
    fn envoy_s_own_lines_are_not_the_plugin_s() {
        let trap =
            br"error wasm Function: proxy_on_configure failed: Uncaught RuntimeError: unreachable\n  0: x";
        let text = "Function: proxy_on_configure failed: Uncaught RuntimeError: unreachable\n  0: x";
        assert_eq!(parse(trap), Some(Entry::Trap(text.to_owned())));
        assert_eq!(parse(b"trace wasm [host->vm] proxy_on_configure(1, 3)"), None);
        assert_eq!(parse(b"critical main no"), Some(Entry::Complaint("no".to_owned())));
        assert_eq!(parse(b"warning main wasm log portcullis: not from the wasm logger"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_growing_file_is_read_by_whole_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("envoy.log");
        let mut log = LogFile::new(&path, prefixes());
        fs::write(&path, "error main one\nerror main tw").unwrap();
        assert_eq!(log.entries().unwrap(), [Entry::Complaint("one".to_owned())]);
        fs::write(&path, "error main one\nerror main two\n").unwrap();
        assert_eq!(log.entries().unwrap(), [Entry::Complaint("two".to_owned())]);
    }
}
