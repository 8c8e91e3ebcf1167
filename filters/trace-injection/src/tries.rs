//! What a filter that runs for each try of a request remembers from one to the next. All tries share the headers of the request, so that a
//! later one finds there what an earlier one has written; but its parent is that of the first.

use log::Level;
use portcullis_kit::Host;

use crate::context::{Context, Decision};
use crate::ids::{SpanId, TraceId};
use crate::tracestate::TraceState;

/// The attribute of the request, which its tries have in common.
const NAME: &str = "portcullis.before_tries";

/// What the first try has found and decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirstTry {
    /// The place of the request in its trace.
    pub(crate) context: Context,
    /// A trace that it is not part of.
    pub(crate) link: Option<Context>,
    /// Whether the trace has begun here, or was decided about here.
    pub(crate) is_started: bool,
}

impl FirstTry {
    /// What an earlier try has remembered.
    pub(crate) fn recall(host: &mut dyn Host) -> Option<Self> {
        let value = host.property(&[NAME])?;
        let mut lines = value.split(|byte| *byte == b'\n');
        let [is_started, context] = [lines.next()?, lines.next()?];
        let link = lines.next().and_then(parse);
        Some(Self { context: parse(context)?, link, is_started: is_started == b"started" })
    }

    /// Remembers it for later tries.
    pub(crate) fn remember(&self, host: &mut dyn Host) {
        let mut value = if self.is_started { b"started\n".to_vec() } else { b"continued\n".to_vec() };
        value.extend(render(&self.context));
        if let Some(link) = &self.link {
            value.push(b'\n');
            value.extend(render(link));
        }
        if let Err(error) = host.set_property(NAME, &value) {
            host.log(Level::Debug, &format!("trace-injection: tries: {error}"));
        }
    }
}

/// One line: no part of a `tracestate` has a line break in it.
fn render(context: &Context) -> Vec<u8> {
    let span_id = context.span_id.map_or_else(|| "-".to_owned(), |span_id| span_id.to_string());
    let decision = match context.decision {
        Decision::Debug => "debug",
        Decision::Sample => "sample",
        Decision::Drop | Decision::Deferred => "drop",
    };
    let is_random = if context.is_random { "random" } else { "-" };
    let mut line = format!("{} {span_id} {decision} {is_random} ", context.trace_id).into_bytes();
    line.extend(context.state.render());
    line
}

fn parse(line: &[u8]) -> Option<Context> {
    let mut fields = line.splitn(5, |byte| *byte == b' ');
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

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    #[test]
    fn what_is_remembered_is_found() {
        let mut host = TestHost::default();
        assert_eq!(FirstTry::recall(&mut host), None);
        for (span_id, decision, is_random, state) in [
            (None, Decision::Drop, false, ""),
            (SpanId::new(2), Decision::Sample, true, "a=1 2,b=3"),
            (SpanId::new(2), Decision::Debug, true, ""),
        ] {
            let state = TraceState::parse([state.as_bytes()]).unwrap();
            let trace_id = TraceId::from_halves(1, 2).unwrap();
            let context = Context { trace_id, span_id, decision, is_random, state };
            for link in [None, Some(context.clone())] {
                let first = FirstTry { context: context.clone(), is_started: link.is_some(), link };
                first.remember(&mut host);
                assert_eq!(FirstTry::recall(&mut host), Some(first));
            }
        }
    }
}
