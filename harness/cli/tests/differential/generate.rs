//! Requests and answers that follow from a seed.
//!
//! Not among them: what the client and the upstream around a real Envoy cannot send (trailers in HTTP/1.1, repeated headers with others
//! between them, bodies of answers that have none); what takes its time (an upstream that never answers); and the bodies of requests that
//! are refused at once, of which Envoy counts as much as has come by then.

use fastrand::Rng;
use portcullis_sim::http::{HeaderList, Protocol, Request, Response, Sending};
use portcullis_sim::{Answer, AnswerKind};

const METHODS: [&str; 12] =
    ["GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND", "TRACE"];
const PATHS: [&str; 14] = [
    "/",
    "/",
    "/a/b?c=d&e",
    "/%2e%2e/x",
    "//a//b",
    "/a/../b/./c",
    "/caf%C3%A9",
    "/a;b=c",
    "/a%2Fb",
    "/?",
    "/a?b?c",
    "/%00",
    "/~a/(b)/'c'",
    "/a%zz",
];
const AUTHORITIES: [&str; 6] =
    ["a.example", "a.example", "a.example:8080", "A.Example", "[::1]:80", "127.0.0.1"];
const STATUSES: [u16; 17] =
    [200, 200, 200, 200, 201, 204, 205, 206, 301, 304, 400, 401, 404, 418, 500, 503, 599];

/// Request headers with something about them.
const REQUEST_HEADERS: [(&str, &[u8]); 46] = [
    ("accept", b"text/html, */*;q=0.1"),
    ("accept-encoding", b"gzip, br"),
    ("authorization", b"Bearer a"),
    ("cookie", b"a=1"),
    ("cookie", b"b=2; c=3"),
    ("content-type", b"application/json"),
    ("content-language", b"de"),
    ("user-agent", b"probe/1.0"),
    ("user-agent", b""),
    ("referer", b"http://b.example/"),
    ("origin", b"https://b.example"),
    ("range", b"bytes=0-1"),
    ("via", b"1.1 b"),
    ("forwarded", b"for=192.0.2.1"),
    ("x-forwarded-for", b"192.0.2.1, 10.0.0.1"),
    ("x-forwarded-proto", b"https"),
    ("x-forwarded-proto", b"ftp"),
    ("x-forwarded-host", b"b.example"),
    ("x-forwarded-port", b"8443"),
    ("x-forwarded-client-cert", b"By=a"),
    ("x-request-id", b"given"),
    ("x-client-trace-id", b"trace"),
    ("x-b3-traceid", b"463ac35c9f6413ad"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-envoy-internal", b"true"),
    ("x-envoy-external-address", b"192.0.2.1"),
    ("x-envoy-original-path", b"/old"),
    ("x-envoy-original-host", b"old"),
    ("x-envoy-decorator-operation", b"op"),
    ("x-envoy-downstream-service-cluster", b"cluster"),
    ("x-envoy-downstream-service-node", b"node"),
    ("x-envoy-attempt-count", b"7"),
    ("x-envoy-max-retries", b"2"),
    ("x-envoy-expected-rq-timeout-ms", b"9"),
    ("x-envoy-peer-metadata", b"m"),
    ("x-real-ip", b"192.0.2.1"),
    ("grpc-timeout", b"1S"),
    ("te", b"trailers"),
    ("x-a", b"1"),
    ("x-a", b"2"),
    ("x-a", b""),
    ("x-bytes", b"caf\xe9 \xff"),
    ("x-blanks", b"a  b\tc"),
    ("x_under_score", b"1"),
    ("x-percent", b"%20\"quoted\"\\"),
    ("cache-control", b"no-cache"),
];

/// Those that only HTTP/1.1 has.
const HTTP1_HEADERS: [(&str, &[u8]); 11] = [
    ("connection", b"upgrade"),
    ("connection", b"close"),
    ("connection", b"keep-alive"),
    ("connection", b"x-a, X-Bytes"),
    ("connection", b"te, close"),
    ("keep-alive", b"timeout=5"),
    ("proxy-connection", b"keep-alive"),
    ("te", b"gzip, trailers"),
    ("te", b"deflate"),
    ("upgrade", b"websocket"),
    ("expect", b"100-continue"),
];

/// The only date that does not come from Envoy.
pub(crate) const DATE: &str = "Tue, 01 Jan 2030 00:00:00 GMT";

/// Headers of answers with something about them.
const RESPONSE_HEADERS: [(&str, &[u8]); 26] = [
    ("content-type", b"text/plain; charset=utf-8"),
    ("content-encoding", b"identity"),
    ("set-cookie", b"a=1; Path=/"),
    ("set-cookie", b"b=2"),
    ("server", b"nginx"),
    ("date", DATE.as_bytes()),
    ("via", b"1.1 b"),
    ("location", b"/elsewhere"),
    ("etag", b"\"x\""),
    ("vary", b"accept"),
    ("vary", b"cookie"),
    ("cache-control", b"no-store"),
    ("x-envoy-upstream-service-time", b"77"),
    ("x-envoy-overloaded", b"true"),
    ("x-envoy-ratelimited", b"true"),
    ("x-envoy-attempt-count", b"3"),
    ("x-envoy-immediate-health-check-fail", b"x"),
    ("x-envoy-degraded", b"1"),
    ("x-request-id", b"other"),
    ("alt-svc", b"h3=\":443\""),
    ("strict-transport-security", b"max-age=1"),
    ("www-authenticate", b"Basic"),
    ("x-a", b"1"),
    ("x-a", b"2"),
    ("x-bytes", b"caf\xe9 \xff"),
    ("grpc-status", b"0"),
];

/// The request of a seed, and what the upstream does with it.
pub(crate) fn sending(seed: u64) -> Sending {
    let random = &mut Rng::with_seed(seed);
    if random.u8(..100) < 12 {
        return grpc(random);
    }
    let protocol = if random.bool() { Protocol::Http1 } else { Protocol::Http2 };
    let method = *random.choice(&METHODS[..]).unwrap();
    let mut headers = head(random, method);
    headers.extend(some(random, &REQUEST_HEADERS, 6));
    if protocol == Protocol::Http1 {
        headers.extend(some(random, &HTTP1_HEADERS, 2));
    }
    let has_body = matches!(method, "POST" | "PUT" | "PATCH" | "PROPFIND");
    let is_other = random.u8(..8) == 0;
    let is_upgrade = headers.iter().any(|(_, value)| value == b"upgrade");
    let body =
        if has_body != is_other && method != "TRACE" && !is_upgrade { pieces(random) } else { Vec::new() };
    let trailers = trailers(random, protocol, &body);
    let request = Request { headers: together(headers), body, trailers };
    let answer = answer(random, protocol, method);
    let upstream = acting(random, answer, method == "HEAD");
    Sending { protocol, request, upstream, ..Sending::default() }
}

fn grpc(random: &mut Rng) -> Sending {
    let mut headers = head(random, "POST");
    headers.extend(list(&[("content-type", b"application/grpc+proto"), ("te", b"trailers")]));
    headers.extend(some(random, &REQUEST_HEADERS[..5], 2));
    let message = b"\0\0\0\0\x03abc".to_vec();
    let request = Request { headers: together(headers), body: vec![message.clone()], trailers: None };
    let status: &[u8] = random.choice([b"0".as_slice(), b"5", b"14"]).unwrap();
    let fields = list(&[("grpc-status", status), ("grpc-message", b"not%20found")]);
    let kind = list(&[("content-type", b"application/grpc")]);
    let response = match random.u8(..3) {
        // Trailers only.
        0 => Response { status: 200, headers: [kind, fields].concat(), ..Response::default() },
        1 => Response { status: 200, headers: kind, body: Vec::new(), trailers: Some(fields) },
        _ => Response { status: 200, headers: kind, body: vec![message], trailers: Some(fields) },
    };
    Sending { protocol: Protocol::Http2, request, upstream: response.into(), ..Sending::default() }
}

fn head(random: &mut Rng, method: &str) -> HeaderList {
    let path = random.choice(PATHS).unwrap();
    let authority = random.choice(AUTHORITIES).unwrap();
    list(&[
        (":method", method.as_bytes()),
        (":path", path.as_bytes()),
        (":authority", authority.as_bytes()),
        (":scheme", b"http"),
    ])
}

fn answer(random: &mut Rng, protocol: Protocol, method: &str) -> Response {
    let status = random.choice(STATUSES).unwrap();
    let headers = together(some(random, &RESPONSE_HEADERS, 5));
    let body =
        if matches!(status, 204 | 205 | 304) || random.u8(..4) == 0 { Vec::new() } else { pieces(random) };
    let trailers = if method == "HEAD" { None } else { trailers(random, protocol, &body) };
    Response { status, headers, body, trailers }
}

/// Mostly the answer is sent as it is.
fn acting(random: &mut Rng, answer: Response, is_head: bool) -> Answer {
    let kind = match random.u8(..40) {
        0 => AnswerKind::Reset,
        1 => AnswerKind::Malformed,
        2 if !answer.body.is_empty() && !is_head => {
            AnswerKind::ResetMidBody(Response { trailers: None, ..answer })
        }
        _ => AnswerKind::Response(answer),
    };
    Answer { kind, ..Answer::default() }
}

fn trailers(random: &mut Rng, protocol: Protocol, body: &[Vec<u8>]) -> Option<HeaderList> {
    let has_some = protocol == Protocol::Http2 && !body.is_empty() && random.u8(..4) == 0;
    has_some.then(|| list(&[("x-trailer", b"1"), ("x-trailer", b"2"), ("x-bytes", b"\xff")]))
}

/// One to three pieces, each of which Envoy reads at once.
fn pieces(random: &mut Rng) -> Vec<Vec<u8>> {
    (0..random.usize(1..4)).map(|_| vec![random.alphanumeric() as u8; random.usize(1..2000)]).collect()
}

fn some(random: &mut Rng, from: &[(&str, &[u8])], most: usize) -> HeaderList {
    let count = random.usize(..=most);
    list(&(0..count).map(|_| *random.choice(from).unwrap()).collect::<Vec<_>>())
}

fn list(fields: &[(&str, &[u8])]) -> HeaderList {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

/// Repeated headers stand together, at the place of the first.
fn together(headers: HeaderList) -> HeaderList {
    let mut sorted = HeaderList::new();
    for (name, value) in headers {
        let last = sorted.iter().rposition(|(it, _)| *it == name);
        sorted.insert(last.map_or(sorted.len(), |at| at + 1), (name, value));
    }
    sorted
}
