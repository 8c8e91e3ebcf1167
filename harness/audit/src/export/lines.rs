//! Records as lines of JSON, in one schema.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::ecs::projected;
use crate::row::{Row, Schema};
use crate::scan::Sink;

/// Writes records in OCSF, byte for byte as they were read: they can still be verified. Those in ECS, which says less, are left out.
pub struct Ocsf<'w> {
    out: &'w mut dyn Write,
}

impl<'w> Ocsf<'w> {
    /// To there.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out }
    }
}

impl Sink for Ocsf<'_> {
    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        if row.schema() == Schema::Ocsf {
            self.out.write_all(record)?;
            self.out.write_all(b"\n")?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Writes records byte for byte as they were read, whatever their schema.
pub struct AsRead<'w> {
    out: &'w mut dyn Write,
}

impl<'w> AsRead<'w> {
    /// To there.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out }
    }
}

impl Sink for AsRead<'_> {
    fn take(&mut self, _: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        self.out.write_all(record)?;
        self.out.write_all(b"\n")?;
        Ok(ControlFlow::Continue(()))
    }
}

/// Writes records in ECS. Those that are in ECS stay as they were read.
pub struct Ecs<'w> {
    out: &'w mut dyn Write,
}

impl<'w> Ecs<'w> {
    /// To there.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out }
    }
}

impl Sink for Ecs<'_> {
    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        match row.schema() {
            Schema::Ecs => self.out.write_all(record)?,
            Schema::Ocsf => serde_json::to_writer(&mut self.out, &projected(row, record))?,
        }
        self.out.write_all(b"\n")?;
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    const OCSF: &str = include_str!("../../tests/records/request.ocsf.json");
    const ECS: &str = include_str!("../../tests/records/request.ecs.json");

    fn take(sink: &mut dyn Sink, records: &[&str]) {
        for record in records {
            let record = record.trim_end();
            let row = Row::read(record.as_bytes()).unwrap();
            assert!(sink.take(&row, record.as_bytes()).unwrap().is_continue());
        }
    }

    #[test]
    fn what_is_in_the_schema_already_is_copied() {
        let mut out = Vec::new();
        let mut ocsf = Ocsf::new(&mut out);
        take(&mut ocsf, &[OCSF, ECS, OCSF]);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{OCSF}{OCSF}"));
        let mut out = Vec::new();
        let mut ecs = Ecs::new(&mut out);
        take(&mut ecs, &[ECS]);
        assert_eq!(String::from_utf8(out).unwrap(), ECS);
        let mut out = Vec::new();
        take(&mut AsRead::new(&mut out), &[OCSF, ECS]);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{OCSF}{ECS}"));
    }

    #[test]
    fn a_record_in_ecs_has_the_row_that_it_had_in_ocsf() {
        let mut out = Vec::new();
        let mut ecs = Ecs::new(&mut out);
        take(&mut ecs, &[OCSF]);
        let (before, after) = (Row::read(OCSF.as_bytes()).unwrap(), Row::read(&out).unwrap());
        assert_eq!(after.schema(), Schema::Ecs);
        for field in Field::ALL {
            let expected = match field {
                // The hash is that of the record in OCSF: in ECS it has no predecessor.
                Field::ClassUid | Field::Previous => None,
                _ => before.value(*field),
            };
            let found = after.value(*field);
            let is_same = match field {
                Field::Activity => after.text(*field) == Some("get"),
                // In ECS, there is one reason for an event.
                Field::Details => after.text(*field) == Some("jwt_expired"),
                _ => found == expected,
            };
            assert!(is_same, "{}: {found:?} instead of {expected:?}", field.name());
        }
    }
}
