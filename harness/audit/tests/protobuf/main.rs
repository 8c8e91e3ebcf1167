//! Records as protobuf: every byte of the JSON comes back, and a usual record needs little room.

mod any;
mod files;
mod samples;

use portcullis_audit::protobuf::{ContradictionError, from_json, to_json};
use portcullis_proto::audit::{Metadata, Record, Unmapped};
use prost::Message;
use serde_json::json;

use samples::{bodies, chain_records, get, lay_over, samples, text};

fn assert_same(json: &[u8]) -> Record {
    let bytes = from_json(json).encode_to_vec();
    let record = Record::decode(&*bytes).unwrap();
    assert_eq!(to_json(&record).unwrap(), json, "{}", String::from_utf8_lossy(json));
    record
}

#[test]
fn every_member_of_a_usual_record_has_a_field() {
    for sample in samples() {
        let record = assert_same(&text(&sample));
        assert_eq!((record.further_json, record.json), (None, None), "{sample}");
        assert!(record.metadata.unwrap().uid_of_chain, "{sample}");
    }
}

#[test]
fn room() {
    for (name, record, most) in [
        ("a GET", get(), 40),
        ("a denial with bodies", bodies(), 50),
        ("a checkpoint", chain_records().remove(1), 45),
    ] {
        let json = text(&record);
        let bytes = from_json(&json).encoded_len();
        println!("{name}: {bytes} bytes, {} as JSON", json.len());
        assert!(bytes * 100 < json.len() * most, "{name}: {bytes} of {}", json.len());
    }
}

#[test]
fn what_is_no_record_comes_back_as_it_was() {
    let unusual = [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"a\":1}\u{0}",
        " {\"time\":1}",
        "{\"time\":1 }",
        "{\"time\":1,\"time\":1}",
        "{\"time\":1.0}",
        "{\"b\":1,\"a\":1}",
        "{\"time\":18446744073709551615}",
        "{\"time\":18446744073709552000}",
        "{\"time\":-1}",
        "{\"time\":1e+30}",
        "{\"actor\":{}}",
        "{\"http_cookies\":[]}",
        "{\"http_cookies\":[{}]}",
        "{\"http_cookies\":[{\"a\":1}]}",
        "{\"unmapped\":{\"audit\":{\"kind\":\"new\"}}}",
        "{\"unmapped\":{\"audit\":{\"kind\":\"stop\",\"reason\":1}}}",
        "{\"unmapped\":{\"audit\":{\"kind\":\"checkpoint\",\"root\":\"AAB=\"}}}",
        "{\"trace\":{\"uid\":\"\"}}",
        "{\"trace\":{\"uid\":\"0\"}}",
        "{\"trace\":{\"uid\":\"AB\"}}",
        "{\"class_uid\":4294967296}",
        "{\"metadata\":{\"sequence\":1,\"uid\":\"-1\"},\"unmapped\":{\"integrity\":{\"chain\":\"\"}}}",
        "{\"further_json\":\"\",\"json\":1,\"file\":null}",
        "{\"metadata\":{\"uid_of_chain\":true}}",
    ];
    for json in unusual {
        assert_same(json.as_bytes());
    }
    assert_same(b"\xff");
    assert_same("[".repeat(1000).as_bytes());
}

#[test]
fn members_without_a_field_stay_beside_the_others() {
    let mut sample = get();
    lay_over(
        &mut sample,
        json!({"actor": {"user": {"groups": [{"name": "a"}]}}, "device": {"type_id": 0}, "time": "now"}),
    );
    let record = assert_same(&text(&sample));
    let further = String::from_utf8(record.further_json.unwrap()).unwrap();
    assert_eq!(
        further,
        r#"{"actor":{"user":{"groups":[{"name":"a"}]}},"device":{"type_id":0},"time":"now"}"#
    );
    assert_eq!(record.actor.unwrap().user.unwrap().uid.unwrap(), "alice");
}

#[test]
fn contradictions() {
    let further = |json: &str| Record { time: Some(1), further_json: Some(json.into()), ..Record::default() };
    let cases = [
        (further("{\"time\":1}"), ContradictionError::Twice("time".into())),
        (further("[]"), ContradictionError::NoJson),
        (further(""), ContradictionError::NoJson),
        (Record { json: Some(b"{}\n{}".into()), ..Record::default() }, ContradictionError::Lines),
        (
            Record {
                metadata: Some(Metadata { uid_of_chain: true, sequence: Some(1), ..Metadata::default() }),
                unmapped: Some(Unmapped::default()),
                ..Record::default()
            },
            ContradictionError::NoId,
        ),
    ];
    for (record, error) in cases {
        assert_eq!(to_json(&record), Err(error));
    }
}
