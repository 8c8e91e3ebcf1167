//! The audit tab: a file that was dropped on the page is verified, searched and exported, line by line.
//!
//! What it is asked, and what it gives, is JSON in the forms of `page/src/forms.ts`.

mod advice;
mod export;
mod findings;
mod query;
mod record;
mod refusal;
mod search;
mod slices;
#[cfg(test)]
mod tests;
mod verify;

use std::io::Read;

use portcullis_audit::Lines;
use serde::de::DeserializeOwned;

pub use export::export;
pub use record::record;
pub use refusal::Refusal;
pub use search::search;
pub use slices::Slices;
pub use verify::verify;
#[cfg(test)]
pub(crate) use {
    query::Query,
    record::RecordRead,
    search::Found,
    verify::{Keys, Verified},
};

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
    fn lines(self) -> Result<Lines, Refusal> {
        let Self { name, size, reader, progress } = self;
        let lines = Lines::of(name, reader, size);
        Ok(lines.map_err(|error| Refusal::of_file(error.to_string()))?.watched(progress))
    }
}

/// Reads what the page says.
fn said<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Refusal> {
    serde_json::from_str(json).map_err(|error| Refusal::of_file(format!("{what}: {error}")))
}
