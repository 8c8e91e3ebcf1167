//! Whatever stands in requests, in responses and in the answers of a collector: nothing panics, and what goes on to the upstream is right
//! by the filter's own rules.

use std::time::Duration;

use bolero::{TypeGenerator, check};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{CallId, GrpcAnswer, Headers, HttpAnswer, HttpFilter, StreamId};
use portcullis_trace_injection::context::{Context, Found};
use portcullis_trace_injection::dialect::Dialect;
use portcullis_trace_injection::tracestate::TraceState;
use portcullis_trace_injection::{Stream, TraceInjection};

/// Where requests have what the filter reads.
const REQUEST: [&str; 20] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-cloud-trace-context",
    ":method",
    ":path",
    ":authority",
    "content-type",
    "x-request-id",
];
/// What means something in one of them.
const WORDS: [&str; 30] = [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
    "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d-00f067aa0ba902b7",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "4bf92f3577b34da60000000000000000",
    "00f067aa0ba902b7",
    "1:2:0:3",
    "4bf92f3577b34da60000000000000000:2:0:1",
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Self=x",
    "Root=1-5759e988-bd862e3fe1be46a994272793",
    "105445aa7843bc8bf206b12000100000/1;o=1",
    "18446744073709551615",
    "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4",
    "0",
    "1",
    "2",
    "d",
    "ot=th:8;rv:80000000000000,a=1",
    "ot=th:8",
    "a=1,a=2,b@c=3",
    "a=",
    "a=1;p=2, b=%20",
    "application/grpc",
    "/shop.v1.Orders/List?x=y",
    "POST",
    "u:p@a.example:99999",
];
const CONFIGURATIONS: [&str; 5] = [
    "{}",
    "{extract: [w3c, b3, b3_multi, jaeger, xray, datadog, gcp], inject: [w3c, b3, b3_multi, jaeger, xray, datadog, gcp], export: {cluster: c, batch: 1}}",
    "{extract: [gcp, datadog, xray, jaeger, b3_multi, b3, w3c], inject: [w3c, datadog], sampling: {sampler: {probability: 0.5}, parent: ignore}, baggage: {trusted: {only: [a, b]}}}",
    "{extract: [b3, w3c], trust: {rules: [{when: {path: {prefix: /a}}, parent: continue}], otherwise: link}, sampling: {sampler: never, errors: true}, export: {cluster: c, protocol: http_json, batch: 1}, traceresponse: always}",
    "{extract: [w3c], inject: [w3c, jaeger], side: client, each_try: true, export: {cluster: c, batch: 1}, filter_state: true}",
];

#[derive(Clone, Debug, TypeGenerator)]
enum Text {
    Word(u8),
    Bytes(Vec<u8>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Word(number) => WORDS[usize::from(*number) % WORDS.len()].into(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

#[derive(Clone, Debug, TypeGenerator)]
struct Input {
    configuration: u8,
    requests: [Vec<(u8, Text)>; 2],
    status: Text,
    trailer: Option<Text>,
    answer: Text,
    answer_status: u8,
}

fn context(dialect: Dialect, headers: &Headers) -> Option<Context> {
    match dialect.extract(headers) {
        Found::Context(context) => Some(context),
        _ => None,
    }
}

fn assert_right(before: &Headers, after: &Headers, inject: &[Dialect]) {
    let parent = after.only("traceparent").expect("exactly one");
    let written = context(Dialect::W3c, after).expect("what is written is right");
    if before.only("traceparent") != Some(parent) {
        assert_eq!(parent.len(), 55, "{parent:?}");
        assert!(parent.starts_with(b"00-") && b"0123".contains(&parent[54]), "{parent:?}");
    }
    assert!(TraceState::parse(after.all("tracestate")).is_some(), "a list that is right");
    let sent = context(Dialect::W3c, before);
    if let Some(sent) = sent.filter(|sent| sent.trace_id == written.trace_id) {
        assert_eq!(sent.is_random, written.is_random, "P11");
        assert!(sent.decision == written.decision || sent.span_id != written.span_id, "P13");
        let is_untouched = before.all("traceparent").eq(after.all("traceparent"));
        let list_is_right = TraceState::parse(before.all("tracestate")).is_some();
        assert!(
            !is_untouched || !list_is_right || before.all("tracestate").eq(after.all("tracestate")),
            "P15"
        );
    }
    for dialect in inject {
        // Those who know only half of an id may not be able to say it.
        if let Some(other) = context(*dialect, after) {
            assert_eq!((other.trace_id, other.span_id), (written.trace_id, written.span_id), "{dialect:?}");
        }
    }
}

#[test]
fn what_goes_on_is_right_whatever_has_come() {
    check!().with_iterations(5_000).with_type::<Input>().for_each(|input| {
        let configuration = CONFIGURATIONS[usize::from(input.configuration) % CONFIGURATIONS.len()];
        let value: serde_json::Value = serde_saphyr::from_str(configuration).unwrap();
        let mut filter = TraceInjection::configure(value.to_string().as_bytes()).unwrap();
        let mut host = TestHost::at(1_800_000_000);
        filter.start(&mut host);
        let inject: Vec<Dialect> = match &value["inject"] {
            serde_json::Value::Null => vec![Dialect::W3c],
            list => serde_json::from_value(list.clone()).unwrap(),
        };
        for (number, fields) in input.requests.iter().enumerate() {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, text)| (REQUEST[usize::from(*name) % REQUEST.len()], text.bytes()))
                .collect();
            let before: Headers = fields.iter().map(|(name, value)| (name, value)).collect();
            let mut after: Headers = fields.iter().map(|(name, value)| (name, value)).collect();
            // They are no tries of the same request.
            host.properties.clear();
            let (id, mut stream) = (StreamId(number as u32), Stream::default());
            filter.on_request_headers((id, &mut stream), &mut after, &mut host).unwrap();
            assert_right(&before, &after, &inject);
            if filter.watches(&stream) {
                let mut response: Headers = [(":status", input.status.bytes())].into_iter().collect();
                filter.on_response_headers((id, &mut stream), &mut response, &mut host);
                if let Some(trailer) = &input.trailer {
                    let trailers = [("grpc-status", trailer.bytes())].into_iter().collect();
                    filter.on_response_trailers((id, &mut stream), &trailers, &mut host);
                }
                filter.on_end((id, stream), &mut host);
            }
        }
        let call = CallId(4);
        let status = input.answer_status.to_string();
        let headers =
            [(":status", status.as_bytes()), ("retry-after", &input.answer.bytes())].into_iter().collect();
        let answer = HttpAnswer { headers, body: input.answer.bytes(), truncated: false };
        filter.on_http_answer(call, &answer, &mut host);
        filter.on_grpc_answer(call, &GrpcAnswer::Message(input.answer.bytes()), &mut host);
        host.advance(Duration::from_secs(40));
        filter.on_tick(&mut host);
        filter.on_stop(&mut host);
    });
}
