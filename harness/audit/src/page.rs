//! Some of the records, in their order, as rows of a table that is drawn elsewhere.

use std::io;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::field::Field;
use crate::lines::{Line, Place};
use crate::row::{Decision, Row};
use crate::scan::Sink;
use crate::show::{Column, cut_middle, sentence};

/// The columns that a text of a row takes, at most; of a longer one the middle is left out.
const LONGEST: usize = 300;

/// Keeps a page of the records that are meant: those behind the first so many, and so many of them.
#[derive(Debug)]
pub struct Page {
    skip: u64,
    take: usize,
    /// Where the next record is.
    line: u64,
    place: Place,
    rows: Vec<PageRow>,
}

/// What a row shows of a record. A text that it has not is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageRow {
    /// The line in the file, from 1 on.
    pub line: u64,
    /// Where the record is in the file.
    #[serde(flatten)]
    pub place: Place,
    /// In milliseconds since the epoch.
    pub time: Option<i64>,
    /// `request`, or what the writer says of itself.
    pub kind: String,
    /// What became of it.
    pub decision: Decision,
    /// The status that the client got.
    pub status: Option<i64>,
    /// The method of the request.
    pub method: String,
    /// Its host.
    pub host: String,
    /// Its path.
    pub path: String,
    /// The user.
    pub subject: String,
    /// The tenant.
    pub tenant: String,
    /// The address of the client.
    pub source: String,
    /// The trace.
    pub trace_id: String,
    /// Why a request was denied, or what else has gone wrong; what the writer says, in a sentence.
    pub reason: String,
}

impl Page {
    /// An empty one.
    pub fn new(skip: u64, take: usize) -> Self {
        Self { skip, take, line: 0, place: Place::default(), rows: Vec::new() }
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<PageRow> {
        self.rows
    }

    fn row(&self, row: &Row<'_>, record: &[u8]) -> PageRow {
        let text = |field| cut_middle(row.text(field).unwrap_or_default(), LONGEST);
        let reason = match row.is_request() {
            true => Column::Why.cell(row).unwrap_or_default(),
            false => sentence(row, record),
        };
        PageRow {
            line: self.line,
            place: self.place,
            time: row.integer(Field::Time),
            kind: cut_middle(row.kind(), LONGEST),
            decision: row.decision(),
            status: row.integer(Field::Status),
            method: text(Field::Method),
            host: text(Field::Host),
            path: text(Field::Path),
            subject: text(Field::Subject),
            tenant: text(Field::Tenant),
            source: text(Field::SourceIp),
            trace_id: text(Field::TraceId),
            reason: cut_middle(&reason, LONGEST),
        }
    }
}

impl Sink for Page {
    fn at(&mut self, line: &Line<'_>) {
        (self.line, self.place) = (line.number, line.place);
    }

    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        if let Some(skip) = self.skip.checked_sub(1) {
            self.skip = skip;
        } else if self.rows.len() < self.take {
            self.rows.push(self.row(row, record));
        }
        // What comes behind the page is counted all the same.
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Lines;
    use crate::scan::scan;
    use crate::selection::Selection;

    fn rows(text: String, skip: u64, take: usize) -> Vec<PageRow> {
        let size = text.len() as u64;
        let lines = Lines::of("dropped", io::Cursor::new(text), size).unwrap();
        let mut page = Page::new(skip, take);
        let tally = scan(lines, &Selection::default(), &mut page, &mut |_| {}).unwrap();
        assert_eq!(tally.meant, tally.records);
        page.into_rows()
    }

    #[test]
    fn a_page_has_the_records_behind_those_that_are_skipped() {
        let text =
            (1..=9).map(|time| format!("{{\"class_uid\":4002,\"time\":{time}}}\n")).collect::<String>();
        for (skip, take, expected) in
            [(0, 2, vec![1, 2]), (7, 5, vec![8, 9]), (9, 5, vec![]), (3, 0, vec![]), (u64::MAX, 5, vec![])]
        {
            let times: Vec<_> = rows(text.clone(), skip, take).iter().filter_map(|row| row.time).collect();
            assert_eq!(times, expected, "{skip} {take}");
        }
    }

    #[test]
    fn a_row_says_what_people_look_for_and_where_it_is() {
        let record = include_str!("../tests/records/request.ocsf.json").trim_end();
        let rows = rows(format!("started\n{record}\n"), 0, 10);
        let expected = serde_json::json!([{
            "line": 2, "offset": 8, "length": record.len(), "time": 1_790_000_000_000_u64, "kind": "request",
            "decision": "denied", "status": 401, "method": "GET", "host": "shop.example", "path": "/orders/7",
            "subject": "alice", "tenant": "acme", "source": "192.0.2.1", "traceId": rows[0].trace_id,
            "reason": "jwt_expired",
        }]);
        assert_eq!(serde_json::to_value(&rows).unwrap(), expected);
        assert_eq!(rows[0].trace_id.len(), 32);
    }

    #[test]
    fn what_a_writer_says_of_itself_is_a_sentence_and_a_long_text_is_cut() {
        let stop = r#"{"class_uid":1008,"unmapped":{"audit":{"kind":"stop","reason":"removed"}}}"#;
        let long =
            format!(r#"{{"class_uid":4002,"http_request":{{"url":{{"path":"/{}"}}}}}}"#, "x".repeat(9000));
        let rows = rows(format!("{stop}\n{long}"), 0, 10);
        let [stop, long] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(
            (stop.kind.as_str(), stop.decision.name(), stop.reason.as_str()),
            ("stop", "other", "chain - ends: its configuration was removed")
        );
        assert_eq!((stop.time, stop.status, stop.path.as_str()), (None, None, ""));
        assert_eq!(long.path.chars().count(), LONGEST);
    }
}
