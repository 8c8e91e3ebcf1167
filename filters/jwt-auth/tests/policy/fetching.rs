//! Requests that wait for something to be fetched, on one worker and on several.

use std::time::Duration;

use portcullis_jwt_auth::JwtAuth;
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, CallId, Headers, HttpAnswer, HttpFilter, StreamId};
use serde_json::{Value, json};

use crate::common::{bearer, jwks, tokens};

type Stream = <JwtAuth as HttpFilter>::Stream;

/// One worker: its filter, and the requests that it has paused.
struct Worker {
    filter: JwtAuth,
    paused: Vec<(StreamId, Stream)>,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    Paused,
    Denied(&'static str, Option<String>),
}

impl Worker {
    fn new(provider: &Value, host: &mut TestHost) -> Self {
        let mut shop = json!({"name": "shop", "issuer": "https://issuer.example", "audiences": ["orders"]});
        shop.as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
        let config = json!({"providers": [shop], "otherwise": {"provider": "shop"}});
        let mut filter = JwtAuth::configure(config.to_string().as_bytes()).unwrap();
        filter.start(host);
        Self { filter, paused: Vec::new() }
    }

    fn send(&mut self, id: u32, token: &str, host: &mut TestHost) -> Fate {
        self.run(StreamId(id), Stream::default(), token, host)
    }

    fn run(&mut self, id: StreamId, mut stream: Stream, token: &str, host: &mut TestHost) -> Fate {
        let mut request = bearer(tokens()[token].as_bytes());
        match self.filter.on_request_headers((id, &mut stream), &mut request, host) {
            Ok(Action::Continue) => Fate::Passed,
            Ok(Action::Pause) => {
                self.paused.push((id, stream));
                Fate::Paused
            }
            Err(reply) => {
                let retry = reply.headers.iter().find(|(name, _)| name == "retry-after");
                Fate::Denied(reply.code, retry.map(|(_, value)| String::from_utf8_lossy(value).into_owned()))
            }
        }
    }

    /// Runs the requests that were named, all with this token.
    fn wake(&mut self, woken: Vec<StreamId>, token: &str, host: &mut TestHost) -> Vec<Fate> {
        let fates = woken.into_iter().filter_map(|id| {
            let at = self.paused.iter().position(|(other, _)| *other == id)?;
            let (id, stream) = self.paused.remove(at);
            Some(self.run(id, stream, token, host))
        });
        fates.collect()
    }

    fn answer(&mut self, status: &str, body: &Value, token: &str, host: &mut TestHost) -> Vec<Fate> {
        let call = CallId(u32::try_from(host.calls.len()).unwrap() * 4);
        let headers: Headers = [(":status", status)].into_iter().collect();
        let answer = HttpAnswer { headers, body: body.to_string().into_bytes(), truncated: false };
        let woken = self.filter.on_http_answer(call, &answer, host);
        self.wake(woken, token, host)
    }

    fn tick(&mut self, token: &str, host: &mut TestHost) -> Vec<Fate> {
        let woken = self.filter.on_tick(host);
        self.wake(woken, token, host)
    }
}

fn host() -> TestHost {
    TestHost::at(crate::common::NOW.as_secs())
}

fn remote() -> Value {
    json!({"jwks": {"remote": {"cluster": "idp", "uri": "https://idp.example/jwks"}}})
}

fn published() -> Value {
    let public = jwks().into_iter().filter(|jwk| jwk["kty"] != "oct");
    json!({"keys": public.collect::<Vec<_>>()})
}

#[test]
fn requests_wait_for_the_first_keys_and_one_call_serves_all() {
    let mut host = host();
    let mut worker = Worker::new(&remote(), &mut host);
    assert!(
        worker.filter.tick() > Duration::ZERO && host.calls.is_empty(),
        "nobody is asked before Envoy is ready"
    );
    for id in 1..=10 {
        assert_eq!(worker.send(id, "good_rs256", &mut host), Fate::Paused);
    }
    assert_eq!(host.calls.len(), 1);
    let fates = worker.answer("200", &published(), "good_rs256", &mut host);
    assert_eq!(fates.len(), 10);
    assert!(fates.iter().all(|fate| *fate == Fate::Passed), "{fates:?}");
    assert_eq!(worker.send(11, "good_rs256", &mut host), Fate::Passed);
}

#[test]
fn another_worker_takes_the_keys_from_the_first() {
    let (mut one, mut two) = (host(), host());
    let (mut first, mut second) = (Worker::new(&remote(), &mut one), Worker::new(&remote(), &mut two));
    assert_eq!(first.send(1, "good_rs256", &mut one), Fate::Paused);
    two.shared = one.shared.clone();
    assert_eq!(second.send(1, "good_rs256", &mut two), Fate::Paused);
    assert_eq!(two.calls.len(), 0, "the first one asks");
    first.answer("200", &published(), "good_rs256", &mut one);
    two.shared = one.shared.clone();
    assert_eq!(second.tick("good_rs256", &mut two), [Fate::Passed]);
    assert_eq!(two.calls.len(), 0);
}

#[test]
fn an_outage_is_a_503_that_says_when_to_try_again() {
    let mut host = host();
    let mut worker = Worker::new(&remote(), &mut host);
    worker.send(1, "good_rs256", &mut host);
    let fates = worker.answer("500", &json!({}), "good_rs256", &mut host);
    assert_eq!(fates, [Fate::Denied("portcullis_jwt_keys_unavailable", Some("1".into()))]);
    assert!(matches!(
        worker.send(2, "good_rs256", &mut host),
        Fate::Denied("portcullis_jwt_keys_unavailable", _)
    ));
    assert_eq!(host.calls.len(), 1, "no new attempt before its time");
}

#[test]
fn a_key_that_is_gone_vouches_for_no_remembered_token() {
    let mut host = host();
    let mut worker = Worker::new(&remote(), &mut host);
    worker.send(1, "good_rs256", &mut host);
    worker.answer("200", &published(), "good_rs256", &mut host);
    assert_eq!(worker.send(2, "good_rs256", &mut host), Fate::Passed);
    assert_eq!(worker.send(2, "good_es256", &mut host), Fate::Passed);
    host.advance(Duration::from_secs(3000));
    worker.tick("good_rs256", &mut host);
    let mut without = published();
    without["keys"].as_array_mut().unwrap().retain(|jwk| jwk["kty"] != "RSA");
    worker.answer("200", &without, "good_rs256", &mut host);
    let calls = host.calls.len();
    assert_eq!(worker.send(3, "good_es256", &mut host), Fate::Passed);
    assert_ne!(worker.send(4, "good_rs256", &mut host), Fate::Passed);
    assert!(host.calls.len() <= calls + 1, "one refetch for a key that nobody knows, at most");
}

#[test]
fn nothing_is_remembered_as_wrong_once_the_keys_have_changed() {
    let mut host = host();
    let mut worker = Worker::new(&remote(), &mut host);
    let mut renamed = published();
    // Another key under the name of the right one: the signature does not fit.
    let rsa: Vec<Value> =
        renamed["keys"].as_array().unwrap().iter().filter(|jwk| jwk["kty"] == "RSA").cloned().collect();
    let kid = rsa.iter().find(|jwk| jwk["alg"] == "RS256").map(|jwk| jwk["kid"].clone()).unwrap();
    let n = rsa.iter().find(|jwk| jwk["n"] != rsa.iter().find(|j| j["kid"] == kid).unwrap()["n"]);
    let other = n.expect("another RSA key");
    for jwk in renamed["keys"].as_array_mut().unwrap() {
        if jwk["kid"] == kid {
            jwk["n"] = other["n"].clone();
        }
    }
    worker.send(1, "good_rs256", &mut host);
    let fates = worker.answer("200", &renamed, "good_rs256", &mut host);
    assert_eq!(fates, [Fate::Denied("portcullis_jwt_signature_invalid", None)]);
    host.advance(Duration::from_secs(3000));
    worker.tick("good_rs256", &mut host);
    worker.answer("200", &published(), "good_rs256", &mut host);
    assert_eq!(worker.send(2, "good_rs256", &mut host), Fate::Passed);
}

#[test]
fn a_revoked_token_is_refused_although_it_is_remembered() {
    let mut host = host();
    let provider = json!({
        "jwks": {"inline": {"keys": jwks()}},
        "revocation": {"remote": {"cluster": "idp", "uri": "https://idp.example/revoked", "max_refresh": "10m"}},
    });
    let mut worker = Worker::new(&provider, &mut host);
    assert_eq!(worker.send(1, "good_rs256", &mut host), Fate::Paused);
    assert_eq!(worker.answer("200", &json!({}), "good_rs256", &mut host), [Fate::Passed]);
    assert_eq!(worker.send(2, "good_rs256", &mut host), Fate::Passed);
    host.advance(Duration::from_secs(3000));
    worker.tick("good_rs256", &mut host);
    worker.answer("200", &json!({"before": crate::common::NOW.as_secs() + 1}), "good_rs256", &mut host);
    assert_eq!(worker.send(3, "good_rs256", &mut host), Fate::Denied("portcullis_jwt_revoked", None));
}

#[test]
fn the_same_token_again_is_not_verified_again() {
    let mut host = host();
    let mut worker = Worker::new(&json!({"jwks": {"inline": {"keys": jwks()}}}), &mut host);
    for id in 0..5 {
        assert_eq!(worker.send(id, "good_rs256", &mut host), Fate::Passed);
        assert!(matches!(
            worker.send(id, "tampered_payload", &mut host),
            Fate::Denied("portcullis_jwt_signature_invalid", _)
        ));
    }
    assert_eq!(host.metrics["portcullis_jwt_auth_cache_miss_total"], 2);
    assert_eq!(host.metrics["portcullis_jwt_auth_cache_hit_total"], 8);
    assert_eq!(host.metrics["portcullis_jwt_auth_provider_shop_allowed_total"], 5);
    assert_eq!(host.metrics["portcullis_jwt_auth_provider_shop_denied_signature_invalid_total"], 5);
}

#[test]
fn whoever_asks_the_authorization_server_waits_for_its_answer() {
    let mut host = host();
    let provider = json!({
        "issuer": null,
        "introspection": {"cluster": "idp", "uri": "https://idp.example/introspect"},
    });
    let mut worker = Worker::new(&provider, &mut host);
    for id in 1..=3 {
        assert_eq!(worker.send(id, "good_rs256", &mut host), Fate::Paused);
    }
    assert_eq!(host.calls.len(), 1);
    let active = json!({"active": true, "aud": "orders", "sub": "a"});
    assert_eq!(
        worker.answer("200", &active, "good_rs256", &mut host),
        [Fate::Passed, Fate::Passed, Fate::Passed]
    );
    assert_eq!(worker.send(4, "good_rs256", &mut host), Fate::Passed);
    assert_eq!(worker.send(5, "good_es256", &mut host), Fate::Paused);
    let fates = worker.answer("200", &json!({"active": false}), "good_es256", &mut host);
    assert_eq!(fates, [Fate::Denied("portcullis_jwt_inactive", None)]);
}
