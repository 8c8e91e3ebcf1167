//! What a line is, before it is read as JSON.

/// What stands before a record in a line of Envoy's log.
const MARK: &[u8] = b"portcullis-audit {";
/// What gives away that a line was a record.
const TRACES: [&[u8]; 3] = [b"\"integrity\":", b"\"attestation_list\":", b"\"class_uid\":"];

/// What is in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Empty,
    /// What should be a record, without what stands around it.
    Record(&'a [u8]),
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
        if let Some(at) = find(line, MARK) {
            return Self::Record(line.get(at + MARK.len() - 1..).unwrap_or_default());
        }
        // A record whose beginning is damaged is not passed over like a line of somebody else.
        match TRACES.iter().any(|trace| find(line, trace).is_some()) {
            true => Self::Record(line),
            false => Self::Other,
        }
    }
}

fn find(line: &[u8], wanted: &[u8]) -> Option<usize> {
    line.windows(wanted.len()).position(|part| part == wanted)
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
            (
                "[info] wasm log: portcullis-audit {\"a\":\"portcullis-audit {\"}\n",
                Line::Record(b"{\"a\":\"portcullis-audit {\"}"),
            ),
            ("[info] starting main dispatch loop", Line::Other),
            ("portcullis-audit no record", Line::Other),
            ("x\"class_uid\":4002}", Line::Record(b"x\"class_uid\":4002}")),
        ] {
            assert_eq!(Line::new(line.as_bytes()), expected, "{line}");
        }
    }
}
