//! What holds for records wherever they come from.

use portcullis_audit_chain::verify::{Place, Summary, Trust, Verifier};
use serde_json::Value;

/// What a record is of: a request (`None`), or the log itself.
pub(crate) fn kind(record: &Value) -> Option<&str> {
    audit(record)["kind"].as_str()
}

/// Whether a record is of a request.
pub(crate) fn is_request(record: &Value) -> bool {
    kind(record).is_none()
}

/// What no schema has a place for.
pub(crate) fn audit(record: &Value) -> &Value {
    match &record["portcullis"]["audit"] {
        Value::Null => &record["unmapped"]["audit"],
        audit => audit,
    }
}

/// What is to be found in lines that were stored in this order, and what there is to say in the end.
pub(crate) fn findings<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    trust: &Trust,
) -> (Vec<String>, Summary) {
    let mut verifier = Verifier::new(trust.clone());
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(lines) {
        findings.extend(verifier.line(Place { file: 0, line: number }, line.as_bytes()));
    }
    let summary = verifier.finish();
    findings.extend(summary.findings.clone());
    (findings.iter().map(ToString::to_string).collect(), summary)
}

/// Checks that lines are canonical JSON.
pub(crate) fn assert_canonical<T: AsRef<str>>(lines: &[T]) {
    for line in lines.iter().map(AsRef::as_ref) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line, serde_json_canonicalizer::to_string(&value).unwrap(), "not canonical");
    }
}

/// Checks that lines are canonical JSON, and that nothing is to be found in them.
pub(crate) fn verified<'a>(lines: impl IntoIterator<Item = &'a str>, trust: &Trust) -> Summary {
    let lines: Vec<_> = lines.into_iter().collect();
    assert_canonical(&lines);
    let (findings, summary) = findings(lines.iter().copied(), trust);
    assert_eq!(findings, [""; 0], "in {} lines", lines.len());
    assert_eq!(summary.others, 0);
    for chain in &summary.chains {
        assert_eq!(chain.rendered_anew, 0, "somebody else has rendered it");
    }
    summary
}

/// Likewise, where nothing else is of interest.
pub(crate) fn assert_intact(lines: &[String], trust: &Trust) {
    verified(lines.iter().map(String::as_str), trust);
}
