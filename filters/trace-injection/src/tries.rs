//! What a filter that runs for each try of a request remembers from one to the next. All tries share the headers of the request, so that a
//! later one finds there what an earlier one has written; but its parent is that of the first.

use log::Level;
use portcullis_kit::Host;

use crate::context::{Context, Decision};
use crate::ids::{SpanId, TraceId};
use crate::tracestate::TraceState;

/// The attribute of the request, which its tries have in common.
const NAME: &str = "portcullis.before_tries";

/// The place of a request in its trace, as the first try has found it.
pub(crate) fn before(host: &mut dyn Host) -> Option<Context> {
    let value = host.property(&[NAME])?;
    let mut fields = value.splitn(5, |byte| *byte == b' ');
    let [trace_id, span_id, decision, is_random, state] =
        [fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    Some(Context {
        trace_id: TraceId::parse(trace_id)?,
        span_id: SpanId::parse(span_id),
        decision: match decision {
            b"debug" => Decision::Debug,
            text => (text == b"sample").into(),
        },
        is_random: is_random == b"random",
        state: TraceState::parse([state])?,
    })
}

/// Remembers it, unless an earlier try has.
pub(crate) fn remember(context: &Context, host: &mut dyn Host) {
    let span_id = context.span_id.map_or_else(|| "-".to_owned(), |span_id| span_id.to_string());
    let decision = match context.decision {
        Decision::Debug => "debug",
        Decision::Sample => "sample",
        Decision::Drop | Decision::Deferred => "drop",
    };
    let is_random = if context.is_random { "random" } else { "-" };
    let mut value = format!("{} {span_id} {decision} {is_random} ", context.trace_id).into_bytes();
    value.extend(context.state.render());
    if let Err(error) = host.set_property(NAME, &value) {
        host.log(Level::Debug, &format!("trace-injection: tries: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    #[test]
    fn what_is_remembered_is_found() {
        let mut host = TestHost::default();
        assert_eq!(before(&mut host), None);
        for (span_id, decision, is_random, state) in [
            (None, Decision::Drop, false, ""),
            (SpanId::new(2), Decision::Sample, true, "a=1 2,b=3"),
            (SpanId::new(2), Decision::Debug, true, ""),
        ] {
            let state = TraceState::parse([state.as_bytes()]).unwrap();
            let trace_id = TraceId::from_halves(1, 2).unwrap();
            let context = Context { trace_id, span_id, decision, is_random, state };
            remember(&context, &mut host);
            assert_eq!(before(&mut host), Some(context));
        }
    }
}
