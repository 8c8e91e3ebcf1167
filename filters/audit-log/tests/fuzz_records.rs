//! Whatever stands in requests and responses, in attributes and filter states, and in the answers of the sink: nothing panics, every record is
//! canonical JSON, and the chain is intact.

mod common;

use bolero::{TypeGenerator, check};
use common::exchange::Fields;
use common::recorder::{Begun, Flight, Recorder};
use common::sink::Answer;
use common::{Exchange, recorder};

/// Attributes and filter states that are read.
const ATTRIBUTES: [&str; 21] = [
    "request.time",
    "request.duration",
    "request.protocol",
    "request.size",
    "response.size",
    "response.code",
    "response.code_details",
    "response.flags",
    "response.grpc_status",
    "source.address",
    "upstream.address",
    "upstream.request_attempt_count",
    "xds.route_name",
    "xds.cluster_name",
    "connection.requested_server_name",
    "connection.tls_version",
    "connection.uri_san_peer_certificate",
    "connection.subject_peer_certificate",
    "jwt",
    "failure",
    "other",
];
const HEADERS: [&str; 19] = [
    ":method",
    ":scheme",
    ":authority",
    ":path",
    ":status",
    "user-agent",
    "accept",
    "cookie",
    "set-cookie",
    "authorization",
    "x-forwarded-for",
    "x-request-id",
    "traceparent",
    "content-type",
    "content-encoding",
    "grpc-status",
    "x-\u{e4}",
    "",
    "X-Upper",
];
/// What means something in one of them.
const WORDS: [&str; 34] = [
    "GET",
    "PATCH",
    "https",
    "shop.example:443",
    "a:b@[::1]:99999",
    "/orders/7?page=2&token=x;y#z",
    "/reset/a/b;c=d/%2e%2e",
    "/shop.v1.Orders/List",
    "200",
    "Bearer abc",
    "a=b; lang=de; c",
    "198.51.100.7, unknown,::1",
    "[2001:db8::1]:40000",
    "198.51.100.7:40000",
    "4f1c6f3a-2b3c-4d5e-8f90-a1b2c3d4e5f6",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "application/json",
    "application/grpc",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
    "gzip",
    "via_upstream",
    "portcullis_jwt_expired",
    "portcullis_",
    "rbac_access_denied_matched_policy[none]",
    "http1.codec_error",
    "upstream_reset_after_response_started{remote_reset}",
    "TLSv1.3",
    "TLSv",
    r#"{"sub":"alice","plan":{"\uffff":1,"\ud83d\ude00":2},"a.b":"x","n":1e400}"#,
    r#"{"sub":1.5,"azp":"web","sid":"s","plan":[-0.0,12345678901234567890,1e21]}"#,
    r#"{"code":"portcullis_jwt_expired"}"#,
    r#"{"order":{"note":"n","\u0000":[1,null,true]}}"#,
    "item=1&card=2&%zz=%",
];
const CONFIGURATIONS: [&str; 6] = [
    "{}",
    "{schema: ecs, otherwise: {level: bodies, stages: [request_received, response_complete]}, identity: {tokens: [jwt], failures: [failure], claims: [[plan], [a.b]]}}",
    "{schema: ocsf-1.8, otherwise: {level: bodies, denied: bodies, sample: 0.5}, identity: {tokens: [other, jwt], tenant: [plan], failures: [failure]}, show: {hidden: masked, cookies: [lang], query: [page], form: [item], json: [[order, '*']], paths: [{template: '/reset/{a}/**', show: [a]}]}, bodies: {content_types: [application/json, application/x-www-form-urlencoded, text/plain], max_size: 64B, max_held: 100B}}",
    "{rules: [{name: a, when: {path: {prefix: /orders/}}, level: headers}, {name: b, when: {grpc: {service: shop.v1.Orders}}, level: none}], duplicates: {window: 2s, max_keys: 2}, fingerprint: {headers: [cookie], query: true, body: true}, operations: [{when: {methods: [GET]}, name: read}], identity: {tokens: [jwt]}}",
    "{delivery: {mode: required, queue: 64KiB, batch: 2}, integrity: {record_integrity: true, checkpoint: {records: 2, interval: 1s}}, otherwise: {level: headers}, show: {hidden: keyed, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}",
    "{sink: {otlp: {cluster: c, protocol: http_json}}, delivery: {mode: bounded_block, queue: 256KiB}, integrity: {sign: {hmac: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}, checkpoint: {records: 3}}}",
];

#[derive(Clone, Debug, TypeGenerator)]
enum Text {
    Word(u8),
    Bytes(Vec<u8>),
    Number(u64),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Word(number) => WORDS[usize::from(*number) % WORDS.len()].into(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Number(number) => number.to_le_bytes().into(),
        }
    }
}

type Named = Vec<(u8, Text)>;

#[derive(Clone, Debug, TypeGenerator)]
struct Request {
    attributes: Named,
    maps: [Option<Named>; 3],
    bodies: [Vec<Text>; 2],
    /// Whether a plain one is behind what is said.
    is_plain: bool,
    is_unseen: bool,
    stays: bool,
}

#[derive(Clone, Debug, TypeGenerator)]
enum Step {
    Request(Box<Request>),
    Goes,
    Time(u16),
    Answer(u8),
    Change(u8),
    Stop,
}

fn fields(named: &Named) -> Fields {
    let name = |number: u8| HEADERS[usize::from(number) % HEADERS.len()].to_owned();
    named.iter().map(|(number, text)| (name(*number), text.bytes())).collect()
}

fn exchange(request: &Request) -> Exchange {
    let [headers, response, trailers] = request.maps.each_ref().map(|map| map.as_ref().map(fields));
    let [request_body, response_body] =
        request.bodies.each_ref().map(|pieces| pieces.iter().map(Text::bytes).collect());
    let mut exchange = match request.is_plain {
        true => Exchange::plain(),
        false => Exchange { request: None, response: None, attributes: Vec::new(), ..Exchange::plain() },
    };
    for (name, value) in headers.iter().flatten() {
        exchange = exchange.header(name, value);
    }
    for (number, text) in &request.attributes {
        exchange = exchange.attribute(ATTRIBUTES[usize::from(*number) % ATTRIBUTES.len()], text.bytes());
    }
    Exchange { response: response.or(exchange.response), trailers, request_body, response_body, ..exchange }
}

fn answer(number: u8) -> Answer {
    match number % 8 {
        0 | 1 => Answer::Take,
        2 => Answer::Status(400),
        3 => Answer::Status(503),
        4 => Answer::After(429, u64::from(number % 20)),
        5 => Answer::Reset { is_kept: number & 8 == 0 },
        6 => Answer::Timeout { is_kept: number & 8 == 0 },
        _ => Answer::Silence { is_kept: false },
    }
}

fn config(number: u8) -> serde_json::Value {
    serde_saphyr::from_str(CONFIGURATIONS[usize::from(number) % CONFIGURATIONS.len()]).unwrap()
}

fn play(recorder: &mut Recorder, flights: &mut Vec<Flight>, step: &Step) {
    match step {
        Step::Request(request) => {
            let exchange = exchange(request);
            match request.is_unseen {
                true => recorder.log_only(&exchange),
                false => match recorder.begin(&exchange) {
                    Begun::Passes(flight) if request.stays => flights.push(flight),
                    Begun::Passes(flight) => recorder.finish(flight),
                    Begun::Waits(_) | Begun::Denied(_) => {}
                },
            }
        }
        Step::Goes => {
            recorder.finish_woken();
            flights.pop().into_iter().for_each(|flight| recorder.finish(flight));
        }
        // Who does not tick for ten seconds is taken for dead.
        Step::Time(time) => recorder.pass_seconds(u64::from(*time) / 3000),
        Step::Answer(number) => drop(recorder.answer(answer(*number))),
        Step::Change(number) if recorder.current() < 5 => recorder.configure(config(*number)),
        Step::Change(_) => {}
        Step::Stop => {
            let former = (0..recorder.current()).find(|instance| recorder.is_there(*instance));
            former.into_iter().for_each(|instance| recorder.stop(instance));
        }
    }
}

#[test]
fn every_record_is_canonical_and_the_chain_is_intact() {
    check!().with_iterations(1_500).with_type::<(u8, Vec<Step>)>().for_each(|(number, steps)| {
        let mut recorder = recorder(config(*number));
        let mut flights = Vec::new();
        steps.iter().for_each(|step| play(&mut recorder, &mut flights, step));
        recorder.finish_woken();
        flights.into_iter().for_each(|flight| recorder.finish(flight));
        (0..recorder.current())
            .filter(|it| recorder.is_there(*it))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|it| recorder.stop(it));
        for _ in 0..70 {
            recorder.pass_seconds(1);
            while recorder.answer(Answer::Take) > 0 {}
        }
        // What was sent and not kept has to be canonical as well.
        common::checks::assert_canonical(&recorder.sink.sent);
    });
}
