//! Records as flat JSON objects: their fields by name.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde_json::{Map, Value as Json};

use super::column::Column;
use super::text::told;
use crate::field::{Field, Kind};
use crate::row::{Row, Value};
use crate::scan::{Sink, Tally};
use crate::time::rfc3339;

/// Writes each record as an object on a line of its own, with a member for each field that it has.
pub struct Objects<'w> {
    out: &'w mut dyn Write,
    columns: Vec<Column>,
    /// Whether all of them are one list.
    is_list: bool,
    is_first: bool,
}

impl<'w> Objects<'w> {
    /// Of these columns, or of all fields; as one list, or each on its own.
    pub fn new(out: &'w mut dyn Write, columns: Option<Vec<Column>>, is_list: bool) -> Self {
        let all = || Field::ALL.iter().copied().map(Column::Field).collect();
        Self { out, columns: columns.unwrap_or_else(all), is_list, is_first: true }
    }
}

impl Sink for Objects<'_> {
    fn take(&mut self, row: &Row<'_>, _: &[u8]) -> io::Result<ControlFlow<()>> {
        let before = match (self.is_list, self.is_first) {
            (true, true) => "[\n",
            (true, false) => ",\n",
            (false, _) => "",
        };
        self.is_first = false;
        let line = format!("{before}{}{}", object(&self.columns, row), if self.is_list { "" } else { "\n" });
        self.out.write_all(line.as_bytes())?;
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the list.
    fn end(&mut self, _: &Tally) -> io::Result<()> {
        match (self.is_list, self.is_first) {
            (true, true) => self.out.write_all(b"[]\n")?,
            (true, false) => self.out.write_all(b"\n]\n")?,
            (false, _) => {}
        }
        self.out.flush()
    }
}

fn object(columns: &[Column], row: &Row<'_>) -> String {
    let members = columns.iter().filter_map(|column| Some((column.name().to_owned(), member(*column, row)?)));
    harmless(&Json::Object(members.collect::<Map<_, _>>()).to_string())
}

fn member(column: Column, row: &Row<'_>) -> Option<Json> {
    let Column::Field(field) = column else { return column.cell(row).map(Json::from) };
    Some(match row.value(field)? {
        Value::Integer(time) if field.kind() == Kind::Time => rfc3339(*time).into(),
        Value::Integer(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::List(texts) => texts.iter().map(AsRef::as_ref).collect(),
    })
}

/// The same JSON without a character that a terminal obeys or does not show.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Below 0x20 there is none left in JSON, and all in ASCII else is visible.
        let is_plain =
            c.is_ascii() && c != '\u{7f}' || told(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8();
        match is_plain {
            true => out.push(c),
            false => out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[&str], columns: Option<Vec<Column>>, is_list: bool) -> String {
        let mut out = Vec::new();
        let mut objects = Objects::new(&mut out, columns, is_list);
        for record in records {
            assert!(
                objects
                    .take(&Row::read(record.as_bytes()).unwrap(), record.as_bytes())
                    .unwrap()
                    .is_continue()
            );
        }
        objects.end(&Tally::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_an_object_of_its_fields() {
        let record = include_str!("../../tests/records/request.ocsf.json");
        let line = written(&[record], None, false);
        let object: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(object["time"], "2026-09-21T14:13:20.000Z");
        assert_eq!((&object["status"], &object["duration_ms"]), (&401.into(), &12.0.into()));
        assert_eq!(object["forwarded_for"], serde_json::json!(["198.51.100.7", "203.0.113.9"]));
        assert_eq!(object.get("count"), None);
        let columns = vec![Column::Request, Column::Field(Field::Subject)];
        assert_eq!(
            written(&[record], Some(columns), false),
            "{\"request\":\"GET shop.example/orders/7\",\"subject\":\"alice\"}\n"
        );
    }

    #[test]
    fn several_are_a_list_if_one_wants_it() {
        let columns = || Some(vec![Column::Field(Field::ClassUid)]);
        let record = r#"{"class_uid":4002}"#;
        assert_eq!(
            written(&[record, record], columns(), true),
            "[\n{\"class_uid\":4002},\n{\"class_uid\":4002}\n]\n"
        );
        assert_eq!(
            written(&[record, record], columns(), false),
            "{\"class_uid\":4002}\n{\"class_uid\":4002}\n"
        );
        assert_eq!(
            (written(&[], columns(), true).as_str(), written(&[], columns(), false).as_str()),
            ("[]\n", "")
        );
    }

    #[test]
    fn no_terminal_obeys_it_and_no_value_is_changed() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{200b}\u{e0041}é日";
        let record = serde_json::json!({"class_uid": 4002, "status_detail": text}).to_string();
        let line = written(&[&record], None, false);
        assert!(
            line.trim_end()
                .chars()
                .all(|c| !c.is_control() && told(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()),
            "{line}"
        );
        assert!(line.contains("é日"));
        assert_eq!(serde_json::from_str::<Json>(&line).unwrap()["details"], text);
    }
}
