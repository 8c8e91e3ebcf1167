//! The headers of Datadog's tracers: ids are decimal, and the upper half of the trace id is a tag.

use portcullis_kit::Headers;

use crate::context::{Context, Decision, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::{decimal, hex, pair, trim};
use crate::tracestate::TraceState;

/// The origin and the other tags stay as they are: they belong to the trace.
pub(super) const HEADERS: &[&str] =
    &["x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags"];

/// The tag with the upper half of the trace id.
const UPPER: &str = "_dd.p.tid";
/// The longest list of tags that tracers hand on.
const LONGEST: usize = 512;

pub(super) fn extract(headers: &Headers) -> Found {
    if headers.first("x-datadog-trace-id").is_none() {
        return Found::Nothing;
    }
    parse(headers).map_or(Found::Invalid, Found::Context)
}

fn parse(headers: &Headers) -> Option<Context> {
    let low = decimal(trim(headers.only("x-datadog-trace-id")?))?;
    let high = tags(headers)
        .find(|(name, _)| *name == UPPER.as_bytes())
        // Those who do not understand the tag go by the lower half.
        .and_then(|(_, digits)| hex::<8>(digits))
        .map_or(0, u64::from_be_bytes);
    // Synthetic tests have a trace and no span.
    let span_id = match headers.first("x-datadog-parent-id") {
        None => None,
        Some(_) => SpanId::new(decimal(trim(headers.only("x-datadog-parent-id")?))?),
    };
    let decision = match headers.first("x-datadog-sampling-priority") {
        None => Decision::Deferred,
        Some(priority) => is_kept(priority)?.into(),
    };
    // A low half of zeros is no id for those who know nothing else.
    let trace_id = TraceId::from_halves(high, low).filter(|_| low != 0)?;
    Some(Context { trace_id, span_id, decision, is_random: false, state: TraceState::default() })
}

/// Whether the upper half of the trace id, where it is there, is one.
pub(super) fn has_plain_tags(headers: &Headers) -> bool {
    let mut upper = tags(headers).filter(|(name, _)| *name == UPPER.as_bytes());
    upper.all(|(_, digits)| hex::<8>(digits).is_some())
}

/// A priority is a number, and those above zero keep.
fn is_kept(priority: &[u8]) -> Option<bool> {
    let number: i32 = std::str::from_utf8(trim(priority)).ok()?.parse().ok()?;
    Some(number > 0)
}

fn tags(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    let tags = headers.first("x-datadog-tags").unwrap_or_default().split(|byte| *byte == b',');
    tags.filter_map(|tag| pair(trim(tag)))
}

pub(super) fn inject(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    if context.trace_id.low() == 0 {
        return HEADERS.iter().for_each(|name| headers.remove(name));
    }
    let mut list = match context.trace_id.high() {
        0 => Vec::new(),
        high => format!("{UPPER}={high:016x}").into_bytes(),
    };
    for (name, value) in tags(headers).filter(|(name, _)| *name != UPPER.as_bytes()) {
        let separator: &[u8] = if list.is_empty() { b"" } else { b"," };
        let tag = [separator, name, b"=", value].concat();
        if list.len() + tag.len() <= LONGEST {
            list.extend(tag);
        }
    }
    match list.is_empty() {
        true => headers.remove("x-datadog-tags"),
        false => headers.set("x-datadog-tags", &list),
    }
    headers.set("x-datadog-trace-id", context.trace_id.low().to_string().as_bytes());
    headers.set("x-datadog-parent-id", span_id.number().to_string().as_bytes());
    let said = headers.only("x-datadog-sampling-priority").and_then(is_kept);
    let priority: &[u8] = match (context.decision, said) {
        (Decision::Deferred, _) => return headers.remove("x-datadog-sampling-priority"),
        // It says the same, and also who says so.
        (Decision::Drop, Some(false)) | (Decision::Sample, Some(true)) => return,
        (Decision::Drop, _) => b"0",
        (Decision::Sample, _) => b"1",
        (Decision::Debug, _) => b"2",
    };
    headers.set("x-datadog-sampling-priority", priority);
}

/// Takes out what belongs to another trace.
pub(super) fn forget(headers: &mut Headers) {
    for name in ["x-datadog-origin", "x-datadog-tags", "x-datadog-sampling-priority"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().map(|(name, value)| (format!("x-datadog-{name}"), value)).collect()
    }

    #[test]
    fn ids_are_decimal_and_the_upper_half_is_a_tag() {
        let ids = [("trace-id", "1234567890123456789"), ("parent-id", "18446744073709551615")];
        for (more, high, decision) in [
            (&[][..], 0, Decision::Deferred),
            (&[("sampling-priority", "-1")], 0, Decision::Drop),
            (&[("sampling-priority", "3"), ("tags", "_dd.p.tid=640CFD8D00000000")], 0, Decision::Sample),
            (
                &[("sampling-priority", "2"), ("tags", "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000")],
                0x640c_fd8d_0000_0000,
                Decision::Sample,
            ),
        ] {
            let Found::Context(context) = extract(&headers(&[&ids, more].concat())) else {
                panic!("{more:?}")
            };
            assert_eq!((context.trace_id.high(), context.decision), (high, decision), "{more:?}");
            assert_eq!(
                (context.trace_id.low(), context.span_id.unwrap().number()),
                (1_234_567_890_123_456_789, u64::MAX)
            );
        }
    }

    #[test]
    fn what_is_no_number_is_invalid() {
        let good = ("parent-id", "2");
        for bad in [
            &[("trace-id", "0"), good][..],
            &[("trace-id", "a"), good],
            &[("trace-id", "-1"), good],
            &[("trace-id", "18446744073709551616"), good],
            &[("trace-id", "1"), ("parent-id", "x")],
            &[("trace-id", "1"), good, ("sampling-priority", "x")],
            &[("trace-id", "1"), ("trace-id", "1"), good],
        ] {
            assert_eq!(extract(&headers(bad)), Found::Invalid, "{bad:?}");
        }
        assert_eq!(extract(&headers(&[good])), Found::Nothing);
        let Found::Context(context) = extract(&headers(&[("trace-id", "1"), ("parent-id", "0")])) else {
            panic!()
        };
        assert_eq!(context.span_id, None);
    }

    #[test]
    fn tags_of_others_stay() {
        let mut headers =
            headers(&[("trace-id", "1"), ("parent-id", "2"), ("tags", "a=1,_dd.p.tid=0000000000000003,b=2")]);
        let Found::Context(context) = extract(&headers) else { panic!() };
        inject(&Context { decision: Decision::Sample, ..context }, &mut headers);
        assert_eq!(headers.only("x-datadog-tags"), Some(&b"_dd.p.tid=0000000000000003,a=1,b=2"[..]));
        assert_eq!(headers.only("x-datadog-sampling-priority"), Some(&b"1"[..]));
    }
}
