//! What writers say of themselves, in words.

use serde_json::Value;

use crate::field::Field;
use crate::row::{Row, Schema};
use crate::time::rfc3339;

/// A record that is not of a request, as a sentence.
pub(crate) fn sentence(row: &Row<'_>, record: &[u8]) -> String {
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    let audit = match row.schema() {
        Schema::Ocsf => &record["unmapped"]["audit"],
        Schema::Ecs => &record["portcullis"]["audit"],
    };
    let chain = short(row.text(Field::Chain).unwrap_or("-"));
    match row.kind() {
        "genesis" => genesis(&chain, audit, row),
        "checkpoint" => checkpoint(&chain, audit),
        "loss" => loss(&chain, audit, row),
        "stop" => format!("chain {chain} ends: {}", reason(audit)),
        "abandoned" => abandoned(&chain, audit),
        kind => format!("{kind} of chain {chain}"),
    }
}

fn genesis(chain: &str, audit: &Value, row: &Row<'_>) -> String {
    let version = audit["version"].as_str().map(|version| format!("audit-log {version}"));
    let node = &audit["node"];
    let proxy = node["pod"].as_str().or_else(|| node["id"].as_str()).or_else(|| row.text(Field::Service));
    let configuration = audit["config"].as_str().map(|digest| format!("configuration {}", short(digest)));
    let before = audit["previous_chain"].as_str().map(|chain| format!("after chain {}", short(chain)));
    let key = audit["key"].as_str().map(|key| format!("signed by {key}"));
    let proxy = proxy.map(|proxy| format!("on {proxy}"));
    let parts: Vec<_> =
        [Some(reason(audit)), version, proxy, configuration, before, key].into_iter().flatten().collect();
    format!("chain {chain} begins: {}", parts.join(", "))
}

fn checkpoint(chain: &str, audit: &Value) -> String {
    let size = audit["size"].as_u64().unwrap_or_default();
    let by = match (audit["note"].as_str(), audit["epoch"].as_u64()) {
        (Some(note), _) => format!("signed by {}", signer(note).unwrap_or("nobody who is named")),
        (None, Some(epoch)) => format!("with the code of epoch {epoch}"),
        (None, None) => "signed by nobody".to_owned(),
    };
    format!("checkpoint of chain {chain} after {}, {by}", counted(size, "record"))
}

/// The name of the key in a signed note.
fn signer(note: &str) -> Option<&str> {
    note.lines().find_map(|line| line.strip_prefix("\u{2014} "))?.split(' ').next()
}

fn loss(chain: &str, audit: &Value, row: &Row<'_>) -> String {
    let mut text = format!("{} of chain {chain} lost: {}", counted(row.count(), "record"), reason(audit));
    if let (Some(first), Some(last)) = (audit["first_sequence"].as_u64(), audit["last_sequence"].as_u64()) {
        // Of a batch, the receiver may have taken some.
        let all = last.checked_sub(first).and_then(|more| more.checked_add(1)) == Some(row.count());
        text += &format!(", {} {first} to {last}", if all { "numbers" } else { "among the numbers" });
    }
    if let (Some(start), Some(end)) = (row.integer(Field::Start), row.integer(Field::End)) {
        text += &format!(", from {} to {}", rfc3339(start), rfc3339(end));
    }
    text
}

fn abandoned(chain: &str, audit: &Value) -> String {
    let other = short(audit["chain"].as_str().unwrap_or("-"));
    let last = audit["sequence"].as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string());
    format!("chain {other} has ended without a word, its last record known is {last}; says chain {chain}")
}

fn reason(audit: &Value) -> String {
    match audit["reason"].as_str().unwrap_or("no reason given") {
        "start" => "the proxy has started".to_owned(),
        "configuration" => "another configuration".to_owned(),
        "restart" => "its module was restarted".to_owned(),
        "removed" => "its configuration was removed".to_owned(),
        "queue_full" => "no room for them (queue_full)".to_owned(),
        "refused" => "the receiver has refused them (refused)".to_owned(),
        "failed" => "they could not be delivered (failed)".to_owned(),
        "too_large" => "too large to be sent (too_large)".to_owned(),
        other => other.to_owned(),
    }
}

/// `1 record`, `2 records`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The start of an id or a digest, by which people tell them apart.
fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(audit: &str, rest: &str) -> String {
        let record = format!(
            r#"{{"class_uid":1008{rest},"unmapped":{{"audit":{audit},"integrity":{{"chain":"00112233445566778899aabbccddeeff"}}}}}}"#
        );
        sentence(&Row::read(record.as_bytes()).unwrap(), record.as_bytes())
    }

    #[test]
    fn writers_speak_in_sentences() {
        for (audit, rest, expected) in [
            (
                r#"{"config":"abcdef0123456789","filter":"audit-log","kind":"genesis","node":{"id":"web-1"},"reason":"start","version":"0.1.0"}"#,
                "",
                "chain 00112233 begins: the proxy has started, audit-log 0.1.0, on web-1, configuration abcdef01",
            ),
            (
                r#"{"key":"audit.example","kind":"genesis","previous_chain":"ffeeddccbbaa","reason":"configuration"}"#,
                r#","metadata":{"log_provider":"web.shop"}"#,
                "chain 00112233 begins: another configuration, on web.shop, after chain ffeeddcc, signed by audit.example",
            ),
            (
                r#"{"kind":"checkpoint","note":"portcullis.audit/0011\n1000\nroot\n\n— audit.example AAAA\n","root":"r","size":1000}"#,
                "",
                "checkpoint of chain 00112233 after 1000 records, signed by audit.example",
            ),
            (
                r#"{"epoch":3,"kind":"checkpoint","mac":"00","root":"r","size":1}"#,
                "",
                "checkpoint of chain 00112233 after 1 record, with the code of epoch 3",
            ),
            (
                r#"{"kind":"checkpoint"}"#,
                "",
                "checkpoint of chain 00112233 after 0 records, signed by nobody",
            ),
            (
                r#"{"first_sequence":7,"kind":"loss","last_sequence":23,"reason":"refused"}"#,
                r#","count":17,"end_time":1790000005000,"start_time":1790000000000"#,
                "17 records of chain 00112233 lost: the receiver has refused them (refused), numbers 7 to 23, \
                 from 2026-09-21T14:13:20.000Z to 2026-09-21T14:13:25.000Z",
            ),
            (
                r#"{"first_sequence":7,"kind":"loss","last_sequence":9,"reason":"failed"}"#,
                r#","count":2"#,
                "2 records of chain 00112233 lost: they could not be delivered (failed), among the numbers 7 to 9",
            ),
            (r#"{"kind":"loss"}"#, "", "1 record of chain 00112233 lost: no reason given"),
            (
                r#"{"kind":"stop","reason":"removed"}"#,
                "",
                "chain 00112233 ends: its configuration was removed",
            ),
            (
                r#"{"chain":"ffeeddccbbaa","hash":"0","kind":"abandoned","sequence":41}"#,
                "",
                "chain ffeeddcc has ended without a word, its last record known is 41; says chain 00112233",
            ),
            (r#"{"kind":"new"}"#, "", "new of chain 00112233"),
        ] {
            assert_eq!(said(audit, rest), expected);
        }
    }
}
