//! What a line is, before it is read as JSON.

use crate::log;

/// What gives away that a line was a record.
const TRACES: [&[u8]; 3] = [b"\"integrity\":", b"\"attestation_list\":", b"\"class_uid\":"];

/// What is in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Empty,
    /// What should be a record, alone on its line.
    Record(&'a [u8]),
    /// What should be a record in Envoy's log, without what stands before it.
    Logged(&'a [u8]),
    /// What may have been a record, unless it is of somebody who writes to the same file.
    Trace(&'a [u8]),
    /// Something else.
    Other,
}

impl<'a> Line<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        let line = line.trim_ascii();
        match line.first() {
            None => return Self::Empty,
            Some(b'{') => return Self::Record(line),
            Some(_) => (),
        }
        match log::message(line) {
            Some(text) if text.starts_with(b"{") || has_trace(text) => Self::Logged(text),
            None if has_trace(line) => Self::Trace(line),
            _ => Self::Other,
        }
    }
}

/// Whether a line has something that only records have, also where it is none any more.
fn has_trace(line: &[u8]) -> bool {
    TRACES.iter().any(|trace| line.windows(trace.len()).any(|part| part == *trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stands_alone_or_behind_the_mark() {
        for (line, expected) in [
            ("", Line::Empty),
            (" \r\n", Line::Empty),
            (" {\"a\":\"portcullis-audit {\"}\r\n", Line::Record(b"{\"a\":\"portcullis-audit {\"}")),
            ("portcullis-audit {\"a\":1}\n", Line::Logged(b"{\"a\":1}")),
            ("portcullis-audit \"class_uid\":1}", Line::Logged(b"\"class_uid\":1}")),
            ("[info] starting main dispatch loop", Line::Other),
            ("GET / \"portcullis-audit {\"", Line::Other),
            ("portcullis-audit no record", Line::Other),
            ("x\"class_uid\":4002}", Line::Trace(b"x\"class_uid\":4002}")),
        ] {
            assert_eq!(Line::new(line.as_bytes()), expected, "{line}");
        }
    }
}
