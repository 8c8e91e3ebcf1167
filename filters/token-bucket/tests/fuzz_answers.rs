//! Any bytes as the answer of the rate limit service and as what stands in the shared data: no panic, and nobody is admitted by them
//! who would not be.

use bolero::TypeGenerator;
use portcullis_kit::rules::is_token;
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, CallId, GrpcAnswer, Headers, HttpFilter, StreamId};
use portcullis_proto::ratelimit::rate_limit_response::{Code, DescriptorStatus, RateLimit};
use portcullis_proto::ratelimit::{Duration as Span, HeaderValue, RateLimitRequest, RateLimitResponse};
use portcullis_token_bucket::Stream;
use portcullis_token_bucket::slots::{Set, WAYS};
use prost::Message;
use serde_json::{Value, json};

#[expect(dead_code, reason = "not all of it is of use here")]
mod common;

use common::{Exact, Outcome, SECOND, START, filter, host, request, send};

/// Limits that the service counts.
fn global(more: Value) -> Value {
    let mut limit = json!({"name": "all", "rate": "10/1s", "scope": "global", "key": [{"header": "x-key"}]});
    limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "limits": [limit],
        "rate_limit_service": {"cluster": "ratelimit", "domain": "shop"},
        "reply": {"ratelimit": "always", "x_ratelimit": "always"},
    })
}

/// An answer that a server may well give, and then some.
#[derive(Clone, Debug, TypeGenerator)]
struct Answer {
    code: i8,
    statuses: Vec<Verdict>,
    headers: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    /// Which of those that frame or route.
    reserved: Option<u8>,
    body: Vec<u8>,
    /// What becomes of its bytes on the way.
    splices: Option<Vec<(u16, u8, Vec<u8>)>>,
}

/// The verdict on a descriptor.
#[derive(Clone, Debug, TypeGenerator)]
struct Verdict {
    code: i8,
    limit: Option<(u32, i8)>,
    remaining: u32,
    reset: Option<(i64, i32)>,
}

const RESERVED: [&str; 7] =
    [":path", "Host", "connection", "Content-Length", "content-length", "transfer-encoding", "upgrade"];

impl Answer {
    fn encode(&self) -> Vec<u8> {
        let statuses = self.statuses.iter().map(|it| DescriptorStatus {
            code: it.code.into(),
            current_limit: it.limit.map(|(requests_per_unit, unit)| RateLimit {
                requests_per_unit,
                unit: unit.into(),
                name: Vec::new(),
            }),
            limit_remaining: it.remaining,
            duration_until_reset: it.reset.map(|(seconds, nanos)| Span { seconds, nanos }),
        });
        let header = |(key, value, raw_value): &(Vec<u8>, Vec<u8>, Vec<u8>)| HeaderValue {
            key: key.clone(),
            value: value.clone(),
            raw_value: raw_value.clone(),
        };
        let reserved = self.reserved.map(|which| {
            let name = RESERVED[usize::from(which) % RESERVED.len()];
            HeaderValue { key: name.into(), value: b"1".to_vec(), raw_value: Vec::new() }
        });
        let headers: Vec<_> = self.headers.iter().map(header).chain(reserved).collect();
        let response = RateLimitResponse {
            overall_code: match self.code.rem_euclid(4) {
                0 | 1 => Code::Ok.into(),
                2 => Code::OverLimit.into(),
                _ => self.code.into(),
            },
            statuses: statuses.collect(),
            response_headers_to_add: headers.clone(),
            request_headers_to_add: headers,
            raw_body: self.body.clone(),
        };
        let mut bytes = response.encode_to_vec();
        for (at, remove, insert) in self.splices.iter().flatten() {
            let start = usize::from(*at) % (bytes.len() + 1);
            let end = (start + usize::from(remove % 8)).min(bytes.len());
            bytes.splice(start..end, insert.iter().copied());
        }
        bytes
    }
}

/// What stands for a message with groups of protobuf 2, whose contents are not read.
const GROUPS: u64 = u64::MAX;

/// A reader of its own, of the one field that decides: the last `overall_code` of the message. `None` where it is no message.
fn overall_code(mut bytes: &[u8]) -> Option<u64> {
    let mut code = 0;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let size = match tag & 7 {
            0 => {
                let number = varint(&mut bytes)?;
                code = if tag >> 3 == 1 { number & 0xffff_ffff } else { code };
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)?).ok()?,
            5 => 4,
            3 | 4 => return Some(GROUPS),
            _ => return None,
        };
        bytes = bytes.get(size..)?;
    }
    Some(code)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or_default();
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The last call, and how many tokens it asks for.
fn asked(host: &TestHost) -> (CallId, u64) {
    let message = RateLimitRequest::decode(host.calls.last().unwrap().body.as_slice()).unwrap();
    let tokens = message.descriptors.iter().filter_map(|descriptor| descriptor.hits_addend).sum();
    (CallId(u32::try_from(host.calls.len()).unwrap() * 4), tokens)
}

/// Lets one request wait for the service, which answers so.
fn asks(bytes: &[u8]) {
    let mut host = host();
    let mut filter = filter(&global(json!({})), &mut host);
    let (id, mut stream) = (StreamId(2), Stream::default());
    let mut headers = request(&[("x-key", "a")]);
    assert_eq!(send(&mut filter, (id, &mut stream), &mut headers, &mut host), Outcome::Waits);
    let answer = GrpcAnswer::Message(bytes.to_vec());
    assert_eq!(filter.on_grpc_answer(asked(&host).0, &answer, &mut host), [id]);
    match filter.on_request_headers((id, &mut stream), &mut headers, &mut host) {
        Ok(Action::Continue) => {
            assert!([Some(1), Some(GROUPS)].contains(&overall_code(bytes)), "admitted by {bytes:?}");
            for (name, value) in headers.iter().skip(4) {
                assert_plain(std::str::from_utf8(name).unwrap(), value);
            }
            let mut response = Headers::from_iter([(":status", "200")]);
            filter.on_response_headers((id, &mut stream), &mut response, &mut host);
            filter.on_end((id, stream), &mut host);
        }
        Ok(Action::Pause) => panic!("it has its answer"),
        Err(reply) if reply.status == 429 => {
            assert!([Some(2), Some(GROUPS)].contains(&overall_code(bytes)), "denied by {bytes:?}");
            reply.headers.iter().for_each(|(name, value)| assert_plain(name, value));
        }
        Err(reply) => {
            assert_eq!(reply.status, 503);
            let is_verdict =
                RateLimitResponse::decode(bytes).is_ok_and(|it| [1, 2].contains(&it.overall_code));
            assert!(!is_verdict, "not understood: {bytes:?}");
        }
    }
}

/// What a service adds is a header, and none that frames or routes.
fn assert_plain(name: &str, value: &[u8]) {
    assert!(is_token(name) && !RESERVED.contains(&name) && name != "host", "{name:?}");
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
}

#[test]
fn any_bytes() {
    bolero::check!().for_each(asks);
}

#[test]
fn any_answer() {
    bolero::check!().with_type::<Answer>().with_iterations(5000).for_each(|answer| asks(&answer.encode()));
}

/// What happens to tokens that are taken in advance.
#[derive(Clone, Debug, TypeGenerator)]
enum Ahead {
    Request {
        cost: u8,
    },
    Answer {
        which: u8,
        answer: Answer,
    },
    /// The service answers as it should.
    Verdict {
        which: u8,
        is_ok: bool,
    },
    Fails {
        which: u8,
        status: u8,
    },
    Time {
        millis: u16,
    },
}

#[test]
fn no_answer_gives_more_than_was_asked_for() {
    const AHEAD: u64 = 20;
    let config = global(json!({"ahead": AHEAD, "cost_from": {"header": "x-cost", "max": AHEAD}}));
    bolero::check!().with_type::<Vec<Ahead>>().with_iterations(3000).for_each(|acts| {
        let mut host = host();
        let mut filter = filter(&config, &mut host);
        let mut open: Vec<(CallId, u64)> = Vec::new();
        // The worker may owe as many as it takes in advance, and what it owes is forgiven by a refusal, a failure and the end of a
        // window, which is a second where the service does not say.
        let (mut admitted, mut allowed, mut window) = (0, AHEAD, START + SECOND);
        for act in acts {
            let now = host.now.as_nanos();
            if now >= window {
                (allowed, window) = (allowed + AHEAD, now + SECOND);
            }
            let (which, answer) = match act {
                Ahead::Time { millis } => {
                    host.advance(std::time::Duration::from_millis((*millis).into()));
                    continue;
                }
                Ahead::Request { cost } => {
                    let cost = u64::from(*cost) % AHEAD + 1;
                    let calls = host.calls.len();
                    let mut headers = request(&[("x-key", "a"), ("x-cost", &cost.to_string())]);
                    let stream = (StreamId(2), &mut Stream::default());
                    if send(&mut filter, stream, &mut headers, &mut host) == Outcome::Passed {
                        admitted += cost;
                    }
                    if host.calls.len() > calls {
                        open.push(asked(&host));
                    }
                    assert!(admitted <= allowed, "{admitted} of {allowed}");
                    continue;
                }
                Ahead::Answer { which, answer } => (which, GrpcAnswer::Message(answer.encode())),
                Ahead::Verdict { which, is_ok } => {
                    let code = if *is_ok { Code::Ok } else { Code::OverLimit };
                    let response = RateLimitResponse { overall_code: code.into(), ..Default::default() };
                    (which, GrpcAnswer::Message(response.encode_to_vec()))
                }
                Ahead::Fails { which, status } => (which, GrpcAnswer::Status((*status).into())),
            };
            if open.is_empty() {
                continue;
            }
            let (call, tokens) = open.remove(usize::from(*which) % open.len());
            let said = match &answer {
                GrpcAnswer::Message(bytes) => RateLimitResponse::decode(bytes.as_slice()).unwrap_or_default(),
                GrpcAnswer::Status(_) => RateLimitResponse::default(),
            };
            let has_window =
                said.statuses.first().is_some_and(|status| status.duration_until_reset.is_some());
            allowed += if said.overall_code == Code::Ok as i32 { tokens } else { AHEAD };
            allowed += if has_window { AHEAD } else { 0 };
            window = if said.overall_code == Code::Ok as i32 { now + SECOND } else { window };
            assert_eq!(filter.on_grpc_answer(call, &answer, &mut host), []);
        }
    });
}

/// What happens to buckets in the shared data.
#[derive(Clone, Debug, TypeGenerator)]
enum Shared {
    Request {
        worker: bool,
        key: u8,
        cost: u8,
    },
    /// Somebody writes this over an entry.
    Write {
        which: u8,
        bytes: Vec<u8>,
    },
    /// Or over a part of it.
    Splice {
        which: u8,
        at: u8,
        remove: u8,
        insert: Vec<u8>,
    },
    Tick {
        worker: bool,
    },
    Time {
        millis: u16,
    },
}

/// Overwritten buckets count as spent. One that has been made to look like a bucket is one: nobody can tell.
#[test]
fn no_bytes_in_the_shared_data_admit_anybody() {
    const BURST: u64 = 10;
    let config = |scope: &str, key: Value| {
        let cost_from = json!({"header": "x-cost", "max": BURST});
        let limit =
            json!({"name": "all", "rate": "10/1s", "scope": scope, "key": key, "cost_from": cost_from});
        json!({"limits": [limit]})
    };
    let by_key = json!([{"header": "x-key"}]);
    let configs = ["process", "leased"]
        .map(|scope| [(config(scope, json!([])), 1), (config(scope, by_key.clone()), WAYS)]);
    bolero::check!().with_type::<(u8, Vec<Shared>)>().with_iterations(5000).for_each(|(which, acts)| {
        let (config, ways) = &configs.as_flattened()[usize::from(*which) % 4];
        let mut host = host();
        let mut workers = [filter(config, &mut host), filter(config, &mut host)];
        let full = Exact::new((10, SECOND), BURST, host.now.as_nanos());
        let (mut exact, mut is_told) = (vec![full; 256], false);
        for act in acts {
            let now = host.now.as_nanos();
            match act {
                Shared::Request { worker, key, cost } => {
                    let cost = u64::from(*cost) % BURST + 1;
                    let mut headers = request(&[("x-key", &key.to_string()), ("x-cost", &cost.to_string())]);
                    let stream = (StreamId(2), &mut Stream::default());
                    let outcome = send(&mut workers[usize::from(*worker)], stream, &mut headers, &mut host);
                    let bucket = &mut exact[if *ways == 1 { 0 } else { usize::from(*key) }];
                    assert!(outcome != Outcome::Passed || is_told || bucket.take(cost, now), "{act:?}");
                }
                Shared::Write { which, bytes } => {
                    is_told |= overwrite(&mut host, *which, *ways, |value| value.clone_from(bytes));
                }
                Shared::Splice { which, at, remove, insert } => {
                    is_told |= overwrite(&mut host, *which, *ways, |value| {
                        let start = usize::from(*at) % (value.len() + 1);
                        let end = (start + usize::from(remove % 8)).min(value.len());
                        value.splice(start..end, insert.iter().copied());
                    });
                }
                Shared::Tick { worker } => drop(workers[usize::from(*worker)].on_tick(&mut host)),
                Shared::Time { millis } => {
                    host.advance(std::time::Duration::from_millis((*millis % 2000).into()));
                }
            }
        }
    });
}

/// Changes one entry; whether it has become another one that can be read.
fn overwrite(host: &mut TestHost, which: u8, ways: usize, change: impl FnOnce(&mut Vec<u8>)) -> bool {
    let count = host.shared.len();
    let Some((name, datum)) = host.shared.iter_mut().nth(usize::from(which) % count.max(1)) else {
        return false;
    };
    let before = datum.value.clone();
    change(&mut datum.value);
    datum.cas += 1000;
    datum.value != before && (name.ends_with("rates") || Set::decode(&datum.value, ways).is_some())
}
