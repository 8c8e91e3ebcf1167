//! What others make of the same: canonical JSON, trees, signed notes.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use portcullis_audit_chain::merkle::Tree;
use portcullis_audit_chain::{Checkpoint, Keys, Signature, Signer, canonical, hex};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::writer::note_key;

fn number() -> impl Strategy<Value = Value> {
    let double = any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(Value::Number));
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..100_i32).prop_map(Value::from),
        double
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number(),
        any::<String>().prop_map(Value::String),
        "[ -~]*".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_json_is_that_of_others(value in json()) {
        let mut ours = Vec::new();
        canonical::value(&mut ours, &value);
        let theirs = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(String::from_utf8(ours).unwrap(), theirs);
    }

    #[test]
    fn trees_are_those_of_others(leaves in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let (mut ours, mut theirs) = (Tree::default(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
        for leaf in leaves {
            ours.push(&leaf);
            theirs.push(leaf.to_vec());
        }
        prop_assert_eq!(hex::lower(&ours.root()), hex::lower(theirs.root().as_bytes()));
    }

    #[test]
    fn notes_are_verified_by_others(size in 0..1_u64 << 53, root: [u8; 32], last: [u8; 32], chain: [u8; 16], seed in 1..=255_u8) {
        let key = note_key("audit.example/\u{fc}", seed);
        let chain = hex::lower(&chain);
        let checkpoint = Checkpoint { size, root, last };
        let signature = Signer::for_chain(&Keys::Ed25519(key.clone()), &chain).sign(&checkpoint);
        let Signature::Note(note) = signature else { panic!() };
        let note = Note::from_bytes(note.as_bytes()).unwrap();
        let verifier = StandardVerifier::new(&key.verifier().to_string()).unwrap();
        let (verified, others) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
        prop_assert_eq!((verified.len(), others.len()), (1, 0));
        prop_assert_eq!(note.text().to_vec(), checkpoint.text(&chain).into_bytes());
    }
}
