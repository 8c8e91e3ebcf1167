//! Records that are written out.

use std::io::{self, BufWriter, Read, Write};

use portcullis_audit::export::{AsRead, Csv};
use portcullis_audit::{Field, Lines, ScanError, Selection, Sink, Tally, scan};

use super::query::Query;
use super::{Dropped, Refusal, said};

/// What is given away at once, in bytes.
const AT_ONCE: usize = 1 << 20;

/// Writes the records of a `Query`, piece by piece, as `jsonl` or `csv`. Those that came again are written once.
///
/// # Errors
/// The query cannot be read, or the file, there is no record in it, nobody knows the format, or somebody does not take a piece.
pub fn export<R, P, W>(file: Dropped<R, P>, query: &str, format: &str, piece: W) -> Result<(), Refusal>
where
    R: Read + 'static,
    P: FnMut(u64) + 'static,
    W: FnMut(&[u8]) -> io::Result<()>,
{
    let selection = said::<Query>("query", query)?.selection()?;
    let name = file.name.clone();
    let lines = file.lines()?;
    let mut out = BufWriter::with_capacity(AT_ONCE, Pieces(piece));
    let tally = match format {
        "jsonl" => pass(lines, &selection, &mut AsRead::new(&mut out)),
        "csv" => Csv::new(&mut out, Field::ALL.to_vec(), false)
            .map_err(ScanError::Write)
            .and_then(|mut csv| pass(lines, &selection, &mut csv)),
        other => {
            return Err(Refusal::of_file(format!("format: {other:?} is none; write jsonl or csv")));
        }
    };
    let tally = tally.map_err(|error| Refusal::of_file(error.to_string()))?;
    if let Some(nothing) = tally.nothing(None) {
        return Err(Refusal::nothing(&name, &nothing));
    }
    out.flush().map_err(|error| Refusal::of_file(error.to_string()))
}

fn pass(lines: Lines, selection: &Selection, sink: &mut dyn Sink) -> Result<Tally, ScanError> {
    // Lines that cannot be read are told by a search.
    let tally = scan(lines, selection, sink, &mut |_| {})?;
    sink.end(&tally).map_err(ScanError::Write)?;
    Ok(tally)
}

/// Gives away whatever is written.
struct Pieces<W>(W);

impl<W: FnMut(&[u8]) -> io::Result<()>> Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
