//! Everything that comes out of the filter.

use serde_json::Value;

use super::secrets::{WINDOW, disguises};
use crate::common::recorder::Recorder;
use crate::common::sink;

/// What has come out, to be searched.
pub(crate) struct Outputs {
    /// All sequences of bytes of that length, sorted.
    windows: Vec<[u8; WINDOW]>,
    /// What can be read of it.
    pub(crate) text: String,
}

impl Outputs {
    /// Everything that has come out so far: what the sink got, what was logged, what others can read.
    pub(crate) fn of(recorder: &Recorder) -> Self {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for call in &recorder.sink.calls {
            let call = &call.call;
            let headers = call.headers.iter().map(|(name, value)| format!("{name}: {value}").into_bytes());
            parts.extend(headers.chain([call.body.clone()]));
            parts.extend(sink::lines(call).iter().map(|line| strings(line)));
        }
        parts.extend(recorder.host.log.iter().map(|line| line.clone().into_bytes()));
        parts.extend(
            recorder.host.log.iter().filter_map(|line| Some(strings(line.split_once('{').map(|it| it.1)?))),
        );
        parts.extend(recorder.host.metrics.keys().map(|name| name.clone().into_bytes()));
        for (key, datum) in &recorder.host.shared {
            parts.extend([key.clone().into_bytes(), datum.value.clone()]);
        }
        let mut windows: Vec<_> = parts.iter().flat_map(|part| part.array_windows().copied()).collect();
        windows.sort_unstable();
        windows.dedup();
        let text = parts.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("\n");
        Self { windows, text }
    }

    /// Where something of a secret has come out, in whatever disguise.
    pub(crate) fn leak(&self, secret: &[u8]) -> Option<&str> {
        let disguises = disguises(secret);
        let mut windows = disguises.iter().flat_map(|it| it.array_windows::<WINDOW>());
        let window = windows.find(|window| self.windows.binary_search(window).is_ok())?;
        let window = String::from_utf8_lossy(window);
        let line = self.text.lines().rev().find(|line| line.contains(&*window));
        Some(line.unwrap_or("in bytes that are no text"))
    }
}

/// All texts in a record, without their escapes.
fn strings(line: &str) -> Vec<u8> {
    let line = if line.starts_with('{') { line.to_owned() } else { format!("{{{line}") };
    let mut out = Vec::new();
    if let Ok(value) = serde_json::from_str(&line) {
        add_strings(&value, &mut out);
    }
    out.join("\n").into_bytes()
}

fn add_strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| add_strings(item, out)),
        Value::Object(members) => {
            for (name, member) in members {
                out.push(name.clone());
                add_strings(member, out);
            }
        }
        _ => {}
    }
}
