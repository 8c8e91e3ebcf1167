//! B3 in one header and in several (openzipkin/b3-propagation).

use portcullis_kit::Headers;

use crate::context::{Context, Decision, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::trim;
use crate::tracestate::TraceState;

pub(super) const SINGLE: &[&str] = &["b3"];
pub(super) const MULTI: &[&str] =
    &["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];

/// `{trace}-{span}[-{decision}[-{parent}]]`, or a decision alone.
pub(super) fn extract_single(headers: &Headers) -> Found {
    let Some(value) = headers.first("b3") else { return Found::Nothing };
    let parse = || {
        let mut fields = trim(value).split(|byte| *byte == b'-');
        let (first, second) = (fields.next()?, fields.next());
        let Some(span_id) = second else { return decision(first).map(Found::Decided) };
        let trace_id = TraceId::parse_short(first)?;
        let span_id = SpanId::parse(span_id)?;
        let decision = match fields.next() {
            None => Decision::Deferred,
            Some(text) => decision(text)?,
        };
        let parent_is_good = fields.next().is_none_or(|parent| SpanId::parse(parent).is_some());
        (parent_is_good && fields.next().is_none()).then(|| context(trace_id, span_id, decision))
    };
    headers.only("b3").and_then(|_| parse()).unwrap_or(Found::Invalid)
}

/// Of a header that is there several times, the first counts, as elsewhere in B3.
pub(super) fn extract_multi(headers: &Headers) -> Found {
    let [trace_id, span_id, sampled, flags] = ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"]
        .map(|name| headers.first(name).map(trim));
    let decision = match (flags, sampled) {
        (Some(b"1"), _) => Some(Decision::Debug),
        (_, Some(text)) => match text {
            b"true" => Some(Decision::Sample),
            b"false" => Some(Decision::Drop),
            b"d" => None,
            text => decision(text),
        },
        (_, None) => Some(Decision::Deferred),
    };
    match (trace_id, span_id, decision) {
        (None, None, Some(Decision::Deferred)) => Found::Nothing,
        (None, None, Some(decision)) => Found::Decided(decision),
        (Some(trace_id), Some(span_id), Some(decision)) => {
            match (TraceId::parse_short(trace_id), SpanId::parse(span_id)) {
                (Some(trace_id), Some(span_id)) => context(trace_id, span_id, decision),
                _ => Found::Invalid,
            }
        }
        _ => Found::Invalid,
    }
}

pub(super) fn inject_single(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    let decision = match context.decision {
        Decision::Deferred => "",
        Decision::Drop => "-0",
        Decision::Sample => "-1",
        Decision::Debug => "-d",
    };
    headers.set("b3", format!("{}-{span_id}{decision}", context.trace_id).as_bytes());
}

/// The header of the parent's id is taken out and not written: it would be that of somebody else's span.
pub(super) fn inject_multi(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    headers.set("x-b3-traceid", context.trace_id.to_string().as_bytes());
    headers.set("x-b3-spanid", span_id.to_string().as_bytes());
    let (sampled, flags) = match context.decision {
        Decision::Deferred => (None, None),
        Decision::Drop => (Some(b"0"), None),
        Decision::Sample => (Some(b"1"), None),
        // It says that the trace is recorded; saying so twice is not wanted.
        Decision::Debug => (None, Some(b"1")),
    };
    for (name, value) in [("x-b3-sampled", sampled), ("x-b3-flags", flags)] {
        match value {
            Some(value) => headers.set(name, value),
            None => headers.remove(name),
        }
    }
    headers.remove("x-b3-parentspanid");
}

fn context(trace_id: TraceId, span_id: SpanId, decision: Decision) -> Found {
    let state = TraceState::default();
    Found::Context(Context { trace_id, span_id: Some(span_id), decision, is_random: false, state })
}

fn decision(text: &[u8]) -> Option<Decision> {
    match text {
        b"0" => Some(Decision::Drop),
        b"1" => Some(Decision::Sample),
        b"d" => Some(Decision::Debug),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    fn single(value: &str) -> Found {
        extract_single(&[("b3", value)].into_iter().collect())
    }

    fn multi(fields: &[(&str, &str)]) -> Found {
        extract_multi(&fields.iter().map(|(name, value)| (format!("x-b3-{name}"), value)).collect())
    }

    fn decision_of(found: Found) -> (String, Decision) {
        match found {
            Found::Context(context) => (context.trace_id.to_string(), context.decision),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_header_says_all() {
        let trace = TRACE.to_owned();
        for (more, decision) in [
            ("", Decision::Deferred),
            ("-0", Decision::Drop),
            ("-1", Decision::Sample),
            ("-d", Decision::Debug),
            ("-1-05e3ac9a4f6e3b90", Decision::Sample),
        ] {
            assert_eq!(
                decision_of(single(&format!("{TRACE}-{SPAN}{more}"))),
                (trace.clone(), decision),
                "{more}"
            );
        }
        assert_eq!(decision_of(single(&format!("{SPAN}-{SPAN}-1"))).0, format!("{}{SPAN}", "0".repeat(16)));
        for (text, decision) in [("0", Decision::Drop), ("1", Decision::Sample), ("d", Decision::Debug)] {
            assert_eq!(single(text), Found::Decided(decision));
        }
    }

    #[test]
    fn what_is_no_b3_is_invalid() {
        for bad in [
            "",
            "2",
            TRACE,
            &format!("{TRACE}-"),
            &format!("{TRACE}-{SPAN}-"),
            &format!("{TRACE}-{SPAN}-2"),
            &format!("{TRACE}-{SPAN}-1-"),
            &format!("{TRACE}-{SPAN}-1-{SPAN}-1"),
            &format!("{}-{SPAN}-1", TRACE.to_uppercase()),
            &format!("{}-{SPAN}-1", "0".repeat(32)),
            &format!("{TRACE}-{}-1", "0".repeat(16)),
        ] {
            assert_eq!(single(bad), Found::Invalid, "{bad}");
        }
        let twice = [("b3", "0"), ("b3", "1")];
        assert_eq!(extract_single(&twice.into_iter().collect()), Found::Invalid);
    }

    #[test]
    fn several_headers_say_it_too() {
        let ids = [("traceid", TRACE), ("spanid", SPAN)];
        let of = |more: &[(&str, &str)]| decision_of(multi(&[&ids, more].concat())).1;
        assert_eq!(of(&[]), Decision::Deferred);
        assert_eq!(of(&[("sampled", "0")]), Decision::Drop);
        assert_eq!(of(&[("sampled", "true")]), Decision::Sample);
        assert_eq!(of(&[("sampled", "0"), ("flags", "1")]), Decision::Debug);
        assert_eq!(of(&[("sampled", "1"), ("flags", "0")]), Decision::Sample);
        assert_eq!(of(&[("sampled", "1"), ("sampled", "0")]), Decision::Sample);
        assert_eq!(multi(&[]), Found::Nothing);
        assert_eq!(multi(&[("sampled", "0")]), Found::Decided(Decision::Drop));
        assert_eq!(multi(&[("flags", "1")]), Found::Decided(Decision::Debug));
        for bad in [&ids[..1], &ids[1..], &[("traceid", "x"), ("spanid", SPAN)], &[("sampled", "d")]] {
            assert_eq!(multi(bad), Found::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn debug_is_handed_on_and_the_parent_is_not() {
        let mut headers: Headers = [("x-b3-sampled", "1"), ("x-b3-parentspanid", SPAN)].into_iter().collect();
        let Found::Context(context) = single(&format!("{TRACE}-{SPAN}-d")) else { panic!() };
        inject_multi(&context, &mut headers);
        inject_single(&context, &mut headers);
        assert_eq!(headers.first("x-b3-flags"), Some(&b"1"[..]));
        assert_eq!((headers.first("x-b3-sampled"), headers.first("x-b3-parentspanid")), (None, None));
        assert_eq!(headers.first("b3"), Some(format!("{TRACE}-{SPAN}-d").as_bytes()));
    }
}
