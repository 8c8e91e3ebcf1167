//! `traceparent` and `tracestate` (W3C Trace Context Level 2).

use portcullis_kit::Headers;

use crate::context::{Context, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::{hex, trim};
use crate::tracestate::TraceState;

pub(super) const HEADERS: &[&str] = &["traceparent", "tracestate"];

/// `00-<32>-<16>-<2>`.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

pub(super) fn extract(headers: &Headers) -> Found {
    if headers.first("traceparent").is_none() {
        return Found::Nothing;
    }
    // Several are as good as none.
    let Some(parent) = headers.only("traceparent").and_then(Parent::parse) else { return Found::Invalid };
    Found::Context(Context {
        trace_id: parent.trace_id,
        span_id: Some(parent.span_id),
        decision: (parent.flags & SAMPLED != 0).into(),
        is_random: parent.flags & RANDOM != 0,
        // A bad list costs no trace.
        state: TraceState::parse(headers.all("tracestate")).unwrap_or_default(),
    })
}

/// Whether `traceparent`, which was understood, is of the version that is written here.
pub(crate) fn is_current(headers: &Headers) -> bool {
    headers.only("traceparent").is_some_and(|parent| trim(parent).starts_with(b"00-"))
}

/// Whether nothing invalid stands beside `traceparent`, of which this was read.
pub(super) fn is_plain(context: &Context, headers: &Headers) -> bool {
    // What was read of a list that is invalid is nothing.
    let is_good = !context.state.is_empty() || TraceState::parse(headers.all("tracestate")).is_some();
    is_current(headers) && is_good
}

pub(super) fn inject(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    headers.set("traceparent", render(context.trace_id, span_id, context).as_bytes());
    match context.state.render() {
        state if state.is_empty() => headers.remove("tracestate"),
        state => headers.set("tracestate", &state),
    }
}

/// A place in a trace as `traceparent` and `traceresponse` have it.
pub(crate) fn render(trace_id: TraceId, span_id: SpanId, context: &Context) -> String {
    let sampled = if context.decision.is_sampled() { SAMPLED } else { 0 };
    let random = if context.is_random { RANDOM } else { 0 };
    format!("00-{trace_id}-{span_id}-{:02x}", sampled | random)
}

/// What `traceparent` says.
struct Parent {
    trace_id: TraceId,
    span_id: SpanId,
    flags: u8,
}

impl Parent {
    fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let (known, more) = value.split_at_checked(LENGTH)?;
        let mut fields = known.split(|byte| *byte == b'-');
        let [version, trace_id, span_id, flags] =
            [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
        let [version] = hex(version)?;
        // Later versions may add fields behind these (section 4.3).
        let is_over = more.is_empty() || (version != 0 && more.starts_with(b"-"));
        if version == 0xff || !is_over || fields.next().is_some() {
            return None;
        }
        let [flags] = hex(flags)?;
        Some(Self { trace_id: TraceId::parse(trace_id)?, span_id: SpanId::parse(span_id)?, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Decision;

    const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    fn found(values: &[(&str, &str)]) -> Found {
        extract(&values.iter().copied().collect())
    }

    fn context(values: &[(&str, &str)]) -> Context {
        match found(values) {
            Found::Context(context) => context,
            other => panic!("{values:?}: {other:?}"),
        }
    }

    fn plain(values: &[(&str, &str)]) -> bool {
        is_plain(&context(values), &values.iter().copied().collect())
    }

    #[test]
    fn the_flags_are_bits() {
        for (flags, decision, is_random) in [
            ("00", Decision::Drop, false),
            ("01", Decision::Sample, false),
            ("02", Decision::Drop, true),
            ("03", Decision::Sample, true),
            ("ff", Decision::Sample, true),
            ("fc", Decision::Drop, false),
        ] {
            let context = context(&[("traceparent", &format!("00-{IDS}-{flags}"))]);
            assert_eq!((context.decision, context.is_random), (decision, is_random), "{flags}");
            let mut out = Headers::default();
            inject(&context, &mut out);
            let known = u8::from_str_radix(flags, 16).unwrap() & 3;
            assert_eq!(out.only("traceparent").unwrap(), format!("00-{IDS}-{known:02x}").as_bytes());
        }
    }

    #[test]
    fn what_is_no_traceparent_is_invalid() {
        for bad in [
            "",
            "00",
            &format!("00-{IDS}"),
            &format!("00-{IDS}-0"),
            &format!("00-{IDS}-01."),
            &format!("00-{IDS}-01-"),
            &format!("00-{IDS}-01-what-the-future-will-be-like"),
            &format!("cc-{IDS}-01."),
            &format!("cc-{IDS}-01.what"),
            &format!("ff-{IDS}-01"),
            &format!("0-{IDS}-01"),
            &format!("000-{IDS}-1"),
            &format!(".0-{IDS}-01"),
            &format!("00-{}-01", IDS.to_uppercase()),
            &format!("00-{IDS}-0A"),
            &format!("00-{IDS}-.1"),
            &format!("00-{}-01", IDS.replace('-', "_")),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(found(&[("traceparent", bad), ("tracestate", "a=1")]), Found::Invalid, "{bad}");
        }
        let good = format!("00-{IDS}-01");
        assert_eq!(found(&[("traceparent", &good), ("traceparent", &good)]), Found::Invalid);
        assert_eq!(
            found(&[("trace-parent", &good), ("trace.parent", &good), ("tracestate", "a=1")]),
            Found::Nothing
        );
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        for later in [
            format!("cc-{IDS}-01"),
            format!("cc-{IDS}-01-what-the-future-will-be-like"),
            format!("01-{IDS}-01-"),
        ] {
            assert_eq!(context(&[("traceparent", &later)]).decision, Decision::Sample, "{later}");
            assert!(!plain(&[("traceparent", &later)]));
        }
    }

    #[test]
    fn blanks_around_the_value_do_not_count() {
        for blanks in [[" ", ""], ["\t", ""], ["", " "], ["", "\t"], ["\t ", " \t"]] {
            context(&[("traceparent", &format!("{}00-{IDS}-01{}", blanks[0], blanks[1]))]);
        }
    }

    #[test]
    fn a_bad_tracestate_costs_no_trace() {
        let parent = format!("00-{IDS}-01");
        assert!(context(&[("traceparent", &parent), ("tracestate", "foo=,bar=3")]).state.is_empty());
        let both = context(&[("traceparent", &parent), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(both.state.render(), b"a=1,b=2");
        assert!(plain(&[("traceparent", &parent), ("tracestate", "a=1")]));
        assert!(!plain(&[("traceparent", &parent), ("tracestate", "a=")]));
    }
}
