//! Audit files: JavaScript gives their bytes, and hears how many have been read. Its functions work at once, as those of a worker can. What is
//! thrown is a `Refusal`.

use std::io;

use js_sys::{Function, Uint8Array};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::audit::{Dropped, Refusal, Slices, export, record, search, verify};

/// Verifies a file: `Verified`. `read(offset, length)` gives bytes of it, `trust` is a `Trust`.
///
/// # Errors
/// It cannot be read, or is of another kind.
#[wasm_bindgen]
pub fn audit_verify(
    name: String,
    size: f64,
    read: Function,
    trust: &str,
    progress: Function,
) -> Result<String, String> {
    verify(dropped(name, size, read, progress), trust).map_err(refused)
}

/// Finds records in a file: `Found`. `query` is a `Query`; of those that are meant `take` are shown, behind the first `skip`.
///
/// # Errors
/// It cannot be read, is of another kind, or the query says what cannot be.
#[wasm_bindgen]
pub fn audit_search(
    name: String,
    size: f64,
    read: Function,
    query: &str,
    skip: u32,
    take: u32,
    progress: Function,
) -> Result<String, String> {
    let page = json!({ "skip": skip, "take": take }).to_string();
    search(dropped(name, size, read, progress), query, &page).map_err(refused)
}

/// Writes the records that a `Query` means, as `jsonl` or `csv`, piece by piece.
///
/// # Errors
/// As of [`audit_search`], or they cannot be written.
#[wasm_bindgen]
pub fn audit_export(
    name: String,
    size: f64,
    read: Function,
    query: &str,
    format: &str,
    write: Function,
    progress: Function,
) -> Result<(), String> {
    let piece = move |bytes: &[u8]| {
        let given = write.call1(&JsValue::NULL, &Uint8Array::from(bytes));
        given.map(drop).map_err(|thrown| failed(&thrown))
    };
    export(dropped(name, size, read, progress), query, format, piece).map_err(refused)
}

/// One record, by its bytes in the file: `RecordRead`.
///
/// # Errors
/// They are those of no record.
#[wasm_bindgen]
pub fn audit_record(bytes: &[u8]) -> Result<String, String> {
    record(bytes).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn refused(refusal: Refusal) -> String {
    refusal.to_json()
}

type Progress = Box<dyn FnMut(u64)>;
type Reader = Box<dyn io::Read>;

fn dropped(name: String, size: f64, read: Function, progress: Function) -> Dropped<Reader, Progress> {
    let size = size as u64;
    let copy = move |offset: u64, into: &mut [u8]| {
        let (offset, length) = (JsValue::from(offset as f64), JsValue::from(into.len() as f64));
        let bytes = read.call2(&JsValue::NULL, &offset, &length).map_err(|thrown| failed(&thrown))?;
        let bytes: Uint8Array = bytes.dyn_into().map_err(|_| io::Error::other("no bytes were given"))?;
        let count = (bytes.length() as usize).min(into.len());
        let Some(room) = into.get_mut(..count) else { return Ok(0) };
        bytes.slice(0, count as u32).copy_to(room);
        Ok(count)
    };
    let progress = move |bytes: u64| {
        // Whoever does not hear it misses nothing.
        let _ = progress.call1(&JsValue::NULL, &JsValue::from(bytes as f64));
    };
    Dropped { name, size, reader: Box::new(Slices::new(size, copy)), progress: Box::new(progress) }
}

fn failed(thrown: &JsValue) -> io::Error {
    let text =
        thrown.as_string().or_else(|| thrown.dyn_ref::<js_sys::Error>().map(|error| error.message().into()));
    io::Error::other(text.unwrap_or_else(|| "the browser cannot read it".to_owned()))
}
