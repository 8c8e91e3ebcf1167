//! Records among the lines of Envoy's log.

/// What stands before a record in Envoy's log, at the beginning of what the filter says there.
pub const LOG_MARK: &str = "portcullis-audit ";

/// A record in a line of Envoy's log, without what stands before it; `None` where the line is of something else.
///
/// Other lines of the same file are of anybody: a client can put the mark into an access log. So it counts only where Envoy itself has put it: behind
/// its own head of a line of this kind, or at the beginning, which is where the format `%v` has it.
pub fn logged(line: &[u8]) -> Option<&[u8]> {
    message(line.trim_ascii()).filter(|text| text.starts_with(b"{"))
}

/// What stands behind the mark.
pub(crate) fn message(line: &[u8]) -> Option<&[u8]> {
    behind_head(line).unwrap_or(line).strip_prefix(LOG_MARK.as_bytes())
}

/// What a plugin says in a line that begins as Envoy's own format has it:
/// `[2026-11-28 22:56:40.165][18338][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log NAME: `.
fn behind_head(line: &[u8]) -> Option<&[u8]> {
    let (time, line) = bracket(line)?;
    let (thread, line) = bracket(line)?;
    let (level, line) = bracket(line)?;
    let (logger, line) = bracket(line)?;
    let (source, line) = bracket(line.strip_prefix(b" ")?)?;
    let is_head = time.iter().all(|byte| byte.is_ascii_digit() || b"-:. ".contains(byte))
        && thread.iter().all(u8::is_ascii_digit)
        && level.iter().all(u8::is_ascii_lowercase)
        && logger == b"wasm"
        && !source.contains(&b' ');
    let line = line.strip_prefix(b" wasm log").filter(|_| is_head)?;
    // The name is of the configuration, what follows it of whoever the plugin speaks of: the first colon counts.
    let end = line.windows(2).position(|part| part == b": ")?;
    line.get(end + 2..)
}

/// What is between brackets, and what follows them.
fn bracket(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(b"[")?;
    let end = line.iter().position(|byte| *byte == b']').filter(|end| *end > 0)?;
    Some((line.get(..end)?, line.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[2026-11-28 22:56:40.165][18338][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log";

    #[test]
    fn the_mark_counts_where_envoy_has_put_it() {
        for (line, expected) in [
            (format!("{HEAD} audit-log: portcullis-audit {{\"a\":1}}\r\n"), Some("{\"a\":1}")),
            (
                format!("{HEAD} audit vm_1: portcullis-audit {{\"a\":\"portcullis-audit {{\"}}"),
                Some("{\"a\":\"portcullis-audit {\"}"),
            ),
            (format!("{HEAD}: portcullis-audit {{"), Some("{")),
            ("portcullis-audit {}".to_owned(), Some("{}")),
            (format!("{HEAD} audit-log: portcullis-audit x"), None),
            (format!("{HEAD} jwt-auth: no token: portcullis-audit {{}}"), None),
            (format!("{HEAD} jwt-auth: portcullis-audit: portcullis-audit {{}}"), None),
            (format!("x{HEAD} audit-log: portcullis-audit {{}}"), None),
            (format!("GET / \"{HEAD} audit-log: portcullis-audit {{}}\""), None),
            (HEAD.replace("wasm]", "lua]") + " audit-log: portcullis-audit {}", None),
            ("[2026-11-28T22:56:40.165Z] \"GET / HTTP/1.1\" \"portcullis-audit {\"".to_owned(), None),
            ("[info] wasm log: portcullis-audit {}".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(logged(line.as_bytes()), expected.map(str::as_bytes), "{line}");
        }
    }
}
