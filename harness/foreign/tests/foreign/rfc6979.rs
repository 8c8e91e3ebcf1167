use crate::common::{Form, WRONG, bytes, rows, sign, verify};

const TEXT: &[u8] = b"sample";

struct Case {
    curve: &'static str,
    hash: &'static str,
    private: Vec<u8>,
    public: [Vec<u8>; 2],
    signature: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let rows = rows(include_str!("../fixtures/rfc6979.tsv"));
    let case = |[curve, hash, private, public, compressed, signature]: [&'static str; 6]| Case {
        curve,
        hash,
        private: bytes(private),
        public: [bytes(public), bytes(compressed)],
        signature: bytes(signature),
    };
    rows.map(case).collect()
}

#[test]
fn any_hash_goes_with_any_curve() {
    let cases = cases();
    assert_eq!(cases.len(), 20);
    for Case { curve, hash, private, public, signature } in &cases {
        assert_eq!(sign(hash, Form::Der(private), TEXT).as_ref(), Ok(signature), "{curve} {hash}");
        for key in public {
            assert_eq!(verify(hash, Form::Der(key), TEXT, signature), Ok(()), "{curve} {hash}");
            assert_eq!(verify(hash, Form::Der(key), b"Sample", signature), Err(WRONG.to_owned()));
        }
    }
    for (one, other) in cases.iter().zip(&cases[1..]).filter(|(one, other)| one.curve == other.curve) {
        let answer = verify(one.hash, Form::Der(&one.public[0]), TEXT, &other.signature);
        assert_eq!(answer, Err(WRONG.to_owned()), "{} {} {}", one.curve, one.hash, other.hash);
    }
}
