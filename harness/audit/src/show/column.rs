//! The columns of a table.

use crate::field::{Field, Kind};
use crate::row::{Decision, Row, Value};
use crate::time::rfc3339;

/// A column: a field, or what people would put together from several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// One field.
    Field(Field),
    /// The time of the day.
    Clock,
    /// Method, host and path.
    Request,
    /// The user, or the name in the client's certificate, or the client's address.
    Who,
    /// Why it was denied, or what else has gone wrong.
    Why,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// So wide.
    Fixed(usize),
    /// It shares what the others leave, by this weight.
    Share(usize),
}

impl Column {
    /// Those of a table for which nobody has named any, if there is room for them all.
    pub const COMMON: [Self; 7] = [
        Self::Field(Field::Time),
        Self::Field(Field::Decision),
        Self::Field(Field::Status),
        Self::Request,
        Self::Who,
        Self::Why,
        Self::Field(Field::TraceId),
    ];

    /// The column with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "clock" => Some(Self::Clock),
            "request" => Some(Self::Request),
            "who" => Some(Self::Who),
            "why" => Some(Self::Why),
            _ => Field::named(name).map(Self::Field),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Clock => "clock",
            Self::Request => "request",
            Self::Who => "who",
            Self::Why => "why",
        }
    }

    /// What it says of a record, as it is on the wire.
    pub(crate) fn cell(self, row: &Row<'_>) -> Option<String> {
        match self {
            Self::Field(field) => row.value(field).map(|value| shown_value(field, value)),
            Self::Clock => row.integer(Field::Time).map(|time| date_and_clock(time).1),
            Self::Request => request(row),
            Self::Who => [Field::Subject, Field::Peer, Field::SourceIp]
                .iter()
                .find_map(|field| row.text(*field))
                .map(str::to_owned),
            Self::Why => why(row),
        }
    }

    pub(super) fn width(self) -> Width {
        let field = match self {
            Self::Field(field) => field,
            Self::Clock => return Width::Fixed("00:00:00.000".len()),
            Self::Request => return Width::Share(4),
            Self::Who => return Width::Share(2),
            Self::Why => return Width::Share(3),
        };
        match (field, field.kind()) {
            (_, Kind::Time) => Width::Fixed("2026-01-01T00:00:00.000Z".len()),
            (Field::Decision, _) => Width::Fixed("decision".len()),
            (Field::Method, _) => Width::Fixed("OPTIONS".len()),
            (Field::TraceId | Field::Chain, _) => Width::Fixed(32),
            (Field::SpanId, _) => Width::Fixed(16),
            (Field::Hash | Field::Previous, _) => Width::Fixed(64),
            (_, Kind::Int | Kind::Long | Kind::Double) => Width::Fixed(field.name().len().max(6)),
            (_, Kind::Text | Kind::List) => Width::Share(2),
        }
    }
}

/// The value of a field as people write it.
pub(crate) fn shown_value(field: Field, value: &Value<'_>) -> String {
    match value {
        Value::Integer(time) if field.kind() == Kind::Time => rfc3339(*time),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Text(text) => text.clone().into_owned(),
        Value::List(texts) => texts.join(", "),
    }
}

/// `2026-01-01` and `13:33:20.123`, in UTC.
pub(super) fn date_and_clock(time: i64) -> (String, String) {
    let time = rfc3339(time);
    let (date, clock) = time.split_once('T').unwrap_or_default();
    (date.to_owned(), clock.trim_end_matches('Z').to_owned())
}

fn request(row: &Row<'_>) -> Option<String> {
    let target = [Field::Host, Field::Path].iter().filter_map(|field| row.text(*field)).collect::<String>();
    let parts = [row.text(Field::Method).unwrap_or_default(), &target];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn why(row: &Row<'_>) -> Option<String> {
    let denied = [Field::Reason, Field::Filter].iter().find_map(|field| row.text(*field));
    let failed = row.text(Field::Flags).filter(|flags| !flags.is_empty());
    // Where a response is from, is a reason only where it is not from the upstream.
    let details = row.text(Field::Details).filter(|details| *details != "via_upstream");
    let begun = (!row.is_complete()).then_some("only begun");
    let why = denied.or(failed).or(details).or(begun);
    match (row.count(), row.decision()) {
        (2.., Decision::Denied) => {
            Some(format!("{} ×{}", why.unwrap_or_default(), row.count()).trim().to_owned())
        }
        _ => why.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(record: &str) -> [Option<String>; 3] {
        let row = Row::read(record.as_bytes()).unwrap();
        [Column::Request, Column::Who, Column::Why].map(|column| column.cell(&row))
    }

    #[test]
    fn what_people_ask_for_is_put_together() {
        let some = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned()));
        let full = cells(include_str!("../../tests/records/request.ocsf.json"));
        assert_eq!(full, some(["GET shop.example/orders/7", "alice", "jwt_expired"]));
        let record = r#"{"action_id":2,"class_uid":4002,"count":57,"http_request":{"url":{"path":"/"}},
            "src_endpoint":{"ip":"192.0.2.1"},"status_detail":"rbac_denied"}"#;
        assert_eq!(cells(record), some(["/", "192.0.2.1", "rbac_denied ×57"]));
        let record = r#"{"action_id":1,"class_uid":4002,"src_endpoint":{"svc_name":"spiffe://a","ip":"192.0.2.1"},
            "status_detail":"via_upstream"}"#;
        assert_eq!(cells(record), [None, Some("spiffe://a".into()), None]);
        let record =
            r#"{"class_uid":4002,"status_detail":"via_upstream","unmapped":{"audit":{"flags":"UF,URX"}}}"#;
        assert_eq!(cells(record), [None, None, Some("UF,URX".into())]);
        let record = r#"{"class_uid":4002,"unmapped":{"audit":{"stage":"request_received"}}}"#;
        assert_eq!(cells(record), [None, None, Some("only begun".into())]);
    }

    #[test]
    fn every_column_has_the_name_it_is_found_by() {
        for column in Column::COMMON {
            assert_eq!(Column::named(column.name()), Some(column));
        }
        assert_eq!(Column::named("user_agent"), Some(Column::Field(Field::UserAgent)));
        assert_eq!(Column::named("nothing"), None);
    }
}
