//! Whatever stands in the shared data, in requests and in responses: nothing panics, and an upstream that is well is used in the end.

use std::time::Duration;

use bolero::{TypeGenerator, check};
use portcullis_circuit_breaker::{CircuitBreaker, Stream};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, HttpFilter, SharedData, StreamId};
use serde_json::json;

/// Where messages have what the filter reads.
const REQUEST: [&str; 12] = [
    ":method",
    ":path",
    ":authority",
    "content-type",
    "cache-control",
    "pragma",
    "range",
    "authorization",
    "x-shard",
    "grpc-timeout",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-expected-rq-timeout-ms",
];
const RESPONSE: [&str; 12] = [
    ":status",
    "content-type",
    "content-length",
    "cache-control",
    "vary",
    "age",
    "date",
    "expires",
    "retry-after",
    "grpc-status",
    "set-cookie",
    "x-lang",
];
const PROPERTIES: [&str; 8] = [
    "response.flags",
    "response.code_details",
    "response.headers.retry-after",
    "response.headers.grpc-status",
    "response.headers.content-type",
    "request.headers.content-type",
    "xds.cluster_name",
    "jwt",
];

type Fields = Vec<(u8, Text)>;

/// Some of the words that mean something, or any bytes.
#[derive(Clone, Debug, TypeGenerator)]
enum Text {
    Word(u8),
    Bytes(Vec<u8>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        const WORDS: [&str; 24] = [
            "GET",
            "HEAD",
            "/a",
            "/a?b",
            "example.com",
            "200",
            "503",
            "100",
            "max-age=60",
            "public",
            "no-store",
            "stale-if-error=9, x=\"",
            "*",
            "x-lang, accept",
            "application/json",
            "application/grpc",
            "5",
            "60",
            "0",
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "99999999999999999999",
            "via_upstream",
            "1S",
            "{\"a\":{}}",
        ];
        match self {
            Self::Word(word) => WORDS[usize::from(*word) % WORDS.len()].into(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

#[derive(Clone, Debug, TypeGenerator)]
enum Act {
    Request(Fields),
    Response(Fields, bool),
    Body(Vec<u8>, bool),
    Trailers(Fields),
    End,
    Tick,
    Time(u16),
    Property(u8, Text),
    Stored(u8, Vec<u8>),
}

fn headers(fields: &Fields, names: &[&str]) -> Headers {
    fields.iter().map(|(name, value)| (names[usize::from(*name) % names.len()], value.bytes())).collect()
}

fn config() -> Vec<u8> {
    let snapshot = json!({"with_credentials": true, "without_cache_control": true, "refresh": "0s", "max_size": "64B", "memory": "1KiB"});
    let breaker = json!({
        "name": "api",
        "when": {"path": {"regex": "/[a-y]?.*"}},
        "key": [{"header": "x-shard"}, {"path_template": ["/a", "/{x}/b"]}],
        "max_keys": 2,
        "window": "1s",
        "min_requests": 2,
        "trip": {"error_ratio": 0.5, "slow_ratio": {"ratio": 0.5, "max_latency": "100ms"}, "consecutive_errors": 3},
        "open": {"duration": "100ms"},
        "half_open": {"permits": 2, "lease": "200ms"},
        "ramp_up": "50ms",
        "timeout": "1s",
        "fallback": [
            {"time_open": {"min": "50ms"}, "snapshot": snapshot},
            {"only": [{"of": {"claim": {"filter_state": "jwt", "path": ["a"]}}, "in": ["x"]}], "reroute": {"header": "x-fallback", "value": "b"}},
            {"budget": {"rate": "1/1s"}, "max_in_flight": 3, "static": {"body": "{{breaker}} {{state}} {{retry_after}}"}},
        ],
    });
    let throttle = json!({"name": "others", "window_calls": 5, "throttle": {}});
    let state_header = json!({"name": "x-circuit", "on": "always"});
    json!({"breakers": [breaker, throttle], "state_header": state_header}).to_string().into_bytes()
}

fn play(acts: &[Act]) {
    let mut host = TestHost::at(1_000_000);
    let mut filter = CircuitBreaker::configure(&config()).unwrap();
    filter.start(&mut host);
    let (mut open, mut last) = (None::<(StreamId, Stream)>, 0);
    for act in acts {
        match (act, &mut open) {
            (Act::Request(fields), open) => {
                if let Some(former) = open.take() {
                    filter.on_end(former, &mut host);
                }
                last += 1;
                let (id, mut stream) = (StreamId(last), Stream::default());
                if filter
                    .on_request_headers((id, &mut stream), &mut headers(fields, &REQUEST), &mut host)
                    .is_ok()
                {
                    *open = Some((id, stream));
                }
            }
            (Act::Response(fields, is_last), Some((id, stream))) => {
                let mut response = headers(fields, &RESPONSE);
                response.is_last = *is_last;
                filter.on_response_headers((*id, stream), &mut response, &mut host);
            }
            (Act::Body(piece, is_last), Some((id, stream))) => {
                filter.on_response_body((*id, stream), (piece, *is_last), &mut host);
            }
            (Act::Trailers(fields), Some((id, stream))) => {
                filter.on_response_trailers((*id, stream), &headers(fields, &RESPONSE), &mut host);
            }
            (Act::End, open) => {
                if let Some(former) = open.take() {
                    filter.on_end(former, &mut host);
                }
            }
            (Act::Tick, _) => drop(filter.on_tick(&mut host)),
            (Act::Time(milliseconds), _) => host.advance(Duration::from_millis((*milliseconds).into())),
            (Act::Property(name, value), _) => {
                let name = PROPERTIES[usize::from(*name) % PROPERTIES.len()];
                host.properties.insert(name.to_owned(), value.bytes());
            }
            (Act::Stored(entry, value), _) => {
                let entries: Vec<_> = host.shared.keys().cloned().collect();
                if let Some(entry) = entries.get(usize::from(*entry) % entries.len().max(1)) {
                    host.set_shared(entry, value, 0).unwrap();
                }
            }
            (Act::Response(..) | Act::Body(..) | Act::Trailers(_), None) => {}
        }
    }
    if let Some(former) = open {
        filter.on_end(former, &mut host);
    }
    assert_well_again(&mut filter, &mut host);
}

/// Within a minute and a half, the longest that a breaker here can be told to wait.
fn assert_well_again(filter: &mut CircuitBreaker, host: &mut TestHost) {
    host.properties.clear();
    let mut is_served = |last: u32| {
        host.advance(Duration::from_secs(1));
        let (id, mut stream) = (StreamId(1_000_000 + last), Stream::default());
        let mut request: Headers =
            [(":method", "GET"), (":path", "/a"), ("x-shard", "s")].into_iter().collect();
        let passes = filter.on_request_headers((id, &mut stream), &mut request, host).is_ok();
        let is_rerouted = request.first("x-fallback").is_some();
        if passes {
            let mut response: Headers = [(":status", "200")].into_iter().collect();
            response.is_last = true;
            filter.on_response_headers((id, &mut stream), &mut response, host);
            filter.on_end((id, stream), host);
        }
        passes && !is_rerouted
    };
    assert!((0..90).filter(|last| is_served(*last)).count() > 20, "{:?}", host.log);
}

#[test]
fn nothing_panics_and_nothing_is_wedged() {
    check!().with_type::<Vec<Act>>().for_each(|acts| play(acts));
}
