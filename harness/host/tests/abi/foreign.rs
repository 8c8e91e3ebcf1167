use portcullis_host::foreign_functions;
use portcullis_sim::{Refusal, Status};

/// What the library here has not got, where Envoy's answers: refused, and never answered wrongly.
const NOT_SIMULATED: [&str; 7] =
    ["v rsa sha224", "v ec sha224", "v rsa512", "s rsa 1", "s rsa 224", "s ec384", "s rsa512 sha512"];

struct Case {
    name: &'static str,
    function: &'static str,
    argument: Vec<u8>,
    status: u32,
    answer: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../fixtures/foreign.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| case(&line.split('\t').collect::<Vec<_>>())).collect()
}

fn case(columns: &[&'static str]) -> Case {
    let [name, function, argument, status, answer] = columns else { panic!("{columns:?}") };
    Case { name, function, argument: bytes(argument), status: status.parse().unwrap(), answer: bytes(answer) }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn call(function: &str, argument: &[u8]) -> Result<Vec<u8>, Refusal> {
    let functions = foreign_functions();
    let (_, function) = functions.iter().find(|(name, _)| *name == function).unwrap();
    function(argument)
}

#[test]
fn answers_are_envoys() {
    let cases = cases();
    assert!(cases.len() > 60, "{}", cases.len());
    for case in cases {
        let answer = call(case.function, &case.argument);
        if NOT_SIMULATED.contains(&case.name) {
            let refusal = answer.unwrap_err();
            assert_eq!(refusal.status, Status::InternalFailure, "{}", case.name);
            assert!(refusal.reason.starts_with("not simulated"), "{refusal}");
            continue;
        }
        let (status, bytes) = match answer {
            Ok(bytes) => (0, bytes),
            Err(refusal) => (refusal.status as u32, Vec::new()),
        };
        assert_eq!(status, case.status, "{}", case.name);
        match (case.function, case.name) {
            // A signature by a curve is another one each time.
            ("sign", "s ec" | "s pem sec1") => assert_eq!(bytes[..3], case.answer[..3], "{}", case.name),
            _ => assert_eq!(bytes, case.answer, "{}", case.name),
        }
    }
}

#[test]
fn a_signature_by_a_curve_is_one() {
    let cases = cases();
    let argument = |name: &str| cases.iter().find(|case| case.name == name).unwrap().argument.clone();
    let verify = argument("v ec sha256");
    for name in ["s ec", "s pem sec1"] {
        // The signature is the second field of the answer: `08 01 12 <length>`.
        let signature = call("sign", &argument(name)).unwrap().split_off(4);
        let known = call("sign", &argument("s ec")).unwrap().split_off(4);
        assert_ne!(signature, known, "two signatures with one secret number would give the key away");
        assert_eq!(call("verify_signature", &with_signature(&verify, &signature)), Ok(vec![8, 1]), "{name}");
    }
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
