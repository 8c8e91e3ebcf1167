//! One record, of which somebody wants to know everything.

use portcullis_audit::show::{Answer, answered, told};
use portcullis_audit::{Row, read_again};
use portcullis_audit_chain::logged;
use schemars::JsonSchema;
use serde::Serialize;

use super::Refusal;

/// All of a record.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordRead {
    json: String,
    /// Whether it is a message of protobuf in the file, of which this is the JSON.
    is_message: bool,
    /// What `portcullis audit show --one` says of it.
    facts: Vec<Answer>,
}

/// A record, of which these are the bytes in the file: a `RecordRead`, with what `portcullis audit show --one` says of it.
///
/// # Errors
/// They are not those of a record.
pub fn record(bytes: &[u8]) -> Result<String, Refusal> {
    let no_record = |why: &dyn ToString| Refusal::of_file(format!("no audit record: {}", why.to_string()));
    let bytes = line(bytes).unwrap_or(bytes);
    let json = read_again(bytes).map_err(|_| no_record(&"neither JSON nor a message of protobuf"))?;
    let row = Row::read(&json).map_err(|error| no_record(&error))?;
    let value = serde_json::from_slice(&json).map_err(|error| no_record(&error))?;
    let answers = answered(&row, &value).into_iter().flat_map(|(_, answers)| answers);
    let facts = answers.map(|answer| Answer { value: told(&answer.value), ..answer }).collect();
    let is_message = !bytes.starts_with(b"{");
    let read = RecordRead { json: String::from_utf8_lossy(&json).into_owned(), is_message, facts };
    serde_json::to_string(&read).map_err(|error| Refusal::of_file(error.to_string()))
}

/// The JSON of a line, also of one in a log. Of a message no byte may be taken for the white space around it, and none begins as the mark of UTF-8 does.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii();
    if text.starts_with(b"{") { Some(text) } else { logged(bytes) }
}
