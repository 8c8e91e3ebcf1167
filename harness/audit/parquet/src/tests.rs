use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::*;

fn written(records: &[String], fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut parquet = Parquet::new(&mut out, fields).unwrap();
    for record in records {
        let row = Row::read(record.as_bytes()).unwrap();
        assert!(parquet.take(&row, b"").unwrap().is_continue());
    }
    parquet.end(&Tally::default()).unwrap();
    drop(parquet);
    out
}

fn file(bytes: Vec<u8>) -> SerializedFileReader<impl parquet::file::reader::ChunkReader> {
    // A file, because that is what the reader takes without another crate.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    SerializedFileReader::new(file).unwrap()
}

#[test]
fn what_is_written_can_be_read_and_nothing_is_nothing() {
    let record = include_str!("../../tests/records/request.ocsf.json").to_owned();
    let bare = r#"{"class_uid":4002,"http_request":{"x_forwarded_for":[]}}"#.to_owned();
    let fields =
        [Field::Time, Field::Status, Field::Duration, Field::Path, Field::ForwardedFor, Field::Sequence];
    let reader = file(written(&[record, bare], &fields));
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].get_timestamp_millis(0).unwrap(), 1_790_000_000_000);
    assert_eq!((rows[0].get_int(1).unwrap(), rows[0].get_double(2).unwrap()), (401, 12.0));
    assert_eq!(rows[0].get_string(3).unwrap(), "/orders/7");
    let texts = |row: &parquet::record::Row| {
        row.get_list(4).unwrap().elements().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(texts(&rows[0]), ["\"198.51.100.7\"", "\"203.0.113.9\""]);
    assert_eq!(rows[0].get_long(5).unwrap(), 17);
    assert!(texts(&rows[1]).is_empty() && rows[1].get_long(5).is_err());
    assert_eq!(
        rows[1].to_string(),
        "{time: null, status: null, duration_ms: null, path: null, forwarded_for: [], sequence: null}"
    );
}

#[test]
fn the_file_says_what_it_is() {
    let reader = file(written(&[], Field::ALL));
    let metadata = reader.metadata().file_metadata();
    assert_eq!((metadata.num_rows(), metadata.schema_descr().num_columns()), (0, Field::ALL.len()));
    let pairs: Vec<_> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref()))
        .collect();
    assert_eq!(pairs, [("portcullis.audit.format", Some("1"))]);
    assert!(metadata.created_by().unwrap().starts_with("portcullis "));
}

#[test]
fn groups_are_bounded_by_rows_and_by_bytes() {
    let small: Vec<_> =
        (0..ROWS + 1).map(|number| format!(r#"{{"class_uid":4002,"time":{number}}}"#)).collect();
    let reader = file(written(&small, &[Field::Time]));
    let rows: Vec<_> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [ROWS as i64, 1]);
    let large = format!(r#"{{"class_uid":4002,"status_detail":"{}"}}"#, "x".repeat(BYTES / 4));
    let reader = file(written(&vec![large; 9], &[Field::Details]));
    let rows: Vec<_> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [4, 4, 1]);
}
