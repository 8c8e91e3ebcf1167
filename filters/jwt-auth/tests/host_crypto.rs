//! The host's word on signatures: when it is asked, when it is believed, and that it decides as the module does.

#[expect(dead_code, reason = "other tests need the rest")]
mod common;
mod host;

use common::{jwks, tokens};
use host::{Answer, Question, UNUSABLE, Verifier, WRONG};
use portcullis_jwt_auth::{Algorithm, HostCrypto, Jws, JwtError, KeySet};
use portcullis_kit::{ForeignFunctions, HostError};
use prost::Message;

type Said = Result<Vec<u8>, HostError>;

/// A host that answers as it likes.
struct Liar<F>(F);

impl<F: FnMut(Question) -> Said> ForeignFunctions for Liar<F> {
    fn foreign(&mut self, _: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        (self.0)(Question::decode(argument).unwrap())
    }
}

fn says(error: &str) -> Vec<u8> {
    Answer { result: error.is_empty(), error: error.to_owned() }.encode_to_vec()
}

fn honest(question: &Question) -> Vec<u8> {
    Verifier::default().foreign("verify_signature", &question.encode_to_vec()).unwrap()
}

fn keys() -> KeySet {
    KeySet::from_jwks(&jwks(), None).unwrap()
}

fn good(algorithm: Algorithm) -> String {
    tokens()[&format!("good_{}", algorithm.name().to_lowercase())].clone()
}

const BY_HOST: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

#[test]
fn a_host_that_knows_the_answers_is_trusted() {
    let mut host = Verifier::default();
    let crypto = HostCrypto::probe(&mut host);
    assert!(crypto.has_rsa() && crypto.has_ecdsa(), "{crypto:?}");
    assert_eq!(host.asked, 8);
    assert!(!HostCrypto::NONE.has_rsa() && !HostCrypto::NONE.has_ecdsa());
}

#[test]
fn any_doubt_at_the_start_turns_a_family_off() {
    let off = |mut answer: Box<dyn FnMut(Question) -> Said>| {
        assert_eq!(HostCrypto::probe(&mut Liar(&mut answer)), HostCrypto::NONE);
    };
    off(Box::new(|_| Err(HostError(1))));
    off(Box::new(|_| Ok(Vec::new())));
    off(Box::new(|_| Ok(says(""))));
    off(Box::new(|_| Ok(says(WRONG))));
    // It fits, and something more.
    off(Box::new(|question| Ok([honest(&question), vec![0x18, 1]].concat())));
    off(Box::new(|question| {
        Ok(Answer { result: honest(&question) == says(""), error: WRONG.into() }.encode_to_vec())
    }));
    // It says the same of a key that it cannot read as of a signature that does not fit.
    off(Box::new(|question| {
        Ok(honest(&question)).map(|answer| if answer == says("") { answer } else { says(WRONG) })
    }));
    // It never says the same twice.
    let mut calls = 0;
    off(Box::new(move |question| {
        calls += 1;
        let answer = honest(&question);
        Ok(if answer == says("") { answer } else { says(&format!("{calls}")) })
    }));
    // It does not look at the last byte of the text, or not at the signature.
    off(Box::new(|mut question| {
        question.text.pop_if(|last| *last == b'Q');
        question.text.push(b'Q');
        Ok(honest(&question))
    }));
    off(Box::new(|question| match (honest(&question), question.text.ends_with(b"Q")) {
        (answer, true) if answer == says(WRONG) => Ok(says("")),
        (answer, _) => Ok(answer),
    }));
}

#[test]
fn one_family_can_be_off_and_the_other_on() {
    let is_rsa = |question: &Question| question.public_key.len() > 200;
    let crypto = HostCrypto::probe(&mut Liar(|question: Question| match is_rsa(&question) {
        true => Ok(honest(&question)),
        false => Err(HostError(1)),
    }));
    assert!(crypto.has_rsa() && !crypto.has_ecdsa());
    let keys = keys();
    for algorithm in Algorithm::ALL {
        let (token, mut host) = (good(algorithm), Verifier::default());
        let jws = Jws::parse(token.as_bytes()).unwrap();
        keys.verify(&jws, &crypto, &mut host).unwrap();
        assert_eq!(host.asked, usize::from(algorithm.name().starts_with("RS")), "{algorithm:?}");
    }
}

#[test]
fn every_minted_token_gets_one_answer() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    let (mut host, mut accepted, mut refused) = (Verifier::default(), 0, 0);
    for (name, token) in tokens() {
        let Ok(jws) = Jws::parse(token.as_bytes()) else { continue };
        let decision = keys.verify_in_module(&jws);
        assert_eq!(keys.verify(&jws, &crypto, &mut host), decision, "{name}");
        assert_eq!(keys.verify(&jws, &HostCrypto::NONE, &mut host), decision, "{name}");
        *(if decision.is_ok() { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted >= 13 && refused >= 3, "{accepted} {refused}");
    assert!(host.asked >= 8 && host.unclear == 0, "{host:?}");
}

#[test]
fn the_host_is_asked_for_its_algorithms_alone_and_once() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    for algorithm in Algorithm::ALL {
        let (token, mut host) = (good(algorithm), Verifier::default());
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let key = keys.verify(&jws, &crypto, &mut host).unwrap();
        assert_eq!(host.asked, usize::from(BY_HOST.contains(&algorithm)), "{algorithm:?}");
        assert_eq!(keys.kids_of(key).next(), jws.key_id.as_deref(), "{algorithm:?}");
        assert!(keys.contains(key));
    }
}

#[test]
fn flipped_bits_get_one_answer() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    let mut host = Verifier::default();
    for algorithm in BY_HOST {
        let token = good(algorithm);
        let mut jws = Jws::parse(token.as_bytes()).unwrap();
        for bit in (0..jws.signature.len() * 8).step_by(13) {
            jws.signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                keys.verify(&jws, &crypto, &mut host),
                Err(JwtError::SignatureInvalid),
                "{algorithm:?} {bit}"
            );
            jws.signature[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(host.asked > 300 && host.unclear == 0, "{host:?}");
}

#[test]
fn what_has_not_the_form_of_a_signature_never_gets_to_the_host() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    for algorithm in BY_HOST {
        let token = good(algorithm);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let length = jws.signature.len();
        let half = length / 2;
        let mut forms = vec![
            Vec::new(),
            vec![0xff; length],
            jws.signature[1..].to_vec(),
            [&[0], jws.signature.as_slice()].concat(),
            [jws.signature.as_slice(), &[0]].concat(),
        ];
        if algorithm.name().starts_with("ES") {
            forms.push(vec![0; length]);
            forms.push([&jws.signature[..half], &vec![0; half]].concat());
            forms.push([vec![0; half].as_slice(), &jws.signature[half..]].concat());
            forms.push([&jws.signature[..half], &vec![0xff; half]].concat());
        }
        for signature in forms {
            let (mut host, jws) =
                (Verifier::default(), Jws { signature, ..Jws::parse(token.as_bytes()).unwrap() });
            assert_eq!(keys.verify(&jws, &crypto, &mut host), Err(JwtError::SignatureInvalid));
            assert_eq!(host.asked, 0, "{algorithm:?} {:?}", jws.signature);
        }
    }
}

#[test]
fn an_answer_that_is_not_clear_leaves_it_to_the_module() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    let unclear: [fn() -> Said; 6] = [
        || Err(HostError(10)),
        || Ok(Vec::new()),
        || Ok(vec![8, 0]),
        || Ok(vec![8, 1, 8, 1]),
        || Ok(vec![0xff; 9]),
        || Ok(says(UNUSABLE)),
    ];
    for algorithm in BY_HOST {
        let token = good(algorithm);
        for answer in unclear {
            let mut host = Liar(|_| answer());
            let mut jws = Jws::parse(token.as_bytes()).unwrap();
            assert!(keys.verify(&jws, &crypto, &mut host).is_ok(), "{algorithm:?}");
            jws.signature[7] ^= 1;
            assert_eq!(
                keys.verify(&jws, &crypto, &mut host),
                Err(JwtError::SignatureInvalid),
                "{algorithm:?}"
            );
        }
    }
}

#[test]
fn a_clear_answer_decides() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    let token = good(Algorithm::Rs256);
    let jws = Jws::parse(token.as_bytes()).unwrap();
    let verify = |error: &'static str| keys.verify(&jws, &crypto, &mut Liar(|_| Ok(says(error)))).map(drop);
    assert_eq!((verify(""), verify(WRONG)), (Ok(()), Err(JwtError::SignatureInvalid)));
}

#[test]
fn a_question_says_what_it_should() {
    let (keys, crypto) = (keys(), HostCrypto::probe(&mut Verifier::default()));
    for (algorithm, hash) in BY_HOST.into_iter().zip(["sha256", "sha384", "sha512"].into_iter().cycle()) {
        let token = good(algorithm);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let mut asked = None;
        let mut host = Liar(|question| {
            asked = Some(question);
            Ok(says(""))
        });
        keys.verify(&jws, &crypto, &mut host).unwrap();
        let question = asked.unwrap();
        assert_eq!((question.hash_function.as_str(), question.text.as_slice()), (hash, jws.signing_input));
        assert_eq!(question.signature == jws.signature, algorithm.name().starts_with("RS"));
    }
}
