//! Spans on their way to a collector: when they are sent, what is sent again, and what is counted as lost.

use std::time::Duration;

use portcullis_kit::{CallId, GrpcAnswer, Headers, HttpAnswer, HttpFilter};
use portcullis_proto::trace::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use portcullis_trace_injection::TraceInjection;
use prost::Message;
use serde_json::{Value, json};

#[path = "common/mod.rs"]
mod common;

use common::World;

const REQUEST: &[(&str, &str)] =
    &[(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a.example")];

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn by_grpc(more: &str) -> World {
    World::new(&format!(
        "{{export: {{cluster: outbound|4317||otel.example, batch: 2, queue: 4, delay: 5s{more}}}}}"
    ))
}

fn by_http(protocol: &str) -> World {
    World::new(&format!(
        "{{export: {{cluster: c, protocol: {protocol}, batch: 2, queue: 4, headers: [{{name: X-Key, value: k}}]}}}}"
    ))
}

impl World {
    fn tick_after(&mut self, span: Duration) {
        self.host.advance(span);
        self.filter.on_tick(&mut self.host);
    }

    fn requests(&mut self, count: u32) {
        (0..count).for_each(|_| drop(self.round_trip(REQUEST, "200")));
    }

    /// The number that the last call was given.
    fn last_call(&self) -> CallId {
        CallId(u32::try_from(self.host.calls.len() * 4).unwrap())
    }

    fn answer(&mut self, answer: &GrpcAnswer) {
        let call = self.last_call();
        self.filter.on_grpc_answer(call, answer, &mut self.host);
    }

    fn answer_http(&mut self, status: &str, more: &[(&str, &str)], body: &[u8]) {
        let headers: Headers = [&[(":status", status)], more].concat().into_iter().collect();
        let answer = HttpAnswer { headers, body: body.to_vec(), truncated: false };
        let call = self.last_call();
        self.filter.on_http_answer(call, &answer, &mut self.host);
    }
}

fn taken() -> GrpcAnswer {
    GrpcAnswer::Message(Vec::new())
}

#[test]
fn a_full_batch_is_sent_at_once_and_a_lone_span_when_it_has_waited() {
    let mut world = by_grpc("");
    world.requests(1);
    world.tick_after(second(4));
    assert_eq!(world.host.calls.len(), 0);
    world.tick_after(second(1));
    assert_eq!((world.host.calls.len(), world.sent().len()), (1, 1));
    let call = &world.host.calls[0];
    assert_eq!(call.cluster, "outbound|4317||otel.example");
    assert_eq!(call.headers[0].1, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_eq!(call.timeout, second(30));
    world.answer(&taken());
    world.requests(2);
    assert_eq!((world.host.calls.len(), world.sent().len()), (2, 2));
    world.answer(&taken());
    world.tick_after(second(1));
    assert_eq!((world.metric("spans_exported"), world.metric("started")), (3, 3));
}

#[test]
fn one_call_at_a_time_and_what_does_not_fit_is_counted() {
    let mut world = by_grpc("");
    world.requests(7);
    assert_eq!(world.host.calls.len(), 1, "the first has not been answered");
    world.answer(&taken());
    assert_eq!((world.host.calls.len(), world.sent().len()), (2, 2), "the next goes at once");
    world.answer(&taken());
    world.tick_after(second(1));
    assert_eq!((world.metric("spans_exported"), world.metric("spans_dropped_queue_full")), (4, 3));
}

#[test]
fn what_may_be_sent_again_is_sent_again_as_it_was_and_later_each_time() {
    let mut world = by_grpc("");
    world.requests(2);
    let body = world.host.calls[0].body.clone();
    for (tries, pause) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        world.answer(&GrpcAnswer::Status(14));
        // Jitter makes it shorter, and never less than half as long.
        world.tick_after(second(pause) / 2 - Duration::from_millis(1));
        assert_eq!(world.host.calls.len(), tries, "too soon after try {tries}");
        world.tick_after(second(pause) / 2 + Duration::from_millis(1));
        assert_eq!(world.host.calls.len(), tries + 1, "after try {tries}");
        assert_eq!(world.host.calls[tries].body, body);
    }
    world.answer(&taken());
    world.tick_after(second(1));
    assert_eq!((world.metric("spans_exported"), world.metric("export_retries")), (2, 7));
    assert_eq!(
        world.host.log,
        [
            "WARN: trace-injection: the collector \"outbound|4317||otel.example\" fails: gRPC status 14",
            "INFO: trace-injection: the collector \"outbound|4317||otel.example\" answers again"
        ]
    );
}

#[test]
fn who_fails_for_too_long_loses_the_batch_and_not_those_behind_it() {
    let mut world = by_grpc("");
    world.requests(3);
    for _ in 0..40 {
        world.answer(&GrpcAnswer::Status(14));
        world.tick_after(second(30));
    }
    assert!(world.metric("spans_dropped_failed") >= 2, "{:?}", world.host.metrics);
    world.host.calls.clear();
    world.requests(1);
    world.tick_after(second(30));
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_cluster_without_hosts_is_tried_again() {
    let mut world = by_grpc("");
    world.host.unreachable = true;
    world.requests(3);
    world.tick_after(second(1));
    assert_eq!(world.host.calls.len(), 0);
    world.host.unreachable = false;
    world.tick_after(second(2));
    assert_eq!((world.host.calls.len(), world.sent().len()), (1, 2));
}

#[test]
fn what_is_refused_is_not_sent_again() {
    for answer in [GrpcAnswer::Status(3), GrpcAnswer::Status(8), GrpcAnswer::Status(16)] {
        let mut world = by_grpc("");
        world.requests(2);
        world.answer(&answer);
        world.tick_after(second(60));
        assert_eq!((world.host.calls.len(), world.metric("spans_dropped_refused")), (1, 2), "{answer:?}");
    }
    for (status, body) in [("400", &b"\xff"[..]), ("500", b""), ("404", b"x")] {
        let mut world = by_http("http_protobuf");
        world.requests(2);
        world.answer_http(status, &[("retry-after", "1")], body);
        world.tick_after(second(60));
        assert_eq!((world.host.calls.len(), world.metric("spans_dropped_refused")), (1, 2), "{status}");
    }
}

#[test]
fn a_partial_success_is_a_success() {
    let rejected = |rejected_spans| {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: b"too\nold \xff".to_vec() };
        GrpcAnswer::Message(ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec())
    };
    for (said, exported, refused) in [(1, 1, 1), (0, 2, 0), (-5, 2, 0), (99, 0, 2)] {
        let mut world = by_grpc("");
        world.requests(2);
        world.answer(&rejected(said));
        world.tick_after(second(60));
        let counted = (world.metric("spans_exported"), world.metric("spans_dropped_refused"));
        assert_eq!((world.host.calls.len(), counted), (1, (exported, refused)), "{said}");
        assert!(!world.host.log.concat().contains('\n'));
    }
}

#[test]
fn the_collector_says_when_to_come_again() {
    let mut world = by_http("http_protobuf");
    world.requests(2);
    world.answer_http("429", &[("retry-after", "100")], b"");
    world.tick_after(second(99));
    assert_eq!(world.host.calls.len(), 1);
    world.tick_after(second(1));
    assert_eq!(world.host.calls.len(), 2);
    // The batch is not kept for longer than that.
    world.answer_http("503", &[("retry-after", "250")], b"");
    world.tick_after(second(1));
    assert_eq!(world.metric("spans_dropped_failed"), 2);
}

#[test]
fn a_call_that_is_never_answered_holds_up_nobody() {
    let mut world = by_grpc(", timeout: 1s");
    world.requests(2);
    world.tick_after(second(6));
    assert_eq!(world.host.calls.len(), 1);
    world.tick_after(second(1));
    world.tick_after(second(1));
    assert_eq!(world.host.calls.len(), 2, "{:?}", world.host.log);
}

#[test]
fn a_collector_that_wants_to_be_left_alone_is_left_alone_by_all_batches() {
    let mut world = by_http("http_protobuf");
    world.requests(3);
    world.answer_http("429", &[("retry-after", "99999")], b"");
    for _ in 0..29 {
        world.tick_after(second(10));
    }
    assert_eq!(world.host.calls.len(), 1);
    world.tick_after(second(10));
    assert_eq!((world.host.calls.len(), world.sent().len()), (2, 1), "those behind it, after five minutes");
}

#[test]
fn who_wants_to_be_asked_at_once_is_not() {
    let mut world = by_http("http_protobuf");
    world.requests(2);
    world.answer_http("503", &[("retry-after", "0")], b"");
    world.tick_after(Duration::from_millis(400));
    assert_eq!(world.host.calls.len(), 1);
    world.tick_after(Duration::from_millis(600));
    assert_eq!(world.host.calls.len(), 2);
}

#[test]
fn a_batch_ends_before_it_is_too_long_for_a_server() {
    let mut world = World::new("{export: {cluster: c, batch: 400, queue: 400}}");
    let long = format!("/{}", "a".repeat(5000));
    let agent = "b".repeat(5000);
    let request =
        [(":method", "GET"), (":path", long.as_str()), ("user-agent", &agent), ("x-request-id", &agent)];
    (0..400).for_each(|_| drop(world.round_trip(&request, "200")));
    let mut sent = 0;
    while sent < 400 {
        let call = world.host.calls.last().unwrap();
        assert!(call.body.len() < (1 << 20) + 1000 && call.body.len() > 100_000, "{}", call.body.len());
        sent += world.sent().len();
        world.answer(&taken());
        world.tick_after(second(6));
    }
    assert_eq!((world.metric("spans_exported"), world.host.calls.len()), (400, 2));
}

#[test]
fn the_headers_are_those_of_the_protocol() {
    for (protocol, kind) in [("http_protobuf", "application/x-protobuf"), ("http_json", "application/json")] {
        let mut world = by_http(protocol);
        world.requests(2);
        let expected = [
            (":method", "POST"),
            (":authority", "c"),
            (":path", "/v1/traces"),
            ("content-type", kind),
            ("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION"))),
            ("x-key", "k"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(world.host.calls[0].headers, expected);
    }
}

#[test]
fn json_says_what_protobuf_says() {
    let [mut as_json, mut as_protobuf] = ["http_json", "http_protobuf"].map(by_http);
    for world in [&mut as_json, &mut as_protobuf] {
        world.requests(1);
        world.round_trip(
            &[
                REQUEST,
                &[
                    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                    ("tracestate", "a=\u{31}"),
                ],
            ]
            .concat(),
            "503",
        );
    }
    let json: Value = serde_json::from_slice(&as_json.host.calls[0].body).unwrap();
    let message = ExportTraceServiceRequest::decode(as_protobuf.host.calls[0].body.as_slice()).unwrap();
    let spans = &message.resource_spans[0].scope_spans[0].spans;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (index, span) in spans.iter().enumerate() {
        let shown = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][index];
        assert_eq!(shown["traceId"], hex(&span.trace_id));
        assert_eq!(shown["spanId"], hex(&span.span_id));
        assert_eq!(shown["parentSpanId"], hex(&span.parent_span_id));
        assert_eq!(shown["traceState"], span.trace_state);
        assert_eq!(shown["kind"], 2);
        assert_eq!(shown["flags"], span.flags);
        assert_eq!(shown["startTimeUnixNano"], span.start_time_unix_nano.to_string());
        assert_eq!(shown["endTimeUnixNano"], span.end_time_unix_nano.to_string());
        assert_eq!(shown["attributes"].as_array().unwrap().len(), span.attributes.len());
    }
    assert_eq!(json["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["status"], json!({"code": 2}));
    let kept = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["attributes"];
    let status = kept.as_array().unwrap().iter().find(|it| it["key"] == "http.response.status_code").unwrap();
    assert_eq!(status["value"], json!({"intValue": "503"}));
}

#[test]
fn the_next_instance_sends_what_is_left() {
    let config = "{export: {cluster: c, batch: 2, queue: 8, delay: 5s}}";
    let mut world = World::new(config);
    world.requests(3);
    let value: Value = serde_saphyr::from_str(config).unwrap();
    let mut next = TraceInjection::configure(value.to_string().as_bytes()).unwrap();
    next.start(&mut world.host);
    next.inherit(&world.filter);
    // What the next one has sent is its own.
    world.filter.on_stop(&mut world.host);
    // A request of the former one that ends now.
    world.requests(1);
    std::mem::swap(&mut world.filter, &mut next);
    world.tick_after(second(1));
    assert_eq!((world.host.calls.len(), world.sent().len()), (2, 2), "what was under way goes again");
    world.answer(&taken());
    world.answer(&taken());
    world.tick_after(second(6));
    assert_eq!((world.metric("spans_exported"), world.metric("spans_dropped_stopped")), (4, 0));
}

#[test]
fn without_a_next_instance_the_rest_is_counted() {
    let mut world = by_grpc("");
    world.requests(3);
    world.filter.on_stop(&mut world.host);
    assert_eq!(world.metric("spans_dropped_stopped"), 3);
    // A request that was on its way.
    world.requests(1);
    assert_eq!(world.metric("spans_dropped_stopped"), 4);
    // Nobody else's answers.
    world.answer(&taken());
    assert_eq!(world.metric("spans_exported"), 0);
}
