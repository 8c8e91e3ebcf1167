//! Whatever a writer has written is found intact, and whatever was done to it is found.

use portcullis_audit_chain::Keys;
use portcullis_audit_chain::verify::Trust;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::writer::{SCHEMAS, Schema, Writer, all_keys, told, trust, verify};

/// What a writer does.
#[derive(Clone, Debug)]
enum Step {
    Request(String),
    Checkpoint,
    Loss,
    Other(Vec<(String, String)>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<String>().prop_map(Step::Request),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Loss),
        1 => prop::collection::vec((any::<String>(), any::<String>()), 0..4).prop_map(Step::Other),
    ]
}

#[derive(Clone, Debug)]
struct Written {
    keys: Keys,
    lines: Vec<Vec<u8>>,
}

fn written() -> impl Strategy<Value = Written> {
    (0..3_usize, 0..3_usize, prop::collection::vec(step(), 2..24)).prop_map(|(schema, keys, steps)| {
        let keys = all_keys()[keys].clone();
        Written { lines: lines(SCHEMAS[schema], &keys, &steps), keys }
    })
}

fn lines(schema: Schema, keys: &Keys, steps: &[Step]) -> Vec<Vec<u8>> {
    let mut writer = Writer::new(1, schema, keys);
    for step in steps {
        match step {
            Step::Request(path) => writer.request(path),
            Step::Checkpoint => writer.checkpoint(),
            Step::Loss => writer.loss(None),
            Step::Other(members) => {
                let claims: Value =
                    members.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                writer.write(json!({"claims": claims}), json!({"actor": claims}));
            }
        }
    }
    writer.lines
}

fn found(written: &Written, lines: &[Vec<u8>]) -> Vec<String> {
    told(&verify(trust(&written.keys), lines).0)
}

proptest! {
    #[test]
    fn what_was_written_is_intact(written in written()) {
        prop_assert_eq!(found(&written, &written.lines), Vec::<String>::new());
        let (_, summary) = verify(Trust::default(), &written.lines);
        prop_assert_eq!(summary.chains[0].records, written.lines.len() as u64);
        prop_assert_eq!(summary.chains[0].rendered_anew, 0);
    }

    #[test]
    fn any_byte_that_is_edited_is_found(written in written(), at: prop::sample::Index, byte: u8) {
        let mut lines = written.lines.clone();
        let line = at.index(lines.iter().map(Vec::len).sum());
        let (line, offset) = place(&lines, line);
        let before = std::mem::replace(&mut lines[line][offset], byte);
        let is_same = before == byte || {
            // The same in other words: `\u001F` for `\u001f`.
            let value: Result<Value, _> = serde_json::from_slice(&lines[line]);
            value.is_ok_and(|value| value == serde_json::from_slice::<Value>(&written.lines[line]).unwrap())
        };
        // A line feed makes two lines of it.
        let lines: Vec<Vec<u8>> = lines.iter().flat_map(|line| line.split(|byte| *byte == b'\n').map(<[u8]>::to_vec)).collect();
        let found = found(&written, &lines);
        prop_assert_eq!(found.is_empty(), is_same, "{:?}", found);
        prop_assert!(found.len() <= 3, "{:?}", found);
    }

    #[test]
    fn any_record_that_is_removed_is_found(written in written(), at: prop::sample::Index) {
        let mut lines = written.lines.clone();
        lines.remove(at.index(lines.len() - 1));
        prop_assert_eq!(found(&written, &lines).len(), 1);
    }

    #[test]
    fn any_two_that_are_swapped_are_found(written in written(), a: prop::sample::Index, b: prop::sample::Index) {
        let mut lines = written.lines.clone();
        let (a, b) = (a.index(lines.len()), b.index(lines.len()));
        lines.swap(a, b);
        let found = found(&written, &lines);
        prop_assert_eq!(found.is_empty(), a == b);
        prop_assert!(found.len() <= 2, "{:?}", found);
    }

    #[test]
    fn copies_are_no_problem_unless_they_were_edited(
        written in written(), from: prop::sample::Index, behind: prop::sample::Index, edit: Option<prop::sample::Index>
    ) {
        let mut lines = written.lines.clone();
        let from = from.index(lines.len());
        let behind = from + 1 + behind.index(lines.len() - from);
        let mut copy = lines[from].clone();
        let mut is_edited = false;
        if let Some(at) = edit {
            let at = at.index(copy.len());
            is_edited = copy[at] != b'7' && copy[at].is_ascii_hexdigit();
            if is_edited {
                copy[at] = b'7';
            }
        }
        lines.insert(behind, copy);
        prop_assert_eq!(found(&written, &lines).is_empty(), !is_edited);
    }

    #[test]
    fn whatever_somebody_puts_in_is_found(written in written(), at: prop::sample::Index, path: String) {
        let mut lines = written.lines.clone();
        let at = 1 + at.index(lines.len() - 1);
        // Sealed as well as it can be: with the right number, and right hashes, after a beginning of its own.
        let mut forger = Writer::new(1, Schema::Ocsf, &Keys::None);
        forger.requests(at - 1);
        forger.request(&path);
        lines.insert(at, forger.lines[at].clone());
        prop_assert!(!found(&written, &lines).is_empty());
    }
}

fn place(lines: &[Vec<u8>], mut offset: usize) -> (usize, usize) {
    for (number, line) in lines.iter().enumerate() {
        if offset < line.len() {
            return (number, offset);
        }
        offset -= line.len();
    }
    unreachable!("the offset is one of all bytes")
}
