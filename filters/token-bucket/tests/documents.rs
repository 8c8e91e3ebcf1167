//! What the README says of the configuration, of denials and of metrics is true of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_kit::testing::TestHost;
use portcullis_kit::testing::documents::{assert_members, assert_values};
use portcullis_kit::testing::markdown::{blocks, quoted, table};
use portcullis_kit::{Headers, HttpFilter, LocalReply, ReplyFormat, StreamId};
use portcullis_token_bucket::{Reason, TokenBucket, TokenBucketConfig};
use serde_json::Value;

/// What all problem types begin with.
const PROBLEMS: &str = "https://iana.org/assignments/http-problem-types#";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("filters/token-bucket/README.md")).unwrap()
}

fn schema() -> Value {
    schemars::schema_for!(TokenBucketConfig).to_value()
}

fn configured(configuration: &str) -> TokenBucket {
    let value: Value =
        serde_saphyr::from_str(configuration).unwrap_or_else(|error| panic!("{configuration}: {error}"));
    TokenBucket::configure(value.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{configuration}: {error}"))
}

#[test]
fn the_readme_names_every_member_of_the_configuration_and_no_other() {
    assert_members(&readme(), &schema(), "TokenBucketConfig");
}

#[test]
fn the_readme_explains_every_value() {
    let readme = readme();
    assert_values(readme.split_once("\n## Configuration\n").unwrap().1, &schema());
}

#[test]
fn the_configurations_of_the_readme_are_accepted() {
    let blocks = blocks(&readme());
    let configurations: Vec<_> = blocks.iter().filter(|block| block.starts_with("limits:\n")).collect();
    configurations.iter().for_each(|text| drop(configured(text)));
    assert!(configurations.len() > 8, "only {} found: has their form changed?", configurations.len());
}

#[test]
fn the_answer_that_the_readme_shows_is_the_one_that_a_client_gets() {
    let blocks = blocks(&readme());
    let mut filter = configured(&blocks[0]);
    let mut host = TestHost::at(1_800_000_000);
    host.properties.insert("source.address".into(), b"192.0.2.1:4711".to_vec());
    filter.start(&mut host);
    let mut answers = (0..21).map(|number| {
        let stream = (StreamId(number), &mut Default::default());
        filter.on_request_headers(stream, &mut Headers::default(), &mut host)
    });
    assert!(answers.by_ref().take(20).all(|answer| answer.is_ok()));
    let reply = answers.next().unwrap().unwrap_err();
    let shown = blocks.iter().find(|block| block.starts_with("HTTP/1.1 ")).unwrap();
    let (head, body) = shown.split_once("\n\n").unwrap();
    let (status, fields) = head.split_once('\n').unwrap();
    assert_eq!(status, format!("HTTP/1.1 {} Too Many Requests", reply.status));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let sent = reply.headers.iter().map(|(name, value)| format!("{name}: {}", text(value)));
    assert_eq!(fields.lines().collect::<Vec<_>>(), sent.collect::<Vec<_>>());
    assert_eq!(body.replace('\n', ""), text(&reply.body));
}

#[test]
fn the_table_of_denials_is_that_of_the_code() {
    let readme = readme();
    let written = table(&readme, "## Answers");
    let written = written.iter().map(|row| row[1..5].join(" "));
    let ours = Reason::ALL.map(|reason| {
        let row = reason.row();
        let reply = LocalReply::new(row.status, row.code, row.detail, ReplyFormat::Text);
        let kind = row.kind.map(|kind| format!("`{}`", kind.strip_prefix(PROBLEMS).unwrap()));
        let grpc = reply.grpc_status.unwrap() as u8;
        format!("`{}` {} {grpc} {}", row.code, row.status, kind.unwrap_or_default())
    });
    assert_eq!(written.collect::<Vec<_>>(), ours);
    assert!(readme.contains(&format!("`{PROBLEMS}`")));
}

#[test]
fn the_table_of_metrics_is_that_of_the_filter() {
    let configuration = "{limits: [{name: per-client, rate: 1/1s}], stat_prefix: edge}";
    let mut host = TestHost::default();
    configured(configuration).start(&mut host);
    let readme = readme();
    let named = table(&readme, "## Metrics").into_iter().flat_map(|row| quoted(row[1]).collect::<Vec<_>>());
    let named: BTreeSet<_> =
        named.map(|name| format!("portcullis_token_bucket_edge_per_client_{name}")).collect();
    assert_eq!(named, host.metrics.into_keys().collect());
}
