//! `x-amzn-trace-id` of AWS: `Root=1-{8}-{24};Parent={16};Sampled={0|1}`, in any order, with more beside it.

use portcullis_kit::Headers;

use crate::context::{Context, Decision, Found};
use crate::ids::{SpanId, TraceId};
use crate::text::{pair, trim};
use crate::tracestate::TraceState;

pub(super) const HEADERS: &[&str] = &["x-amzn-trace-id"];

pub(super) fn extract(headers: &Headers) -> Found {
    super::single(headers, "x-amzn-trace-id", parse)
}

fn parse(value: &[u8]) -> Option<Context> {
    let [mut root, mut parent, mut sampled] = [None; 3];
    for (name, value) in fields(value) {
        let field = match name {
            b"Root" => &mut root,
            b"Parent" => &mut parent,
            b"Sampled" => &mut sampled,
            _ => continue,
        };
        // One that is there twice says two things.
        if field.replace(value).is_some() {
            return None;
        }
    }
    let decision = match sampled {
        Some(b"0") => Decision::Drop,
        Some(b"1") => Decision::Sample,
        // `?` asks for a decision.
        None | Some(b"?" | b"d") => Decision::Deferred,
        Some(_) => return None,
    };
    let span_id = match parent {
        // A load balancer begins a trace without a span.
        None => None,
        Some(digits) => Some(SpanId::parse(digits)?),
    };
    Some(Context {
        trace_id: trace_id(root?)?,
        span_id,
        decision,
        is_random: false,
        state: TraceState::default(),
    })
}

/// `1-{8}-{24}`: the first part is a time in seconds.
fn trace_id(value: &[u8]) -> Option<TraceId> {
    let (time, rest) = value.strip_prefix(b"1-")?.split_at_checked(8)?;
    TraceId::parse(&[time, rest.strip_prefix(b"-")?].concat())
}

fn fields(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    value.split(|byte| *byte == b';').filter_map(|field| pair(trim(field)))
}

/// What others have noted in the header (`Self`, `Lineage`) stays.
pub(super) fn inject(context: &Context, headers: &mut Headers) {
    let Some(span_id) = context.span_id else { return };
    let trace_id = context.trace_id.to_string();
    let (time, rest) = trace_id.split_at_checked(8).unwrap_or_default();
    let mut value = format!("Root=1-{time}-{rest};Parent={span_id}").into_bytes();
    match context.decision {
        Decision::Deferred => {}
        Decision::Drop => value.extend(b";Sampled=0"),
        Decision::Sample | Decision::Debug => value.extend(b";Sampled=1"),
    }
    let before = headers.only("x-amzn-trace-id").unwrap_or_default();
    let is_ours = |name: &[u8]| matches!(name, b"Root" | b"Parent" | b"Sampled");
    for (name, text) in fields(before).filter(|(name, _)| !is_ours(name)) {
        value.extend([b";", name, b"=", text].concat());
    }
    headers.set("x-amzn-trace-id", &value);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

    fn found(value: &str) -> Found {
        extract(&[("x-amzn-trace-id", value)].into_iter().collect())
    }

    #[test]
    fn fields_come_in_any_order() {
        for (value, span, decision) in [
            (format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1"), true, Decision::Sample),
            (format!("Sampled=0; Parent=53995c3f42cd8ad8; {ROOT}"), true, Decision::Drop),
            (format!("Self=1-a-b;{ROOT};Parent=53995c3f42cd8ad8;Sampled=?"), true, Decision::Deferred),
            (ROOT.to_owned(), false, Decision::Deferred),
        ] {
            let Found::Context(context) = found(&value) else { panic!("{value}") };
            assert_eq!(context.trace_id.to_string(), "5759e988bd862e3fe1be46a994272793");
            assert_eq!((context.span_id.is_some(), context.decision), (span, decision), "{value}");
        }
    }

    #[test]
    fn what_has_no_root_is_invalid() {
        for bad in [
            "",
            "Parent=53995c3f42cd8ad8",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988xbd862e3fe1be46a994272793",
            &format!("{ROOT};Parent=1"),
            &format!("{ROOT};Sampled=2"),
            &format!("{ROOT};{ROOT}"),
            &format!("{ROOT};Sampled=1;Sampled=0"),
        ] {
            assert_eq!(found(bad), Found::Invalid, "{bad}");
        }
    }

    #[test]
    fn what_others_have_noted_stays() {
        let before = format!("{ROOT};Lineage=a:1;Parent=53995c3f42cd8ad8");
        let mut headers: Headers = [("x-amzn-trace-id", before.as_str())].into_iter().collect();
        let Found::Context(context) = extract(&headers) else { panic!() };
        inject(&Context { decision: Decision::Debug, ..context }, &mut headers);
        let expected = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1");
        assert_eq!(headers.only("x-amzn-trace-id"), Some(expected.as_bytes()));
    }
}
