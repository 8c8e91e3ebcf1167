//! The language of the script: lines of `callback: op; op`, and ops of words.

/// The ops of one callback, by its turn: the first line for the first call, and so on; the last line stays.
pub(crate) fn line<'a>(script: &'a [u8], callback: &[u8], turn: usize) -> Option<&'a [u8]> {
    let of_callback = |line: &'a [u8]| line.trim_ascii().strip_prefix(callback)?.strip_prefix(b":");
    let mut lines = script.split(|byte| *byte == b'\n').filter_map(of_callback);
    let first = lines.next()?;
    Some(lines.take(turn).last().unwrap_or(first))
}

/// One op: its words, and how it was written.
pub(crate) struct Op {
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) written: String,
}

/// The ops of a line; `;` ends one, a blank ends a word unless it stands in `"..."`. In words `\0`, `\n`, `\"`
/// and `\xNN` are single bytes.
pub(crate) fn ops(line: &[u8]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let (op, after) = op(rest);
        ops.push(op);
        rest = after.trim_ascii();
    }
    ops
}

fn op(text: &[u8]) -> (Op, &[u8]) {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut at, mut quoted, mut inside) = (0, false, false);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b';' if !quoted => break,
            b' ' if !quoted => {
                inside = false;
                continue;
            }
            _ => {}
        }
        if !inside {
            words.push(Vec::new());
            inside = true;
        }
        let word = words.last_mut();
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => {
                let (byte, length) = escape(&text[at..]);
                at += length;
                word.into_iter().for_each(|word| word.push(byte));
            }
            _ => word.into_iter().for_each(|word| word.push(byte)),
        }
    }
    let written = String::from_utf8_lossy(&text[..at]);
    let written = written.trim_end_matches(';').trim().to_owned();
    (Op { words, written }, &text[at..])
}

/// The byte behind a backslash, and how many bytes of text it takes.
fn escape(text: &[u8]) -> (u8, usize) {
    match text {
        [b'0', ..] => (0, 1),
        [b'n', ..] => (b'\n', 1),
        [b'x', high, low, ..] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
            ((digit(high) << 4) | digit(low), 3)
        }
        [byte, ..] => (*byte, 1),
        [] => (b'\\', 0),
    }
}
