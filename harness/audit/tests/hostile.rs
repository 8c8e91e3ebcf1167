//! Records as nobody would write them: whatever is done with them, nothing panics and no terminal obeys.

use portcullis_audit::export::{Csv, Ecs, Ocsf};
use portcullis_audit::show::{Objects, Table, one};
use portcullis_audit::{Field, Row, Sink, Tally};
use portcullis_audit_parquet::Parquet;
use proptest::prelude::*;
use serde_json::Value;

const RECORDS: [&str; 2] =
    [include_str!("records/request.ocsf.json"), include_str!("records/request.ecs.json")];

/// Any JSON, with texts that attack.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\\PC\u{1b}\u{9b}\u{202e}\n]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                "action|filter|name|reason|text|uid|value|[a-z\u{1b}]{1,4}",
                inner,
                0..4
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A record in which some members, by their numbers, are something else.
fn changed(record: &str, changes: Vec<(usize, Value)>) -> Value {
    let mut record: Value = serde_json::from_str(record).unwrap();
    for (place, value) in changes {
        let mut paths = Vec::new();
        pointers(&record, String::new(), &mut paths);
        let path = &paths[place % paths.len()];
        *record.pointer_mut(path).unwrap() = value;
    }
    record
}

fn pointers(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                pointers(value, format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), paths);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                pointers(value, format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}

/// Whatever the command does with a record; what of it goes to a terminal.
fn everything(record: &[u8]) -> String {
    let Ok(row) = Row::read(record) else { return String::new() };
    let (mut table, mut objects, mut files) = (Vec::new(), Vec::new(), [(); 4].map(|()| Vec::new()));
    let [csv, ecs, ocsf, parquet] = &mut files;
    let sinks: [Box<dyn Sink + '_>; 6] = [
        Box::new(Table::new(&mut table, 120, None)),
        Box::new(Objects::new(&mut objects, None, false)),
        Box::new(Csv::new(csv, Field::ALL.to_vec(), false).unwrap()),
        Box::new(Ecs::new(ecs)),
        Box::new(Ocsf::new(ocsf)),
        Box::new(Parquet::new(parquet, Field::ALL).unwrap()),
    ];
    for mut sink in sinks {
        assert!(sink.take(&row, record).unwrap().is_continue());
        sink.end(&Tally::default()).unwrap();
    }
    let shown = [table, objects].map(|text| String::from_utf8(text).unwrap());
    shown.concat() + &one(&row, record)
}

/// A text without the colours that we put into it.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let (style, rest) = part.split_once('m').unwrap();
        assert!(style.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{style:?}");
        plain + rest
    })
}

proptest! {
    #[test]
    fn no_member_is_too_strange(which in 0..2_usize, changes in prop::collection::vec((any::<usize>(), json()), 1..6)) {
        let record = changed(RECORDS[which], changes);
        let shown = plain(&everything(record.to_string().as_bytes()));
        let active = shown.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
        prop_assert_eq!(active, None, "{}", shown);
    }

    #[test]
    fn no_byte_is_too_strange(which in 0..2_usize, edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut record = RECORDS[which].trim_end().as_bytes().to_vec();
        let length = record.len();
        edits.into_iter().for_each(|(place, byte)| record[place % length] = byte);
        plain(&everything(&record));
    }

    #[test]
    fn no_text_is_a_record(text in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(everything(&text).is_empty());
    }
}
