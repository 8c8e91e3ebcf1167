//! Records as nobody writes them.

use portcullis_audit::protobuf::MessageReader;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use crate::assert_same;
use crate::files::stream;
use crate::samples::{samples, text};

proptest! {
    #[test]
    fn of_any_json_every_byte_comes_back(value in any_json()) {
        assert_same(&text(&value));
    }

    #[test]
    fn of_any_line_likewise(mut bytes in vec(any::<u8>(), 0..64)) {
        bytes.retain(|byte| *byte != b'\n');
        assert_same(&bytes);
    }

    /// Usual records with something unusual in them: a member gone, replaced, or added, anywhere.
    #[test]
    fn of_records_likewise(
        number in 0..samples().len(),
        changes in vec((any::<prop::sample::Index>(), change()), 0..4),
    ) {
        let mut sample = samples().swap_remove(number);
        for (place, change) in changes {
            let mut places = Vec::new();
            all_places(&sample, &mut Vec::new(), &mut places);
            let place = place.get(&places).clone();
            apply(&mut sample, &place, change);
        }
        assert_same(&text(&sample));
    }

    #[test]
    fn any_bytes_are_a_stream_or_none(bytes in vec(any::<u8>(), 0..64), is_begun: bool) {
        let mut file = if is_begun { stream(&[]) } else { Vec::new() };
        file.extend(bytes);
        let mut reader = MessageReader::new(&*file);
        while let Ok(Some(json)) = reader.record() {
            assert!(!json.contains(&b'\n'));
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    Add(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Remove),
        any_json().prop_map(Change::Replace),
        (name(), any_json()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

/// The places of all members, as pointers.
fn all_places(value: &Value, path: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        path.push(name.clone());
        places.push(path.clone());
        all_places(member, path, places);
        path.pop();
    }
    if places.is_empty() {
        places.push(Vec::new());
    }
}

fn apply(value: &mut Value, place: &[String], change: Change) {
    let Some((last, parents)) = place.split_last() else { return };
    let mut at = value;
    for parent in parents {
        at = &mut at[parent];
    }
    match change {
        Change::Remove => drop(at.as_object_mut().unwrap().remove(last)),
        Change::Replace(value) => at[last] = value,
        Change::Add(name, value) => at[name] = value,
    }
}

/// Names of members, most of which have fields somewhere.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "uid",
        "kind",
        "reason",
        "chain",
        "time",
        "audit",
        "user",
        "profiles",
        "port",
        "json",
        "root",
        "further_json",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "([0-9a-f]{2}){0,17}".prop_map(Value::from),
        prop::sample::select(vec!["genesis", "checkpoint", "loss", "stop", "abandoned"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |value| {
        prop_oneof![
            vec(value.clone(), 0..4).prop_map(Value::from),
            btree_map(name(), value, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
