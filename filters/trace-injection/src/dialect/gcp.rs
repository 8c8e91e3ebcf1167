//! `x-cloud-trace-context` of Google Cloud: `{32}/{decimal};o={0|1}`.

use portcullis_kit::Headers;

use crate::context::{Context, Decision, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::decimal;
use crate::tracestate::TraceState;

pub(super) const HEADERS: &[&str] = &["x-cloud-trace-context"];

pub(super) fn extract(headers: &Headers) -> Found {
    super::single(headers, "x-cloud-trace-context", parse)
}

fn parse(value: &[u8]) -> Option<Context> {
    let (ids, decision) = match value.iter().position(|byte| *byte == b';') {
        None => (value, Decision::Deferred),
        Some(at) => match value.split_at_checked(at)? {
            (ids, b";o=0") => (ids, Decision::Drop),
            (ids, b";o=1") => (ids, Decision::Sample),
            _ => return None,
        },
    };
    let (trace_id, span_id) = match ids.iter().position(|byte| *byte == b'/') {
        None => (ids, None),
        Some(at) => {
            let (trace_id, span_id) = ids.split_at_checked(at)?;
            (trace_id, SpanId::new(decimal(span_id.get(1..)?)?))
        }
    };
    // Google's own servers also write capitals.
    let trace_id = TraceId::parse(&trace_id.to_ascii_lowercase())?;
    Some(Context { trace_id, span_id, decision, is_random: false, state: TraceState::default() })
}

pub(super) fn inject(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    let decision = match context.decision {
        Decision::Deferred => "",
        Decision::Drop => ";o=0",
        Decision::Sample | Decision::Debug => ";o=1",
    };
    let value = format!("{}/{}{decision}", context.trace_id, span_id.number());
    headers.set("x-cloud-trace-context", value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "105445aa7843bc8bf206b12000100000";

    fn found(value: &str) -> Found {
        extract(&[("x-cloud-trace-context", value)].into_iter().collect())
    }

    #[test]
    fn span_and_decision_may_be_missing() {
        for (value, span, decision) in [
            (format!("{TRACE}/1;o=1"), Some(1), Decision::Sample),
            (format!("{TRACE}/18446744073709551615;o=0"), Some(u64::MAX), Decision::Drop),
            (format!("{}/1", TRACE.to_uppercase()), Some(1), Decision::Deferred),
            (format!("{TRACE};o=1"), None, Decision::Sample),
            (format!("{TRACE}/0"), None, Decision::Deferred),
        ] {
            let Found::Context(context) = found(&value) else { panic!("{value}") };
            assert_eq!((context.span_id.map(SpanId::number), context.decision), (span, decision), "{value}");
            assert_eq!(context.trace_id.to_string(), TRACE);
        }
    }

    #[test]
    fn what_is_no_trace_is_invalid() {
        let zero = "0".repeat(32);
        for bad in [
            "",
            "/1;o=1",
            &zero,
            &format!("{TRACE}/"),
            &format!("{TRACE}/x"),
            &format!("{TRACE}/1;o=2"),
            &format!("{TRACE}/1;"),
            &TRACE[1..],
        ] {
            assert_eq!(found(bad), Found::Invalid, "{bad}");
        }
    }
}
