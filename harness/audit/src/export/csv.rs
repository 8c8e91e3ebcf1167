//! CSV, as RFC 4180 has it.

use std::io::{self, Write};
use std::ops::ControlFlow;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use crate::field::{Field, Kind};
use crate::row::{Row, Value};
use crate::scan::{Sink, Tally};
use crate::time::rfc3339;

/// What a text begins with that a spreadsheet takes for a formula, some in spite of what stands before it; also in full width.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What else than a comma a program may take for the end of a cell: a list separator of other countries, and whatever ends a line or a column.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Writes each record as a line of values with commas between them, below one with the names of the fields. Texts are in quotes; numbers, times,
/// and what a record has not are bare.
pub struct Csv<'w> {
    out: Writer<&'w mut dyn Write>,
    fields: Vec<Field>,
    is_raw: bool,
}

impl<'w> Csv<'w> {
    /// Of these fields. What a spreadsheet would take for a formula at the beginning of a text, or of a cell that it makes of the rest of one, gets
    /// an apostrophe before it, unless it shall be raw.
    ///
    /// # Errors
    /// The names cannot be written.
    pub fn new(out: &'w mut dyn Write, fields: Vec<Field>, is_raw: bool) -> io::Result<Self> {
        // Which of the values are texts is known here alone.
        let mut out =
            WriterBuilder::new().terminator(Terminator::CRLF).quote_style(QuoteStyle::Never).from_writer(out);
        out.write_record(fields.iter().map(|field| field.name()))?;
        Ok(Self { out, fields, is_raw })
    }

    fn cell(&self, field: Field, row: &Row<'_>) -> String {
        match row.value(field) {
            None => String::new(),
            Some(Value::Integer(time)) if field.kind() == Kind::Time => rfc3339(*time),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Double(number)) => number.to_string(),
            Some(Value::Text(text)) => self.text(text),
            Some(Value::List(texts)) => self.text(&texts.join(", ")),
        }
    }

    fn text(&self, text: &str) -> String {
        quoted(&if self.is_raw { text.into() } else { guarded(text) })
    }
}

/// A text of which nothing is a formula, wherever a program lets a cell begin. One that separates cells by something else than commas does not heed
/// the quotes of this one.
fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for (at, c) in text.char_indices() {
        let is_between = at > 0 && SEPARATORS.contains(&c);
        if begins && !is_between && FORMULA.contains(&c) {
            out.push('\'');
        }
        out.push(c);
        begins = SEPARATORS.contains(&c) || begins && c == '"';
    }
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

impl Sink for Csv<'_> {
    fn take(&mut self, row: &Row<'_>, _: &[u8]) -> io::Result<ControlFlow<()>> {
        for field in &self.fields {
            self.out.write_field(self.cell(*field, row))?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, _: &Tally) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(record: &str, fields: &[Field], is_raw: bool) -> String {
        let mut out = Vec::new();
        let mut csv = Csv::new(&mut out, fields.into(), is_raw).unwrap();
        assert!(csv.take(&Row::read(record.as_bytes()).unwrap(), b"").unwrap().is_continue());
        csv.end(&Tally::default()).unwrap();
        drop(csv);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_a_line_of_values() {
        let fields =
            [Field::Time, Field::Status, Field::Count, Field::Duration, Field::ForwardedFor, Field::Query];
        let record = include_str!("../../tests/records/request.ocsf.json");
        assert_eq!(
            written(record, &fields, false),
            "time,status,count,duration_ms,forwarded_for,query\r\n\
             2026-09-21T14:13:20.000Z,401,,12,\"198.51.100.7, 203.0.113.9\",\"page=2&token=[redacted]\"\r\n"
        );
    }

    #[test]
    fn no_text_is_a_formula_and_no_text_ends_its_cell() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\ta", "'\ta"),
            ("\ra", "'\ra"),
            ("\na", "'\na"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("\u{ff20}a", "'\u{ff20}a"),
            ("a=1", "a=1"),
            ("a,=1", "a,=1"),
            ("a;=1;b", "a;'=1;b"),
            ("a;=1;\"-1", "a;'=1;\"\"'-1"),
            ("a\t=1", "a\t'=1"),
            ("a\r\n=1", "a\r\n'=1"),
            ("\t=1", "'\t'=1"),
            ("=\";=1", "'=\"\";'=1"),
            ("(compatible; +https://example.com)", "(compatible; +https://example.com)"),
            ("a,\"b\"\r\nc", "a,\"\"b\"\"\r\nc"),
            ("17", "17"),
            ("", ""),
        ] {
            let record = serde_json::json!({"class_uid": 4002, "status_detail": text}).to_string();
            assert_eq!(
                written(&record, &[Field::Details], false),
                format!("details\r\n\"{cell}\"\r\n"),
                "{text}"
            );
        }
        let record = r#"{"class_uid":4002,"status_detail":"=1"}"#;
        assert_eq!(written(record, &[Field::Details], true), "details\r\n\"=1\"\r\n");
    }

    #[test]
    fn another_program_reads_the_texts_that_were_written() {
        let text = "a,\"b\";'c'\r\nd";
        let record =
            serde_json::json!({"class_uid": 4002, "status_detail": text, "http_response": {"code": 7}});
        let written = written(&record.to_string(), &[Field::Details, Field::Status, Field::Path], true);
        let mut reader = csv::Reader::from_reader(written.as_bytes());
        let read: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(read, [vec![text, "7", ""]]);
    }

    #[test]
    fn a_record_of_one_empty_value_is_still_a_line() {
        assert_eq!(written(r#"{"class_uid":4002}"#, &[Field::Details], false), "details\r\n\"\"\r\n");
    }
}
