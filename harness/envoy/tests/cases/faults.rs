//! What Envoy makes of an upstream that fails, and of several requests at once.

use std::time::Duration;

use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{Protocol, Request, Response, Sending};
use portcullis_sim::{Answer, AnswerKind, GrpcAnswer, Reachability, Setup};

use crate::{get, list, start, start_all, values};

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const BEFORE_HEADERS: &str = "upstream connect error or disconnect/reset before headers. reset reason";

fn answer(kind: AnswerKind) -> Answer {
    Answer { after: Duration::ZERO, kind }
}

/// What a client sees of a fault: status and body, or nothing, and the details.
type Seen = (Option<(u16, String)>, String);

fn seen(answer: Option<(u16, &str)>, details: &str) -> Seen {
    (answer.map(|(status, body)| (status, body.to_owned())), details.to_owned())
}

fn see(exchange: &portcullis_sim::http::Exchange) -> Seen {
    let text = |response: &Response| String::from_utf8(response.body.concat()).unwrap();
    let client = exchange.client.as_ref().map(|response| (response.status, text(response)));
    (client, exchange.details.clone().unwrap_or_default())
}

#[test]
fn an_upstream_that_cannot_be_reached_is_a_503() {
    let no_host = seen(Some((503, "no healthy upstream")), "no_healthy_upstream");
    let refused = seen(
        Some((503, &format!("{BEFORE_HEADERS}: remote connection failure"))),
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
    );
    for (upstream, expected) in
        [(Reachability::NoHealthyHost, no_host), (Reachability::ConnectError, refused)]
    {
        let mut target = start_all(&["pass"], &Setup { upstream, ..Setup::of("ok") }).unwrap();
        for exchange in target.send(&BOTH.map(|protocol| get(protocol, Answer::default()))).unwrap() {
            assert_eq!(see(&exchange), expected);
            assert_eq!(exchange.upstream, None);
        }
    }
}

/// All at once, for Envoy waits 15 s before it gives up.
#[test]
fn each_fault_of_the_upstream_has_its_own_answer() {
    let part = Response { status: 200, body: vec![b"part".to_vec()], ..Response::default() };
    let no_part = Response { body: Vec::new(), ..part.clone() };
    let kinds = [
        AnswerKind::Reset,
        AnswerKind::Malformed,
        AnswerKind::Timeout,
        AnswerKind::ResetMidBody(part),
        AnswerKind::ResetMidBody(no_part),
    ];
    let before = |protocol: Protocol| {
        let broken = match protocol {
            Protocol::Http1 => "upstream_reset_after_response_started{protocol_error}",
            Protocol::Http2 => "upstream_reset_after_response_started{connection_termination}",
        };
        [
            seen(
                Some((503, &format!("{BEFORE_HEADERS}: connection termination"))),
                "upstream_reset_before_response_started{connection_termination}",
            ),
            seen(
                Some((502, &format!("{BEFORE_HEADERS}: protocol error"))),
                "upstream_reset_before_response_started{protocol_error}",
            ),
            seen(Some((504, "upstream request timeout")), "response_timeout"),
            seen(None, broken),
            seen(None, broken),
        ]
    };
    let sendings: Vec<Sending> = BOTH
        .iter()
        .flat_map(|protocol| kinds.iter().map(|kind| get(*protocol, answer(kind.clone()))))
        .collect();
    let mut target = start("pass", b"ok").unwrap();
    let exchanges = target.send(&sendings).unwrap();
    for ((exchange, expected), sending) in
        exchanges.iter().zip(BOTH.into_iter().flat_map(before)).zip(sendings)
    {
        assert_eq!(see(exchange), expected, "{sending:?}");
        assert!(exchange.upstream.is_some(), "{sending:?}");
    }
}

#[test]
fn requests_at_once_have_their_own_answers_in_order() {
    let numbered = |number: u16| {
        let headers = list(&[(":authority", b"shop.example"), ("x-number", number.to_string().as_bytes())]);
        let response = Response { status: 200 + number, ..Response::default() };
        // The first is answered last.
        let after = Duration::from_millis(u64::from(8 - number) * 50);
        Sending {
            protocol: if number.is_multiple_of(2) { Protocol::Http1 } else { Protocol::Http2 },
            request: Request { headers, ..Request::default() },
            upstream: Answer { after, kind: AnswerKind::Response(response) },
            ..Sending::default()
        }
    };
    let mut target = start("pass", b"ok").unwrap();
    let begin = std::time::Instant::now();
    let exchanges = target.send(&[1, 2, 3, 4, 5, 6, 7].map(numbered)).unwrap();
    assert!(begin.elapsed() < Duration::from_millis(1400), "one after the other it takes longer");
    let statuses: Vec<_> = exchanges.iter().map(|it| it.client.as_ref().unwrap().status).collect();
    assert_eq!(statuses, [201, 202, 203, 204, 205, 206, 207]);
    let upstreams = exchanges.iter().map(|it| &it.upstream.as_ref().unwrap().headers);
    let numbers: Vec<_> = upstreams.map(|headers| values(headers, "x-number").concat()).collect();
    assert_eq!(numbers, [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]);
}

#[test]
fn an_upstream_that_speaks_grpc_needs_http2() {
    let grpc = GrpcAnswer { messages: vec![b"pong".to_vec()], status: 5, ..GrpcAnswer::default() };
    let grpc = answer(AnswerKind::Grpc(grpc));
    let mut target = start("pass", b"ok").unwrap();
    let client = target.send(&[get(Protocol::Http2, grpc.clone())]).unwrap().remove(0).client.unwrap();
    assert_eq!(client.body, [b"\0\0\0\0\x04pong"]);
    assert_eq!(client.trailers, Some(list(&[("grpc-status", b"5")])));
    let error = target.send(&[get(Protocol::Http1, grpc)]).unwrap_err();
    assert!(matches!(error, TargetError::NotHere(why) if why.contains("HTTP/2")));
}
