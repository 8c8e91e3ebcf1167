//! What was seen of an exchange, as lines that two targets can be compared by.

use portcullis_sim::AnswerKind;
use portcullis_sim::http::{Exchange, HeaderList, LogLine, Sending};

use crate::generate::DATE;

/// Values that are another every time.
const VOLATILE: [&str; 2] = ["x-request-id", "x-envoy-upstream-service-time"];

/// Everything that was seen, line by line.
pub(crate) fn seen(exchange: &Exchange, log: &[LogLine]) -> Vec<String> {
    let mut lines = vec![format!("details {:?}", exchange.details)];
    match &exchange.client {
        None => lines.push("client: nothing".to_owned()),
        Some(client) => {
            lines.push(format!("client: {}", client.status));
            headers("client", &client.headers, &mut lines);
            body("client", &client.body, client.trailers.as_ref(), &mut lines);
        }
    }
    match &exchange.upstream {
        None => lines.push("upstream: nothing".to_owned()),
        Some(upstream) => {
            headers("upstream", &upstream.headers, &mut lines);
            body("upstream", &upstream.body, upstream.trailers.as_ref(), &mut lines);
        }
    }
    lines.extend(log.iter().map(|line| format!("log: {}", without_volatile(&line.message))));
    lines.retain(|line| !line.starts_with("client: date=") || line.contains(DATE));
    lines
}

/// What only one of two lists has, in their order.
pub(crate) fn difference(seed: u64, sending: &Sending, simulated: &[String], real: &[String]) -> String {
    let mut text = format!("SEED={seed} {:?}, {}\n", sending.protocol, request(sending));
    let without = |list: &[String], other: &[String]| -> Vec<String> {
        list.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    for (sign, lines) in [("harness", without(simulated, real)), ("Envoy  ", without(real, simulated))] {
        for line in lines {
            text += &format!("  {sign} {line}\n");
        }
    }
    if text.lines().count() == 1 {
        text += &format!("  another order:\n  harness {simulated:#?}\n  Envoy   {real:#?}\n");
    }
    text
}

/// As much of what was sent as helps to see why.
fn request(sending: &Sending) -> String {
    let pairs = |list: &HeaderList| {
        let pairs =
            list.iter().map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        pairs.collect::<Vec<_>>().join(" ")
    };
    let sizes = |body: &[Vec<u8>]| body.iter().map(Vec::len).collect::<Vec<_>>();
    let (request, answer) = (&sending.request, &sending.upstream.kind);
    let answer = match answer {
        AnswerKind::Response(it) | AnswerKind::ResetMidBody(it) => {
            let breaks = if matches!(answer, AnswerKind::ResetMidBody(_)) { ", then breaks off" } else { "" };
            let (headers, body, has_trailers) = (pairs(&it.headers), sizes(&it.body), it.trailers.is_some());
            format!("{} {headers} body {body:?}, trailers {has_trailers}{breaks}", it.status)
        }
        other => format!("{other:?}"),
    };
    let (headers, body, has_trailers) =
        (pairs(&request.headers), sizes(&request.body), request.trailers.is_some());
    format!("{headers} body {body:?}, trailers {has_trailers}; answer {answer}")
}

/// In the order of their names: the client and the upstream around a real Envoy do not keep that of the wire. What the plugin
/// logs is in that order.
fn headers(whose: &str, list: &HeaderList, lines: &mut Vec<String>) {
    let mut list: Vec<_> = list.iter().collect();
    list.sort_by_key(|(name, _)| name);
    let shown = list.iter().map(|(name, value)| {
        let pair = format!("{}=\"{}\"", name.escape_ascii(), value.escape_ascii());
        format!("{whose}: {}", without_volatile(&pair))
    });
    lines.extend(shown);
}

fn body(whose: &str, pieces: &[Vec<u8>], trailers: Option<&HeaderList>, lines: &mut Vec<String>) {
    lines.push(format!("{whose}: body {}", pieces.concat().escape_ascii()));
    if let Some(trailers) = trailers {
        lines.push(format!("{whose}: trailers"));
        headers(whose, trailers, lines);
    }
}

/// With a star for the value of what is another every time.
fn without_volatile(text: &str) -> String {
    let mut text = text.to_owned();
    for name in VOLATILE {
        let start = format!("{name}=\"");
        let Some(value) = text.find(&start).map(|at| at + start.len()) else { continue };
        let Some(length) = text[value..].find('"') else { continue };
        // An id that the client has chosen is shorter than a UUID.
        if name != "x-request-id" || length == 36 {
            text.replace_range(value..value + length, "*");
        }
    }
    text
}
