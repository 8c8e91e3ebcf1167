//! How the place of a request in a trace stands in its headers.

mod b3;
mod datadog;
mod gcp;
mod jaeger;
pub(crate) mod w3c;
mod xray;

use portcullis_kit::Headers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::{Context, Found};
use crate::text::trim;

/// The headers of one family of tracing systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `traceparent` and `tracestate` (W3C Trace Context).
    W3c,
    /// `b3`.
    B3,
    /// `x-b3-traceid` and those beside it.
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
    /// `x-amzn-trace-id`.
    Xray,
    /// `x-datadog-trace-id` and those beside it.
    Datadog,
    /// `x-cloud-trace-context`.
    Gcp,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::W3c, Self::B3, Self::B3Multi, Self::Jaeger, Self::Xray, Self::Datadog, Self::Gcp];

    /// Reads the headers of a request.
    pub fn extract(self, headers: &Headers) -> Found {
        match self {
            Self::W3c => w3c::extract(headers),
            Self::B3 => b3::extract_single(headers),
            Self::B3Multi => b3::extract_multi(headers),
            Self::Jaeger => jaeger::extract(headers),
            Self::Xray => xray::extract(headers),
            Self::Datadog => datadog::extract(headers),
            Self::Gcp => gcp::extract(headers),
        }
    }

    /// Writes the headers of a request, in place of those that are there. A context without a span is not written.
    pub fn inject(self, context: &Context, headers: &mut Headers) {
        match self {
            Self::W3c => w3c::inject(context, headers),
            Self::B3 => b3::inject_single(context, headers),
            Self::B3Multi => b3::inject_multi(context, headers),
            Self::Jaeger => jaeger::inject(context, headers),
            Self::Xray => xray::inject(context, headers),
            Self::Datadog => datadog::inject(context, headers),
            Self::Gcp => gcp::inject(context, headers),
        }
    }

    /// Whether headers, of which this was read, can go on as they are: nobody can read them otherwise.
    pub(crate) fn is_plain(self, context: &Context, headers: &Headers) -> bool {
        match self {
            Self::W3c => w3c::is_plain(context, headers),
            Self::Datadog if !datadog::has_plain_tags(headers) => false,
            _ => self.headers().iter().all(|name| headers.all(name).count() <= 1),
        }
    }

    /// Whether it can say that nothing is decided yet.
    pub(crate) fn can_defer(self) -> bool {
        !matches!(self, Self::W3c | Self::Jaeger)
    }

    /// Takes out what would otherwise stay of another trace when this one is written.
    pub(crate) fn forget(self, headers: &mut Headers) {
        match self {
            Self::Datadog => datadog::forget(headers),
            Self::Xray => self.remove(headers),
            Self::W3c | Self::B3 | Self::B3Multi | Self::Jaeger | Self::Gcp => {}
        }
    }

    /// Takes the headers out.
    pub(crate) fn remove(self, headers: &mut Headers) {
        self.headers().iter().for_each(|name| headers.remove(name));
    }

    fn headers(self) -> &'static [&'static str] {
        match self {
            Self::W3c => w3c::HEADERS,
            Self::B3 => b3::SINGLE,
            Self::B3Multi => b3::MULTI,
            Self::Jaeger => jaeger::HEADERS,
            Self::Xray => xray::HEADERS,
            Self::Datadog => datadog::HEADERS,
            Self::Gcp => gcp::HEADERS,
        }
    }
}

/// What a header holds that says all there is to say, by itself. Two of them say nothing.
fn single(headers: &Headers, name: &str, parse: impl FnOnce(&[u8]) -> Option<Context>) -> Found {
    if headers.first(name).is_none() {
        return Found::Nothing;
    }
    headers.only(name).and_then(|value| parse(trim(value))).map_or(Found::Invalid, Found::Context)
}

/// Headers that are about a trace and that no dialect here reads, but others may.
const BESIDE: [&str; 3] = ["jaeger-baggage", "jaeger-debug-id", "x-datadog-origin"];
/// How the names of others begin: baggage of Jaeger's clients.
const BESIDE_PREFIX: &[u8] = b"uberctx-";

/// Whether a header is about a trace, in any dialect.
pub(crate) fn is_of_a_trace(name: &[u8]) -> bool {
    let mut names = Dialect::ALL.iter().flat_map(|dialect| dialect.headers()).chain(&BESIDE);
    name.starts_with(BESIDE_PREFIX) || names.any(|it| it.as_bytes() == name)
}

/// Takes out all that is about a trace, in any dialect.
pub(crate) fn remove_all(headers: &mut Headers) {
    let names = headers.iter().map(|(name, _)| name).filter(|name| is_of_a_trace(name));
    let names: Vec<_> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    names.iter().for_each(|name| headers.remove(name));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context::Decision;
    use crate::ids::{SpanId, TraceId};
    use crate::tracestate::TraceState;

    fn context() -> impl Strategy<Value = Context> {
        let decision = prop_oneof![
            Just(Decision::Deferred),
            Just(Decision::Drop),
            Just(Decision::Sample),
            Just(Decision::Debug)
        ];
        (any::<[u8; 16]>(), 1_u64.., decision, any::<bool>()).prop_filter_map(
            "an id",
            |(trace, span, decision, is_random)| {
                let trace_id = TraceId::new(trace).filter(|id| id.low() != 0)?;
                Some(Context {
                    trace_id,
                    span_id: SpanId::new(span),
                    decision,
                    is_random,
                    state: TraceState::default(),
                })
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(context in context()) {
            for dialect in Dialect::ALL {
                let mut headers = Headers::default();
                dialect.inject(&context, &mut headers);
                let Found::Context(read) = dialect.extract(&headers) else { panic!("{dialect:?}: {headers:?}") };
                prop_assert_eq!((read.trace_id, read.span_id), (context.trace_id, context.span_id));
                prop_assert_eq!(read.decision.is_sampled(), context.decision.is_sampled());
                prop_assert!(dialect.is_plain(&context, &headers));
                dialect.remove(&mut headers);
                prop_assert_eq!(headers.iter().count(), 0);
            }
        }
    }
}
