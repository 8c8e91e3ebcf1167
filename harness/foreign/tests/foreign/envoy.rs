use portcullis_sim::Status;

use crate::common::{bytes, call, rows};

struct Case {
    name: &'static str,
    function: &'static str,
    argument: Vec<u8>,
    status: u32,
    answer: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let rows = rows(include_str!("../fixtures/envoy.tsv"));
    let case = |[name, function, argument, status, answer]: [&'static str; 5]| Case {
        name,
        function,
        argument: bytes(argument),
        status: status.parse().unwrap(),
        answer: bytes(answer),
    };
    rows.map(case).collect()
}

#[test]
fn answers_are_envoys() {
    let cases = cases();
    assert!(cases.len() > 185, "{}", cases.len());
    for case in cases {
        let (status, bytes) = match call(case.function, &case.argument) {
            Ok(bytes) => (0, bytes),
            Err(refusal) => (refusal.status as u32, Vec::new()),
        };
        assert_eq!(status, case.status, "{}", case.name);
        // Envoy's signature by a curve is another one each time: true, and a signature.
        if case.function == "sign" && is_of_a_curve(case.name) && case.answer.starts_with(&[8, 1, 0x12]) {
            assert_eq!(bytes[..3], case.answer[..3], "{}", case.name);
        } else {
            assert_eq!(bytes, case.answer, "{}", case.name);
        }
    }
}

fn is_of_a_curve(name: &str) -> bool {
    name.starts_with("s ec") || name == "s pem sec1"
}

#[test]
fn envoys_signature_and_ours_fit_the_same_key() {
    let cases = cases();
    let case = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    for (verifies, signs) in
        [("v ec sha256", "s ec"), ("v ec sha384", "s ec384"), ("v ec sha256", "s pem sec1")]
    {
        let (argument, signs) = (&case(verifies).argument, case(signs));
        let ours = call("sign", &signs.argument).unwrap();
        assert_ne!(ours, signs.answer);
        // The signature is the second field of the answer: `08 01 12 <length>`.
        for signature in [&signs.answer[4..], &ours[4..]] {
            let question = with_signature(argument, signature);
            assert_eq!(call("verify_signature", &question), Ok(vec![8, 1]), "{}", signs.name);
        }
    }
}

#[test]
fn what_is_longer_than_a_window_is_compressed_as_envoy_does() {
    let line = |at: u32| format!("{{\"id\":{at},\"path\":\"/orders/{}\"}}\n", at * at % 97);
    let text = (0..2500).map(line).collect::<String>();
    assert!(text.len() > 65_536);
    // As a real Envoy 1.40 answered; in pieces of 32 KiB it is one byte less.
    assert_eq!(call("compress", text.as_bytes()).unwrap().len(), 10_360);
}

/// The message with another third field: protobuf takes the last of several.
fn with_signature(message: &[u8], signature: &[u8]) -> Vec<u8> {
    [message, &[0x1a, u8::try_from(signature.len()).unwrap()], signature].concat()
}

#[test]
fn what_unfolds_without_end_is_refused() {
    let bomb = call("compress", &vec![0; 257 << 20]).unwrap();
    assert_eq!(call("uncompress", &bomb).unwrap_err().status, Status::InternalFailure);
}
