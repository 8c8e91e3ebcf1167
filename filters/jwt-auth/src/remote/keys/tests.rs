use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, parse_config};

use super::*;
use crate::remote::config::{DiscoveryConfig, RemoteJwksConfig};

/// The keys of RFC 7515 appendix A.3 and RFC 8037 appendix A.
const SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const OTHER_SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const METADATA: &str = r#"{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys"}"#;

fn remote(allowed: Option<&[Algorithm]>) -> RemoteKeys {
    let config = parse_config::<RemoteJwksConfig>(
        br#"{"cluster":"idp","uri":"https://idp.example/keys","max_keys":2}"#,
    );
    RemoteKeys::at_uri(&config.unwrap().try_into().unwrap(), allowed)
}

fn discovered(members: &str) -> RemoteKeys {
    let text = format!(r#"{{"cluster":"idp"{members}}}"#);
    let config = parse_config::<DiscoveryConfig>(text.as_bytes()).unwrap();
    RemoteKeys::discovered(Discovery::new(&config, "https://idp.example").unwrap(), None)
}

fn answer(status: &str, body: &str) -> HttpAnswer {
    let headers = Headers::from_iter([(":status", status)]);
    HttpAnswer { headers, body: body.as_bytes().to_vec(), truncated: false }
}

/// The number of the last call, and its cluster, authority and path.
fn last_call(host: &TestHost) -> (CallId, [&str; 3]) {
    let call = host.calls.last().unwrap();
    let header = |name| call.headers.iter().find(|(other, _)| other == name).unwrap().1.as_str();
    let id = CallId(u32::try_from(host.calls.len()).unwrap() * 4);
    (id, [&call.cluster, header(":authority"), header(":path")])
}

fn answered(keys: &mut RemoteKeys, status: &str, body: &str, host: &mut TestHost) {
    let (id, _) = last_call(host);
    assert!(keys.on_answer(id, &answer(status, body), host));
}

fn is_usable(keys: &RemoteKeys, host: &TestHost) -> bool {
    matches!(keys.keys(host.now), Keys::Usable(_))
}

#[test]
fn keys_come_from_a_uri() {
    let mut host = TestHost::at(1000);
    let (mut one, mut two) = (remote(None), remote(None));
    assert!(matches!(one.keys(host.now), Keys::Pending));
    one.poll(&mut host);
    assert_eq!(last_call(&host).1, ["idp", "idp.example", "/keys"]);
    answered(&mut one, "200", SET, &mut host);
    two.poll(&mut host);
    assert!(is_usable(&one, &host) && is_usable(&two, &host));
    assert_eq!((one.generation(), two.generation(), host.calls.len()), (1, 1, 1));
    host.advance(Duration::from_secs(30));
    assert_eq!(two.refetch(&mut host), Refetch::UnderWay);
    answered(&mut two, "200", OTHER_SET, &mut host);
    one.poll(&mut host);
    assert_eq!((one.generation(), two.generation(), one.age(host.now)), (2, 2, Some(Duration::ZERO)));
}

#[test]
fn what_is_no_jwk_set_leaves_the_keys_as_they_were() {
    let key = &SET[9..SET.len() - 2];
    let many = format!(r#"{{"keys":[{key},{key},{key}]}}"#);
    for bad in ["", "{}", "[]", r#"{"keys":1}"#, r#"{"keys":[]}"#, r#"{"keys":[1]}"#, &SET[1..], &many] {
        let mut host = TestHost::at(1000);
        let mut keys = remote(None);
        keys.poll(&mut host);
        answered(&mut keys, "200", SET, &mut host);
        host.advance(Duration::from_secs(600));
        keys.poll(&mut host);
        answered(&mut keys, "200", bad, &mut host);
        assert!(is_usable(&keys, &host), "{bad}");
        let failed: u32 = keys.take_events().failed.iter().sum();
        assert_eq!((keys.generation(), failed), (1, 1), "{bad}");
    }
}

#[test]
fn keys_that_are_left_out_are_told_once() {
    let mut host = TestHost::at(1000);
    let (mut one, mut two) = (remote(None), remote(None));
    let broken = format!(r#"{{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}},{}"#, &SET[9..SET.len() - 2]);
    one.poll(&mut host);
    answered(&mut one, "200", &format!(r#"{{"keys":[{broken}]}}"#), &mut host);
    two.poll(&mut host);
    assert!(is_usable(&one, &host) && is_usable(&two, &host));
    assert_eq!(host.log.len(), 1);
    assert!(host.log[0].contains("1 keys left out, the first for this reason: keys[0]."), "{:?}", host.log);
}

#[test]
fn who_allows_other_algorithms_has_a_document_of_its_own() {
    let mut host = TestHost::at(1000);
    let (mut any, mut only) = (remote(None), remote(Some(&[Algorithm::EdDsa])));
    any.poll(&mut host);
    answered(&mut any, "200", SET, &mut host);
    only.poll(&mut host);
    answered(&mut only, "200", SET, &mut host);
    any.poll(&mut host);
    assert!(is_usable(&any, &host) && !is_usable(&only, &host));
}

#[test]
fn metadata_lead_to_the_keys() {
    let mut host = TestHost::at(1000);
    let (mut one, mut two) = (discovered(""), discovered(""));
    one.poll(&mut host);
    assert_eq!(last_call(&host).1, ["idp", "idp.example", "/.well-known/openid-configuration"]);
    assert!(matches!(one.keys(host.now), Keys::Pending));
    let before = one.attempts();
    answered(&mut one, "200", METADATA, &mut host);
    // At once, not on the next tick.
    assert_eq!(last_call(&host).1, ["idp", "idp.example", "/keys"]);
    assert!(one.attempts() != before && matches!(one.keys(host.now), Keys::Pending));
    answered(&mut one, "200", SET, &mut host);
    two.poll(&mut host);
    assert!(is_usable(&one, &host) && is_usable(&two, &host));
    assert_eq!((host.calls.len(), one.take_events().fetched), (2, 2));
}

#[test]
fn keys_move_without_a_gap() {
    let mut host = TestHost::at(1000);
    let mut keys = discovered(r#","jwks_cluster":"keys""#);
    keys.poll(&mut host);
    answered(&mut keys, "200", METADATA, &mut host);
    answered(&mut keys, "200", SET, &mut host);
    let shared = host.shared.len();
    for move_to in ["https://a.example/1", "https://b.example/2"] {
        // The keys are confirmed, and then the metadata say that they are somewhere else.
        host.advance(Duration::from_secs(600));
        keys.poll(&mut host);
        for call in [host.calls.len() - 1, host.calls.len()] {
            let path = &host.calls[call - 1].headers[2].1;
            let metadata = format!(r#"{{"issuer":"https://idp.example","jwks_uri":"{move_to}"}}"#);
            let body = if path.starts_with("/.well-known") { metadata } else { SET.to_owned() };
            keys.on_answer(CallId(u32::try_from(call).unwrap() * 4), &answer("200", &body), &mut host);
        }
        assert!(is_usable(&keys, &host));
        host.advance(Duration::from_secs(1));
        keys.poll(&mut host);
        let expected = Uri::parse(move_to).unwrap();
        assert_eq!(last_call(&host).1, ["keys", &expected.authority, &expected.path]);
        answered(&mut keys, "200", OTHER_SET, &mut host);
        assert!(is_usable(&keys, &host));
    }
    assert_eq!(host.shared.len(), shared, "the number of entries does not grow");
}

#[test]
fn metadata_that_mislead_are_unavailable_and_nobody_else_is_asked() {
    for metadata in [
        r#"{"issuer":"https://evil.example","jwks_uri":"https://idp.example/keys"}"#,
        r#"{"issuer":"https://idp.example","jwks_uri":"https://evil.example/keys"}"#,
        r#"{"issuer":"https://idp.example","jwks_uri":"http://idp.example/keys"}"#,
    ] {
        let mut host = TestHost::at(1000);
        let mut keys = discovered("");
        keys.poll(&mut host);
        answered(&mut keys, "200", metadata, &mut host);
        assert!(matches!(keys.keys(host.now), Keys::Unavailable { .. }), "{metadata}");
        assert_eq!((host.calls.len(), keys.refetch(&mut host)), (1, Refetch::Throttled));
        assert!(keys.next_poll(host.now) > Duration::from_millis(25));
        host.advance(Duration::from_secs(1));
        keys.poll(&mut host);
        answered(&mut keys, "200", METADATA, &mut host);
        answered(&mut keys, "200", SET, &mut host);
        assert!(is_usable(&keys, &host));
    }
}

#[test]
fn without_metadata_keys_are_used_only_to_their_own_end() {
    let mut host = TestHost::at(1000);
    let mut keys = discovered("");
    keys.poll(&mut host);
    answered(&mut keys, "200", METADATA, &mut host);
    answered(&mut keys, "200", SET, &mut host);
    // The metadata are gone, the keys still answer: for ten minutes and one hour, and then as long again.
    let mut last_usable = 0;
    for second in 1..12_000 {
        host.advance(Duration::from_secs(1));
        let calls = host.calls.len();
        keys.poll(&mut host);
        for call in calls + 1..=host.calls.len() {
            let is_metadata = host.calls[call - 1].headers[2].1.starts_with("/.well-known");
            let answer = if is_metadata { answer("500", "") } else { answer("200", SET) };
            keys.on_answer(CallId(u32::try_from(call).unwrap() * 4), &answer, &mut host);
        }
        if is_usable(&keys, &host) {
            last_usable = second;
        }
    }
    assert!((2 * 4200 - 700..=2 * 4200).contains(&last_usable), "{last_usable}");
    assert!(!is_usable(&keys, &host));
}

#[test]
fn keys_can_go_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&remote(None));
}
