use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::http::HeaderList;
use crate::{Callback, Hostcall, Refusal, Status};

/// More than any readable run has; what comes after is counted, not kept.
const ENTRIES: usize = 100_000;
/// How many bytes of text all entries have together; what comes after is counted likewise.
const BYTES: usize = 32 << 20;
/// How much of a long name or value a line shows.
const SHOWN_BYTES: usize = 96;
/// How many headers of a long list a line shows.
const SHOWN_HEADERS: usize = 100;
/// How many hostcalls the report of a trap names.
const RECENT: usize = 5;
/// How many hints are kept until somebody asks.
const HINTS: usize = 10;

/// One hostcall or one callback of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Which VM; [`Sim::vm_name`](crate::Sim::vm_name) tells what it is for.
    pub vm: usize,
    /// The context whose callback this is, or in whose callback this hostcall was made.
    pub context: u32,
    /// Whether the proxy called the plugin (`true`) or the plugin the proxy.
    pub is_callback: bool,
    /// The name in the ABI: `proxy_get_property`, `proxy_on_request_headers`.
    pub name: &'static str,
    /// The arguments, readable, long ones cut.
    pub arguments: String,
    /// How the hostcall ended; [`Status::Ok`] for a callback.
    pub status: Status,
    /// Why, unless it ended well.
    pub reason: Option<String>,
    /// What came back, readable; empty when nothing does.
    pub returned: String,
}

impl std::fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let indent = if self.is_callback { "" } else { "    " };
        write!(f, "{indent}{}({})", self.name, self.arguments)?;
        match (&self.reason, self.is_callback) {
            (Some(reason), _) => write!(f, " = {} ({reason})", self.status),
            (None, true) if self.returned.is_empty() => Ok(()),
            (None, true) => write!(f, " = {}", self.returned),
            (None, false) if self.returned.is_empty() => write!(f, " = {}", self.status),
            (None, false) => write!(f, " = {} {}", self.status, self.returned),
        }
    }
}

/// The record of a run, and the last few hostcalls even when nothing is recorded.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    on: bool,
    entries: Vec<JournalEntry>,
    bytes: usize,
    lost: u64,
    recent: VecDeque<(&'static str, Result<(), Refusal>)>,
    hints: Vec<String>,
    open_callback: Option<usize>,
}

impl Journal {
    pub(crate) fn set(&mut self, on: bool) {
        self.on = on;
    }

    pub(crate) fn entries(&self) -> &[JournalEntry] {
        &self.entries
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn recent(&self) -> impl Iterator<Item = String> {
        self.recent.iter().map(|(name, result)| match result {
            Ok(()) => format!("{name}: OK"),
            Err(refusal) => format!("{name}: {refusal}"),
        })
    }

    pub(crate) fn hostcall<T: Shown>(
        &mut self,
        (vm, context): (usize, u32),
        name: &'static str,
        arguments: &[&dyn Shown],
        result: &Hostcall<T>,
    ) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((name, result.as_ref().map(|_| ()).map_err(Clone::clone)));
        if let Err(refusal) = result
            && !matches!(refusal.status, Status::NotFound | Status::Empty)
        {
            self.hint(format!("{name}: {refusal}"));
        }
        if !self.on {
            return;
        }
        let (status, reason, returned) = match result {
            Ok(value) => (Status::Ok, None, show(value)),
            Err(refusal) => (refusal.status, Some(refusal.reason.clone()), String::new()),
        };
        let arguments = arguments.iter().map(|argument| show(*argument)).collect::<Vec<_>>().join(", ");
        self.push(JournalEntry {
            vm,
            context,
            is_callback: false,
            name,
            arguments,
            status,
            reason,
            returned,
        });
    }

    pub(crate) fn callback(&mut self, vm: usize, callback: &Callback) {
        self.open_callback = None;
        if !self.on {
            return;
        }
        let export = callback.export();
        let arguments = export.arguments.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        self.open_callback = Some(self.entries.len());
        self.push(JournalEntry {
            vm,
            context: callback.context(),
            is_callback: true,
            name: export.name,
            arguments,
            status: Status::Ok,
            reason: None,
            returned: String::new(),
        });
    }

    /// Keeps a sentence for whoever wonders why something went wrong.
    pub(crate) fn hint(&mut self, text: String) {
        if self.hints.len() < HINTS && !self.hints.contains(&text) {
            self.hints.push(text);
        }
    }

    pub(crate) fn take_hints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.hints)
    }

    pub(crate) fn open_callback(&self) -> Option<usize> {
        self.open_callback
    }

    pub(crate) fn set_open_callback(&mut self, open: Option<usize>) {
        self.open_callback = open;
    }

    /// Writes down what the callback returned, beside its call.
    pub(crate) fn returned(&mut self, text: impl FnOnce() -> String) {
        if let Some(entry) = self.open_callback.take().and_then(|at| self.entries.get_mut(at)) {
            entry.returned = text();
        }
    }

    fn push(&mut self, entry: JournalEntry) {
        let reason = entry.reason.as_ref().map_or(0, String::len);
        let bytes = self.bytes.saturating_add(entry.arguments.len() + entry.returned.len() + reason);
        if self.lost == 0 && self.entries.len() < ENTRIES && bytes <= BYTES {
            self.bytes = bytes;
            self.entries.push(entry);
        } else {
            self.lost += 1;
        }
    }
}

/// A value that a journal line can show.
pub trait Shown {
    /// Writes the value, short.
    fn show(&self, line: &mut String);
}

fn show(value: &(impl Shown + ?Sized)) -> String {
    let mut text = String::new();
    value.show(&mut text);
    text
}

macro_rules! shown_as_they_are {
    ($($type:ty),*) => {$(
        impl Shown for $type {
            fn show(&self, line: &mut String) {
                line.push_str(&self.to_string());
            }
        }
    )*};
}
shown_as_they_are!(u16, u32, u64, usize, i32, i64, bool, &str, String);

impl Shown for () {
    fn show(&self, _: &mut String) {}
}

impl Shown for [u8] {
    fn show(&self, line: &mut String) {
        let shown = self.get(..SHOWN_BYTES).unwrap_or(self);
        // Writing to a String cannot fail.
        let _ = match std::str::from_utf8(shown) {
            Ok(text) => write!(line, "{text:?}"),
            Err(_) => write!(line, "\"{}\"", shown.escape_ascii()),
        };
        if shown.len() < self.len() {
            let _ = write!(line, "... {} bytes", self.len());
        }
    }
}

impl Shown for &[u8] {
    fn show(&self, line: &mut String) {
        (**self).show(line);
    }
}

impl Shown for Vec<u8> {
    fn show(&self, line: &mut String) {
        self.as_slice().show(line);
    }
}

impl Shown for Option<Vec<u8>> {
    fn show(&self, line: &mut String) {
        if let Some(bytes) = self {
            bytes.show(line);
        }
    }
}

impl Shown for HeaderList {
    fn show(&self, line: &mut String) {
        let fields = self.iter().take(SHOWN_HEADERS);
        let fields: Vec<_> = fields.map(|(name, value)| format!("{}: {}", cut(name), show(value))).collect();
        line.push('{');
        line.push_str(&fields.join(", "));
        if fields.len() < self.len() {
            line.push_str(&format!(", ... {} headers", self.len()));
        }
        line.push('}');
    }
}

/// A name without quotes.
fn cut(name: &[u8]) -> String {
    match name.get(..SHOWN_BYTES) {
        Some(shown) if shown.len() < name.len() => {
            format!("{}... {} bytes", shown.escape_ascii(), name.len())
        }
        _ => name.escape_ascii().to_string(),
    }
}

impl<A: Shown, B: Shown> Shown for (A, B) {
    fn show(&self, line: &mut String) {
        self.0.show(line);
        line.push_str(", ");
        self.1.show(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(count: usize, name: &[u8]) -> HeaderList {
        vec![(name.to_vec(), b"v".to_vec()); count]
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(show(&pairs(2, b"x-a")), r#"{x-a: "v", x-a: "v"}"#);
        let (long, name) = (show(&pairs(1, &[b'n'; 1_000_000])), "n".repeat(96));
        assert_eq!(long, format!(r#"{{{name}... 1000000 bytes: "v"}}"#));
        assert!(show(&pairs(100, b"x")).ends_with(r#"x: "v"}"#));
        assert!(show(&pairs(3_000, b"x")).ends_with(r#"x: "v", ... 3000 headers}"#));
        assert_eq!(show(&vec![b'v'; 97]), format!(r#""{}"... 97 bytes"#, "v".repeat(96)));
    }

    #[test]
    fn it_ends_by_entries_or_by_bytes_and_counts_what_is_lost() {
        for (arguments, calls, kept) in [(1, ENTRIES + 5, ENTRIES), (1 << 20, 50, 32)] {
            let mut journal = Journal::default();
            journal.set(true);
            let arguments = "a".repeat(arguments);
            for _ in 0..calls {
                journal.hostcall((0, 1), "proxy_log", &[&arguments], &Ok(()));
            }
            journal.hostcall((0, 1), "proxy_done", &[], &Ok(()));
            assert_eq!((journal.entries().len(), journal.lost()), (kept, (calls + 1 - kept) as u64));
        }
    }
}
