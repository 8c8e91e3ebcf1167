//! Call-outs to clusters.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_envoy::EnvoyTarget;
use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{Protocol, Response};
use portcullis_sim::{Answer, AnswerKind, Cluster, GrpcAnswer, Reachability, Setup};

use crate::{get, list, messages, start_all, values};

const BEFORE_HEADERS: &str = "upstream connect error or disconnect/reset before headers. reset reason";

fn start(guest: &str, cluster: Cluster) -> EnvoyTarget {
    let clusters = BTreeMap::from([("keys".to_owned(), cluster)]);
    start_all(&[guest], &Setup { clusters, ..Setup::of("keys") }).unwrap()
}

fn answering(kinds: impl IntoIterator<Item = AnswerKind>) -> Cluster {
    let answer = |kind| Answer { after: Duration::ZERO, kind };
    Cluster { answers: kinds.into_iter().map(answer).collect(), ..Cluster::default() }
}

fn unreachable(reachability: Reachability) -> Cluster {
    Cluster { reachability, ..Cluster::default() }
}

/// Sends so many requests, each after the other, and shows what the plugin has logged of its calls.
fn logged(target: &mut EnvoyTarget, requests: usize) -> Vec<String> {
    for _ in 0..requests {
        let exchange = target.send(&[get(Protocol::Http1, Answer::default())]).unwrap().remove(0);
        assert_eq!(exchange.client.unwrap().status, 200);
    }
    messages(target)
}

fn response(status: u16, body: &str) -> Response {
    Response { status, body: vec![body.as_bytes().to_vec()], ..Response::default() }
}

#[test]
fn answers_come_in_order_and_the_last_one_again() {
    let answers = [response(201, "one"), response(202, "two")].map(AnswerKind::Response);
    let mut target = start("call", answering(answers));
    assert_eq!(logged(&mut target, 3), ["201", "one", "202", "two", "202", "two"]);
    let calls = target.call_outs().unwrap();
    assert_eq!(calls.len(), 3);
    for call in calls {
        let pseudo = [(":method", &b"POST"[..]), (":path", b"/keys"), (":authority", b"keys.example")];
        assert_eq!(call.cluster, "keys");
        assert_eq!(call.request.headers[..3], list(&pseudo));
        assert_eq!(values(&call.request.headers, "x-envoy-internal"), [b"true"]);
        assert_eq!(call.request.body, [b"ping"]);
    }
}

#[test]
fn trailers_come_by_http2_and_none_go() {
    let trailing = Response { trailers: Some(list(&[("x-sum", b"9")])), ..response(200, "answer") };
    let mut target = start("call", answering([AnswerKind::Response(trailing)]));
    assert_eq!(logged(&mut target, 1), ["200", "answer", "9"]);
    let request = target.call_outs().unwrap().remove(0).request;
    assert_eq!(values(&request.headers, ":scheme"), [b"http"]);
    assert_eq!(request.trailers, None, "Envoy drops those that the plugin gives");
}

#[test]
fn each_fault_of_a_cluster_has_its_own_end() {
    let reset = |reason: &str| format!("{BEFORE_HEADERS}: {reason}");
    let cases = [
        (answering([]), vec!["200".to_owned(), String::new()]),
        (answering([AnswerKind::Reset]), vec!["503".to_owned(), reset("connection termination")]),
        (answering([AnswerKind::Malformed]), vec!["502".to_owned(), reset("protocol error")]),
        (answering([AnswerKind::Timeout]), vec!["504".to_owned(), "upstream request timeout".to_owned()]),
        (
            answering([AnswerKind::ResetMidBody(response(200, "part"))]),
            vec!["none 11".to_owned(), "reset".to_owned()],
        ),
        (unreachable(Reachability::ConnectError), vec!["503".to_owned(), reset("remote connection failure")]),
        (unreachable(Reachability::NoHealthyHost), vec!["rc 10".to_owned()]),
    ];
    for (cluster, expected) in cases {
        let mut target = start("call", cluster.clone());
        assert_eq!(logged(&mut target, 1), expected, "{cluster:?}");
        let reached = cluster.reachability == Reachability::Healthy;
        assert_eq!(target.call_outs().unwrap().len(), usize::from(reached), "{cluster:?}");
    }
}

#[test]
fn a_grpc_call_is_answered_with_a_message_or_a_status() {
    let message = GrpcAnswer { messages: vec![b"pong".to_vec()], ..GrpcAnswer::default() };
    let refusal = GrpcAnswer { status: 7, message: "100%".to_owned(), ..GrpcAnswer::default() };
    let mut target = start("grpc", answering([AnswerKind::Grpc(message), AnswerKind::Grpc(refusal)]));
    assert_eq!(logged(&mut target, 2), ["pong", "status 07", "100%25{via_upstream}"]);
    let request = target.call_outs().unwrap().remove(0).request;
    let pseudo = [(":method", &b"POST"[..]), (":path", b"/pkg.Service/Get"), (":authority", b"keys")];
    assert_eq!(request.headers[..3], list(&pseudo));
    assert_eq!(values(&request.headers, "grpc-timeout"), [b"400m"]);
    assert_eq!(values(&request.headers, "x-md"), [b"5"]);
    assert_eq!(request.body, [b"\0\0\0\0\x04ping"]);
}

#[test]
fn the_cluster_behind_the_route_is_not_another_s() {
    let clusters = BTreeMap::from([("upstream".to_owned(), Cluster::default())]);
    let error = start_all(&["pass"], &Setup { clusters, ..Setup::of("ok") }).unwrap_err();
    assert!(matches!(error, TargetError::NotHere(why) if why.contains("`upstream`")));
}
