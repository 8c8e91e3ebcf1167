//! Audit records as Parquet: a column for each field, typed and compressed.
//!
//! A crate of its own, because its compression is C, which is not built for a browser.

mod column;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use portcullis_audit::{Field, Row, Sink, Tally};

use self::column::Column;

/// The version of the columns: it goes up when one of them gets another name or type.
const FORMAT: &str = "1";
/// The rows of a group, at most: that of DuckDB, which reads one group per thread.
const ROWS: usize = 122_880;
/// What they take up in memory, at most, in bytes.
const BYTES: usize = 64 << 20;

/// Writes records as columns, group by group.
pub struct Parquet<'w> {
    out: SerializedFileWriter<&'w mut (dyn Write + Send)>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<'w> Parquet<'w> {
    /// Of these fields.
    ///
    /// # Errors
    /// The start of the file cannot be written.
    pub fn new(out: &'w mut (dyn Write + Send), fields: &[Field]) -> io::Result<Self> {
        let members: String = fields.iter().map(|field| column::schema(*field)).collect();
        let schema = parse_message_type(&format!("message portcullis_audit {{ {members} }}"))?;
        let format = KeyValue::new("portcullis.audit.format".to_owned(), FORMAT.to_owned());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by(concat!("portcullis ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![format]));
        let out = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()))?;
        Ok(Self { out, columns: fields.iter().copied().map(Column::new).collect(), rows: 0, bytes: 0 })
    }

    fn group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.out.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Sink for Parquet<'_> {
    fn take(&mut self, row: &Row<'_>, _: &[u8]) -> io::Result<ControlFlow<()>> {
        for column in &mut self.columns {
            self.bytes += column.push(row);
        }
        self.rows += 1;
        if self.rows >= ROWS || self.bytes >= BYTES {
            self.group()?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the last group, and where everything is.
    fn end(&mut self, _: &Tally) -> io::Result<()> {
        self.group()?;
        self.out.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
