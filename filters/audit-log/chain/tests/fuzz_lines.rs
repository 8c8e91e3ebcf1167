//! Whatever stands in a file: the verifier does not panic, and calls nothing intact that it has not seen written like that.

use std::sync::LazyLock;

use bolero::{TypeGenerator, check};
use portcullis_audit_chain::verify::{Place, Trust, Verifier};
use portcullis_audit_chain::{Chain, Form, Keys, MacKey, Signature, Signer, hex};
use serde_json::Value;

/// What stands before a record in Envoy's log.
const MARK: &[u8] = b"portcullis-audit {";
/// The records of two chains, the second by OCSF's form and signed; and what means something in a record.
static LINES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let key = Keys::Mac(master());
    let mut lines = written(Chain::new([1; 16], Form::Member, String::new()), &Keys::None);
    lines.extend(written(Chain::new([2; 16], Form::RecordIntegrity, "a".to_owned()), &key));
    lines
});
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\u0061",
    "\"integrity\":{",
    "\"attestation_list\":[{",
    "\"chain\":\"01010101010101010101010101010101\"",
    "\"hash\":\"",
    "\"sequence\":",
    "9007199254740991",
    "18446744073709551615",
    "1e400",
    "\"kind\":\"checkpoint\"",
    "\"kind\":\"loss\",\"first_sequence\":0,\"last_sequence\":18446744073709551615",
    "\"unmapped\":{\"audit\":{",
    "portcullis-audit {",
    "\u{fc}",
    "\\ud800",
    "\n",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

fn master() -> MacKey {
    MacKey::parse(&hex::lower(&[5; 32])).unwrap()
}

fn written(mut chain: Chain, keys: &Keys) -> Vec<Vec<u8>> {
    let mut signer = Signer::for_chain(keys, chain.uid());
    let form = if chain.uid().starts_with("01") { Form::Member } else { Form::RecordIntegrity };
    (0..8).map(|number| {
        let checkpoint = chain.checkpoint();
        let audit = match number {
            0 => r#""kind":"genesis""#.to_owned(),
            3 | 5 => {
                let mac = match signer.sign(&checkpoint) {
                    Signature::Mac { epoch, mac } => format!(r#""epoch":{epoch},"kind":"checkpoint","mac":"{}","#, hex::lower(&mac)),
                    _ => r#""kind":"checkpoint","#.to_owned(),
                };
                format!(r#"{mac}"root":"{}","size":{number}"#, checkpoint.root_text())
            }
            6 => r#""first_sequence":1,"kind":"loss","last_sequence":2"#.to_owned(),
            7 => r#""kind":"stop""#.to_owned(),
            _ => String::new(),
        };
        let uid = chain.uid().to_owned();
        let text = format!(
            r#"{{"count":1,"metadata":{{"sequence":{number},"uid":"{uid}-{number}"}},"time":1790000000000,"unmapped":{{"audit":{{{audit}}}}}}}"#
        );
        let place = if form == Form::Member { text.len() - 2 } else { 1 };
        let mut record = text.into_bytes();
        chain.seal(&mut record, place);
        record
    })
    .collect()
}

#[derive(Clone, Debug, TypeGenerator)]
enum Piece {
    /// A record as it was written.
    Written(u8),
    /// One of which a part was replaced.
    Edited(u8, u16, u16, Text),
    /// A record with right hashes and whatever numbers.
    Sealed(u8, [u64; 3], bool),
    /// A line of something else.
    Line(Vec<Text>),
}

#[derive(Clone, Debug, TypeGenerator)]
enum Text {
    Word(u8),
    Bytes(Vec<u8>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Word(number) => WORDS[usize::from(*number) % WORDS.len()].into(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

fn line(number: u8) -> Vec<u8> {
    LINES[usize::from(number) % LINES.len()].clone()
}

impl Piece {
    fn bytes(&self, chain: &mut Chain) -> Vec<u8> {
        match self {
            Self::Written(number) => line(*number),
            Self::Edited(number, from, length, text) => {
                let mut line = line(*number);
                let from = usize::from(*from) % line.len();
                let to = (from + usize::from(*length) % 64).min(line.len());
                line.splice(from..to, text.bytes());
                line
            }
            Self::Sealed(kind, numbers, is_new) => sealed(chain, *kind, *numbers, *is_new),
            Self::Line(texts) => texts.iter().flat_map(Text::bytes).collect(),
        }
    }
}

/// The next record of a chain, or the first of one like it.
fn sealed(chain: &mut Chain, kind: u8, [a, b, c]: [u64; 3], is_new: bool) -> Vec<u8> {
    let zeros = hex::lower(&[0; 32]);
    let audit = match kind % 6 {
        0 => r#""kind":"genesis""#.to_owned(),
        1 => format!(
            r#""epoch":{a},"kind":"checkpoint","mac":"{zeros}","root":"{}","size":{b}"#,
            chain.checkpoint().root_text()
        ),
        2 => format!(r#""first_sequence":{a},"kind":"loss","last_sequence":{b}"#),
        3 => format!(
            r#""chain":"{}","hash":"{zeros}","kind":"abandoned","sequence":{b}"#,
            hex::lower(&[a as u8 % 4; 16])
        ),
        4 => r#""kind":"stop""#.to_owned(),
        _ => String::new(),
    };
    let mut other = Chain::new([3; 16], Form::Member, String::new());
    let chain = if is_new { &mut other } else { chain };
    let uid = hex::lower(&[a as u8 % 4; 16]);
    let mut record = format!(
        r#"{{"count":{c},"metadata":{{"sequence":{c},"uid":"{uid}-{b}"}},"time":{c},"unmapped":{{"audit":{{{audit}}}}}}}"#
    )
    .into_bytes();
    let place = record.len() - 2;
    chain.seal(&mut record, place);
    record
}

/// What a line says, behind the mark of Envoy's log if it is there.
fn value(line: &[u8]) -> Option<Value> {
    let line = line.trim_ascii();
    let marked = line.windows(MARK.len()).position(|part| part == MARK).map_or(0, |at| at + MARK.len() - 1);
    let start = if line.starts_with(b"{") { 0 } else { marked };
    serde_json::from_slice(&line[start..]).ok()
}

/// Whether a line alone is a record that is what its hash is of.
fn is_intact(line: &[u8]) -> bool {
    let mut verifier = Verifier::default();
    let findings = verifier.line(Place::default(), line);
    let is_changed = findings.iter().any(|finding| finding.problem.code() == "changed");
    verifier.finish().chains.iter().any(|chain| chain.records == 1) && !is_changed
}

#[test]
fn nothing_is_intact_that_was_not_written() {
    let trust = Trust { macs: vec![master()], ..Trust::default() };
    let known: Vec<_> = LINES.iter().filter_map(|line| value(line)).collect();
    assert!(LINES.iter().all(|line| is_intact(line)));
    check!().with_iterations(10_000).with_type::<Vec<Piece>>().for_each(|pieces| {
        let mut verifier = Verifier::new(trust.clone());
        let mut chain = Chain::new([3; 16], Form::Member, String::new());
        for (number, piece) in pieces.iter().enumerate() {
            let bytes = piece.bytes(&mut chain);
            let place = Place { file: 0, line: number as u64 };
            verifier.keep_line(place, &bytes);
            verifier.line(place, &bytes);
            if !matches!(piece, Piece::Sealed(..)) && is_intact(&bytes) {
                let value = value(&bytes);
                assert!(known.iter().any(|known| Some(known) == value.as_ref()), "{bytes:?}");
            }
        }
        let summary = verifier.finish();
        let taken: u64 = summary.chains.iter().map(|chain| chain.records + chain.duplicates).sum();
        assert!(taken <= pieces.len() as u64 && summary.chains.len() <= 3);
    });
}
