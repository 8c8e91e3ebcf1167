//! Files of messages: read as they were written, and verified as lines are.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use portcullis_audit::export::Messages;
use portcullis_audit::protobuf::{MessageReader, MessageWriter, StreamError, from_json, to_json};
use portcullis_audit::{Content, Line, Lines, Selection, scan};
use portcullis_audit_chain::verify::{Place, Summary, Trust, Verifier};
use portcullis_audit_chain::{Chain, Form};
use portcullis_proto::audit::{FILE, Record};
use prost::Message;
use serde_json::{Value, json};

use crate::samples::{bodies, chain_records, get, of_the_log, samples, text};

pub(crate) fn stream(records: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new()).unwrap();
    for record in records {
        writer.record(record).unwrap();
    }
    writer.finish().unwrap()
}

fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, StreamError> {
    let mut reader = MessageReader::new(Cursor::new(file));
    let mut records = Vec::new();
    while let Some(record) = reader.record()? {
        records.push(record);
    }
    Ok(records)
}

#[test]
fn a_file_is_read_as_it_was_written_and_so_are_two_in_one() {
    let records: Vec<_> = samples().iter().map(text).collect();
    let file = stream(&records);
    assert_eq!(read(&file).unwrap(), records);
    let both = [&*file, &*stream(&records[..1])].concat();
    assert_eq!(read(&both).unwrap(), [&records[..], &records[..1]].concat());
    assert_eq!(read(&stream(&[])).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_file_that_is_cut_off_is_not_taken_for_a_shorter_one() {
    let records: Vec<_> = samples().iter().take(2).map(text).collect();
    let file = stream(&records);
    let whole: Vec<_> = (0..=2).map(|count| stream(&records[..count]).len()).collect();
    for end in 1..file.len() {
        let read = read(&file[..end]);
        match whole.iter().position(|whole| *whole == end) {
            Some(count) => assert_eq!(read.unwrap(), records[..count]),
            None => assert!(matches!(read, Err(StreamError::End)), "{end}: {read:?}"),
        }
    }
}

#[test]
fn other_files() {
    let message = |record: &Record| record.encode_length_delimited_to_vec();
    let later = Record { file: Some("portcullis.audit.v2".into()), ..Record::default() };
    assert_eq!(
        read(&message(&later)).unwrap_err().to_string(),
        format!("a file of \"portcullis.audit.v2\"; this program reads {FILE}")
    );
    assert!(matches!(read(&message(&from_json(b"{}"))), Err(StreamError::NoStream)));
    let damaged = |bytes: &[u8]| read(&[&*stream(&[]), bytes].concat());
    assert!(matches!(damaged(&[0xff; 10]), Err(StreamError::TooLong)));
    assert!(matches!(damaged(&[0xff, 0xff, 0xff, 0x7f]), Err(StreamError::TooLong)));
    assert!(matches!(damaged(&[1, 0xff]), Err(StreamError::Message(_))));
    let twice = Record { time: Some(1), further_json: Some(b"{\"time\":1}".into()), ..Record::default() };
    assert!(matches!(damaged(&message(&twice)), Err(StreamError::Contradiction(_))));
}

/// A chain from its beginning to its end, each record a line.
fn chain() -> Vec<Vec<u8>> {
    let mut chain = Chain::new([7; 16], Form::Member, String::new());
    let mut records = chain_records();
    let genesis = records.swap_remove(0);
    let mut lines = Vec::new();
    for record in [
        genesis,
        get(),
        bodies(),
        of_the_log(json!({"kind": "checkpoint"})),
        of_the_log(json!({"kind": "stop"})),
    ] {
        lines.push(sealed(&mut chain, record));
    }
    lines
}

fn sealed(chain: &mut Chain, mut record: Value) -> Vec<u8> {
    let mut id = Vec::new();
    chain.id(&mut id);
    record["metadata"]["sequence"] = chain.sequence().into();
    record["metadata"]["uid"] = String::from_utf8(id).unwrap().into();
    let unmapped = record["unmapped"].as_object_mut().unwrap();
    unmapped.remove("integrity");
    let audit = unmapped["audit"].as_object_mut().unwrap();
    // Nobody signs, and no other chain is there.
    audit.retain(|name, _| name != "key" && name != "previous_chain");
    if audit.get("kind").is_some_and(|kind| kind == "checkpoint") {
        let checkpoint = chain.checkpoint();
        audit.insert("root".to_owned(), checkpoint.root_text().into());
        audit.insert("size".to_owned(), checkpoint.size.into());
    }
    let mut line = text(&record);
    let place = line.len() - "}}".len();
    chain.seal(&mut line, place);
    line
}

fn verified(path: &Path) -> Summary {
    let mut verifier = Verifier::new(Trust::default());
    let mut lines = Lines::open(&[path.to_owned()]).unwrap();
    while let Some(Line { number, content, .. }) = lines.next().unwrap() {
        let Content::Record(record) = content else { panic!("{content:?}") };
        verifier.line(Place { file: 0, line: number }, record);
    }
    verifier.finish()
}

#[test]
fn what_is_exported_is_verified_as_the_lines_are() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, messages) = (folder.path().join("audit.jsonl"), folder.path().join("audit.pb"));
    let records = chain();
    fs::write(&lines, records.iter().flat_map(|record| [record, &b"\n"[..]].concat()).collect::<Vec<_>>())
        .unwrap();

    let mut sink = Messages::new(fs::File::create(&messages).unwrap()).unwrap();
    let read = Lines::open(std::slice::from_ref(&lines)).unwrap();
    let tally = scan(read, &Selection::default(), &mut sink, &mut |broken| panic!("{broken}")).unwrap();
    sink.finish().unwrap();
    assert_eq!(tally.meant, 5);

    let summary = verified(&messages);
    assert_eq!(summary, verified(&lines));
    assert_eq!((summary.found, summary.chains[0].records, summary.chains[0].checkpoints.total), (0, 5, 1));

    let changed: Vec<_> = records
        .iter()
        .map(|record| {
            let mut record = from_json(record);
            if let Some(response) = &mut record.http_response {
                response.code = Some(204);
            }
            to_json(&record).unwrap()
        })
        .collect();
    fs::write(&messages, stream(&changed)).unwrap();
    assert_eq!(verified(&messages).found, 2);
}
