//! What the README says of the configuration, of records, of metrics and of the log is true of the code, and the examples are accepted.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::checks::{audit, kind};
use common::recorder::{Recorder, recorder_with};
use common::sink::Answer;
use common::{Exchange, NOW, recorder};
use portcullis_audit_log::{AuditLog, AuditLogConfig};
use portcullis_kit::HttpFilter;
use portcullis_kit::testing::TestHost;
use portcullis_kit::testing::documents::{assert_members, assert_values};
use portcullis_kit::testing::markdown::{blocks, quoted, rows, table};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("filters/audit-log/README.md")).unwrap()
}

fn schema() -> Value {
    schemars::schema_for!(AuditLogConfig).to_value()
}

/// Checks that a configuration is accepted. A key that is none in it stands for one.
fn assert_accepted(configuration: &str) {
    let mut value: Value =
        serde_saphyr::from_str(configuration).unwrap_or_else(|error| panic!("{configuration}: {error}"));
    if let Some(integrity) = value.get_mut("integrity").and_then(Value::as_object_mut) {
        integrity
            .remove("sign")
            .into_iter()
            .for_each(|sign| assert!(sign["ed25519"].as_str().unwrap().ends_with("+KEYID+KEY")));
    }
    let error = AuditLog::configure(value.to_string().as_bytes()).err();
    assert_eq!(error, None, "{configuration}");
}

#[test]
fn the_readme_names_every_member_of_the_configuration_and_no_other() {
    assert_members(&readme(), &schema(), "AuditLogConfig");
}

#[test]
fn the_readme_explains_every_value() {
    assert_values(readme().split_once("\n## Configuration\n").unwrap().1, &schema());
}

/// Those that the filter is configured with, and not Envoy.
fn configurations() -> Vec<String> {
    let schema = schema();
    let members = schema["properties"].as_object().unwrap();
    let is_ours = |block: &String| block.split_once(':').is_some_and(|(name, _)| members.contains_key(name));
    blocks(&readme()).into_iter().filter(is_ours).collect()
}

#[test]
fn the_configurations_of_the_readme_are_accepted() {
    let configurations = configurations();
    configurations.iter().for_each(|text| assert_accepted(text));
    assert!(configurations.len() > 6, "only {} found: has their form changed?", configurations.len());
}

/// The configurations in what Envoy loads: what stands below each `value: |`.
fn embedded(text: &str) -> Vec<String> {
    let blocks = text.split("value: |\n").skip(1);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let until_it_is_over = |block: &str| {
        let first = block.lines().next().map(indent).unwrap_or_default();
        block.lines().take_while(|line| indent(line) >= first).collect::<Vec<_>>().join("\n")
    };
    blocks.map(until_it_is_over).collect()
}

#[test]
fn what_envoy_loads_has_configurations_that_are_accepted() {
    let example = fs::read_to_string(root().join("envoy/standalone/audit-log.yaml")).unwrap();
    for text in [&example, &readme()] {
        let configurations = embedded(text);
        assert_eq!(configurations.len(), 1);
        configurations.iter().for_each(|text| assert_accepted(text));
    }
}

#[test]
fn the_record_that_the_readme_shows_is_the_one_that_is_sent() {
    let blocks = blocks(&readme());
    let mut recorder = Recorder::worker(0, TestHost::at(NOW));
    let chain = 0x9f6f_1b9c_5a4f_4c55_a2f0_6c1d_2a7b_8e90_u128;
    recorder.host.random = [Some([7; 16]), Some(chain.to_be_bytes())].into();
    recorder.start(serde_saphyr::from_str(&blocks[0]).unwrap());
    recorder.record(&Exchange::plain());
    let sent = recorder.lines().pop().unwrap();
    let integrity = serde_json::from_str::<Value>(&sent).unwrap()["unmapped"]["integrity"].clone();
    let shown = blocks[1].replace('\n', "");
    // The links are those of this configuration, byte for byte.
    let hash = |name: &str| integrity[name].as_str().unwrap().to_owned();
    let shown = shown.replace("HASH", &hash("hash")).replace("PREVIOUS", &hash("previous"));
    assert_eq!(shown, sent);
    assert!(sent.len() <= 1229, "{}", sent.len());
    let links = sent.split_once(",\"integrity\":").unwrap().1.len() + ",\"integrity\":".len() - "}}".len();
    assert!(readme().contains(&format!("of which {links} are the links")), "{links}");
}

#[test]
fn the_table_of_kinds_is_that_of_the_code() {
    let mut found = BTreeSet::new();
    let mut note = |recorder: &mut Recorder| {
        found.extend(recorder.records().iter().filter_map(kind).map(str::to_owned));
    };
    let mut first = recorder(json!({"delivery": {"batch": 2}, "integrity": {"checkpoint": {"records": 2}}}));
    first.record(&Exchange::plain());
    first.answer(Answer::Status(400));
    first.configure(json!({}));
    first.stop(0);
    note(&mut first);
    // The first record was in the batch that the sink has refused.
    first.record(&Exchange::plain());
    note(&mut first);
    first.pass_seconds(2);
    first.trap();
    first.configure(json!({}));
    first.record(&Exchange::plain());
    first.pass_seconds(15);
    note(&mut first);
    let readme = readme();
    let (_, section) = readme.split_once("| `kind` | says |").unwrap();
    let named: BTreeSet<_> =
        rows(&format!("| a | b |{section}")).map(|row| quoted(row[1]).next().unwrap().to_owned()).collect();
    assert_eq!(named, found);
}

#[test]
fn the_table_of_decisions_is_that_of_records() {
    let readme = readme();
    let (_, section) = readme.split_once("**Who has decided.**").unwrap();
    let rows: Vec<_> = rows(section).map(|row| row[2].to_owned()).collect();
    let cases = [
        ("via_upstream", 200),
        ("portcullis_jwt_expired", 401),
        ("portcullis_rate_limit_exceeded", 429),
        ("portcullis_circuit_open", 503),
        ("http1.codec_error", 400),
        ("portcullis_circuit_open", 200),
        ("no_healthy_upstream", 503),
    ];
    let found = cases.map(|(details, status)| {
        let record = recorder(json!({})).of(&Exchange::answered(status, details));
        assert_eq!(audit(&record)["level"], "metadata");
        format!("{}, {}", record["action_id"], record["disposition_id"])
    });
    assert_eq!(rows, found);
}

#[test]
fn the_table_of_metrics_is_that_of_the_filter() {
    let readme = readme();
    let named = table(&readme, "## Metrics").into_iter().flat_map(|row| quoted(row[1]).collect::<Vec<_>>());
    for (config, prefix) in
        [("sink: {envoy_log: {}}", ""), ("{sink: {otlp: {cluster: c}}, stat_prefix: edge}", "edge_")]
    {
        let recorder = recorder_with(config);
        let named: BTreeSet<_> =
            named.clone().map(|name| format!("portcullis_audit_log_{prefix}{name}")).collect();
        assert_eq!(named, recorder.host.metrics.keys().cloned().collect());
    }
}

/// All that is ever logged.
fn logged() -> Vec<String> {
    let mut log = Vec::new();
    let mut note = |recorder: &mut Recorder| {
        recorder.is_verified = false;
        log.append(&mut recorder.host.log);
    };
    let otlp = json!({"cluster": "NAME", "protocol": "http_protobuf", "compression": true});
    for answer in [Answer::Status(503), Answer::Status(400), Answer::But(3), Answer::But(0)] {
        let config =
            json!({"sink": {"otlp": otlp}, "integrity": {"checkpoint": {"records": 511, "log": true}}});
        let mut recorder = recorder(config);
        let records = if answer == Answer::Status(503) { 1 } else { 511 };
        recorder.record_times(records, &Exchange::plain());
        recorder.pass_seconds(1);
        recorder.answer(answer);
        recorder.settle();
        note(&mut recorder);
    }
    let mut nameless = Recorder::worker(0, TestHost::at(NOW));
    nameless.host.properties.clear();
    nameless.host.random = [None, None].into();
    nameless.start(json!({}));
    note(&mut nameless);
    log
}

#[test]
fn the_lines_of_the_log_that_the_readme_shows_are_written() {
    let readme = readme();
    let shown = table(&readme, "## Log").into_iter().map(|row| {
        let line = quoted(row[2]).next().unwrap().trim_end_matches("...").trim_end().to_owned();
        format!("{}: {line}", row[1].to_uppercase())
    });
    let shown: Vec<_> = shown.map(|line| line.replace("WHY", "no")).collect();
    let log = logged();
    for line in &shown {
        let is_written = log.iter().any(|written| written.starts_with(line));
        assert!(is_written || line == "ERROR: audit-log: configuration:", "{line}: {:?}", distinct(&log));
    }
    for line in &log {
        assert!(shown.iter().any(|shown| line.starts_with(shown)), "{line} is not shown");
    }
}

fn distinct(log: &[String]) -> BTreeSet<&str> {
    log.iter().map(|line| line.get(..80).unwrap_or(line)).collect()
}
