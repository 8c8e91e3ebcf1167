//! The audit tab: a file that was dropped on the page is verified, searched and exported, line by line, in constant memory.
//!
//! For the border to JavaScript:
//!
//! ```text
//! Dropped { name: String, size: u64, reader: impl Read + 'static, progress: impl FnMut(u64) + 'static }
//! Slices::new(size: u64, read: FnMut(offset: u64, into: &mut [u8]) -> io::Result<usize>): impl Read
//! verify(Dropped, trust: &str) -> Result<String, String>
//! search(Dropped, query: &str, page: &str) -> Result<String, String>
//! export(Dropped, query: &str, format: &str, piece: FnMut(&[u8]) -> io::Result<()>) -> Result<(), String>
//! record(bytes: &[u8]) -> Result<String, String>
//! ```
//!
//! `trust`, `query`, `page` and what comes back are JSON in the forms of `page/src/engine.ts`; an error is a sentence for people. `Slices` makes a
//! reader of a function that copies some bytes of the file, as many as there is room for, and says how many those were. `progress` hears now and
//! then how many bytes have been read. `record` takes the bytes at `offset` of a row, `length` of them, and gives the record's JSON.

mod export;
mod query;
mod search;
mod slices;
#[cfg(test)]
mod tests;
mod verify;

use std::io::Read;

use portcullis_audit::{Lines, read_again};
use serde::de::DeserializeOwned;

pub use export::export;
pub use search::search;
pub use slices::Slices;
pub use verify::verify;

/// A file that was dropped on the page.
pub struct Dropped<R, P> {
    /// What it is called there.
    pub name: String,
    /// How long it is, in bytes.
    pub size: u64,
    /// What gives its bytes.
    pub reader: R,
    /// Who hears how many of them have been read.
    pub progress: P,
}

impl<R: Read + 'static, P: FnMut(u64) + 'static> Dropped<R, P> {
    fn lines(self) -> Result<Lines, String> {
        let lines = Lines::of(self.name, self.reader, self.size).map_err(|error| error.to_string())?;
        Ok(lines.watched(self.progress))
    }
}

/// The JSON of one record, of which these are the bytes in the file.
///
/// # Errors
/// They are not those of a record: the file has changed.
pub fn record(bytes: &[u8]) -> Result<String, String> {
    let json =
        read_again(bytes).map_err(|error| format!("{error}; the file may have changed: drop it again"))?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}

/// Reads what the page says.
fn said<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| format!("{what}: {error}"))
}

/// That a file is of something else.
fn no_record(name: &str, others: u64) -> String {
    match others {
        0 => format!("{name}: no audit record in it: it is empty"),
        1 => format!("{name}: no audit record in it: 1 line of something else"),
        others => format!("{name}: no audit record in it: {others} lines of something else"),
    }
}
