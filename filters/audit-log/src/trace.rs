//! In which trace a request is (W3C Trace Context).

use portcullis_kit::Headers;

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// 32 hexadecimal digits.
    pub(crate) trace_id: &'a str,
    /// 16 of them.
    pub(crate) span_id: &'a str,
    /// Bit 0: it is recorded.
    pub(crate) flags: u8,
}

/// The place that the upstream was told, or would have been.
pub(crate) fn place(request: &Headers) -> Option<Place<'_>> {
    let value = std::str::from_utf8(request.only("traceparent")?).ok()?;
    let mut parts = value.splitn(5, '-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_id = |id: &str, digits| is_hex(id, digits) && id.bytes().any(|digit| digit != b'0');
    let flags = is_hex(flags, 2).then(|| u8::from_str_radix(flags, 16).ok())??;
    (is_version && is_id(trace_id, 32) && is_id(span_id, 16)).then_some(Place { trace_id, span_id, flags })
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(value: &str) -> Option<(String, String, u8)> {
        let headers = Headers::from_iter([("traceparent", value)]);
        place(&headers).map(|it| (it.trace_id.to_owned(), it.span_id.to_owned(), it.flags))
    }

    #[test]
    fn a_place_is_told_by_its_ids() {
        let expected = ("0af7651916cd43dd8448eb211c80319c".to_owned(), "b7ad6b7169203331".to_owned(), 1);
        assert_eq!(of(TRACEPARENT), Some(expected));
        assert!(of(&format!("{}-more", TRACEPARENT.replacen("00", "01", 1))).is_some());
    }

    #[test]
    fn what_is_no_place_is_none() {
        for value in [
            "",
            "00",
            "a-b-c-d",
            &format!("{TRACEPARENT}-more"),
            &TRACEPARENT.to_uppercase(),
            &TRACEPARENT.replacen("00", "ff", 1),
            &TRACEPARENT.replace("b7ad6b7169203331", "0000000000000000"),
            &TRACEPARENT.replace("-01", "-1"),
            &TRACEPARENT.replace("-01", "-0x"),
        ] {
            assert_eq!(of(value), None, "{value}");
        }
    }
}
