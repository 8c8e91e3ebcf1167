//! `uber-trace-id` of Jaeger's own clients: `{trace}:{span}:{parent}:{flags}`.

use portcullis_kit::Headers;

use crate::context::{Context, Decision, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::hex_number;
use crate::tracestate::TraceState;

pub(super) const HEADERS: &[&str] = &["uber-trace-id"];

const SAMPLED: u64 = 1;
const DEBUG: u64 = 2;

pub(super) fn extract(headers: &Headers) -> Found {
    super::single(headers, "uber-trace-id", parse)
}

fn parse(value: &[u8]) -> Option<Context> {
    // Some clients escape the colons.
    let value = String::from_utf8_lossy(value).replace("%3A", ":").replace("%3a", ":");
    let mut fields = value.split(':').map(str::as_bytes);
    let [trace_id, span_id, parent, flags] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    if !parent.is_empty() {
        hex_number(parent)?;
    }
    let flags = (flags.len() <= 2).then(|| hex_number(flags)).flatten()?;
    let decision = match (flags & DEBUG != 0, flags & SAMPLED != 0) {
        (true, true) => Decision::Debug,
        (_, is_sampled) => is_sampled.into(),
    };
    // Zeros in front may be left out.
    let (high, low) = trace_id.split_at_checked(trace_id.len().saturating_sub(16))?;
    let high = if high.is_empty() { 0 } else { hex_number(high)? };
    let trace_id = TraceId::from_halves(high, hex_number(low)?)?;
    let span_id = SpanId::new(hex_number(span_id)?)?;
    let state = TraceState::default();
    fields.next().is_none().then_some(Context {
        trace_id,
        span_id: Some(span_id),
        decision,
        is_random: false,
        state,
    })
}

pub(super) fn inject(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    let flags = match context.decision {
        Decision::Deferred | Decision::Drop => 0,
        Decision::Sample => SAMPLED,
        Decision::Debug => SAMPLED | DEBUG,
    };
    headers.set("uber-trace-id", format!("{}:{span_id}:0:{flags}", context.trace_id).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str) -> Found {
        extract(&[("uber-trace-id", value)].into_iter().collect())
    }

    #[test]
    fn ids_may_be_short_and_colons_escaped() {
        for (value, trace, decision) in [
            ("1:2:0:1", 1, Decision::Sample),
            ("1%3A2%3a0%3A0", 1, Decision::Drop),
            ("ffffffffffffffff0000000000000001:2:3:3", u128::from(u64::MAX) << 64 | 1, Decision::Debug),
            ("10000000000000000:2:3:09", 1 << 64, Decision::Sample),
            ("1:2:0:2", 1, Decision::Drop),
        ] {
            let Found::Context(context) = found(value) else { panic!("{value}") };
            assert_eq!(
                (u128::from_be_bytes(context.trace_id.bytes()), context.decision),
                (trace, decision),
                "{value}"
            );
            assert_eq!(context.span_id.unwrap().number(), 2);
        }
    }

    #[test]
    fn what_is_no_id_is_invalid() {
        let long = format!("{}:2:0:1", "1".repeat(33));
        for bad in [
            "",
            "1",
            "1:2:0",
            "1:2:0:1:1",
            "0:2:0:1",
            "1:0:0:1",
            "x:2:0:1",
            "1:2:0:x",
            "1:2:0:001",
            "1::0:1",
            "1:2:x:1",
            &long,
        ] {
            assert_eq!(found(bad), Found::Invalid, "{bad}");
        }
    }

    #[test]
    fn the_id_of_the_parent_is_left_out() {
        let Found::Context(context) = found("1:2:3:3") else { panic!() };
        let mut headers = Headers::default();
        inject(&context, &mut headers);
        let expected = format!("{:032x}:{:016x}:0:3", 1, 2);
        assert_eq!(headers.first("uber-trace-id"), Some(expected.as_bytes()));
    }
}
