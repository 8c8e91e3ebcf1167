//! What the README says of the configuration, of denials and of metrics is true of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, Reason, Stream};
use portcullis_kit::testing::TestHost;
use portcullis_kit::testing::documents::{assert_members, assert_values};
use portcullis_kit::testing::markdown::{blocks, quoted, table};
use portcullis_kit::{Headers, HttpFilter, LocalReply, ReplyFormat, StreamId};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("filters/circuit-breaker/README.md")).unwrap()
}

fn schema() -> Value {
    schemars::schema_for!(CircuitBreakerConfig).to_value()
}

fn configured(configuration: &str) -> CircuitBreaker {
    let value: Value =
        serde_saphyr::from_str(configuration).unwrap_or_else(|error| panic!("{configuration}: {error}"));
    CircuitBreaker::configure(value.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{configuration}: {error}"))
}

#[test]
fn the_readme_names_every_member_of_the_configuration_and_no_other() {
    assert_members(&readme(), &schema(), "CircuitBreakerConfig");
}

#[test]
fn the_readme_explains_every_value() {
    let readme = readme();
    assert_values(readme.split_once("\n## Configuration\n").unwrap().1, &schema());
}

#[test]
fn the_configurations_of_the_readme_are_accepted() {
    let blocks = blocks(&readme());
    let configurations: Vec<_> = blocks.iter().filter(|block| block.starts_with("breakers:\n")).collect();
    configurations.iter().for_each(|text| drop(configured(text)));
    assert!(configurations.len() > 8, "only {} found: has their form changed?", configurations.len());
}

/// A host, and a filter on it whose breaker has opened.
fn opened(configuration: &str) -> (TestHost, CircuitBreaker) {
    let mut host = TestHost::at(1_800_000_000);
    host.properties.insert("response.code_details".into(), b"via_upstream".to_vec());
    let mut filter = configured(configuration);
    filter.start(&mut host);
    for number in 0..20 {
        let (id, mut stream) = (StreamId(number), Stream::default());
        filter.on_request_headers((id, &mut stream), &mut Headers::default(), &mut host).unwrap();
        let mut response: Headers = [(":status", "503")].into_iter().collect();
        filter.on_response_headers((id, &mut stream), &mut response, &mut host);
        filter.on_end((id, stream), &mut host);
    }
    (host, filter)
}

#[test]
fn the_answer_that_the_readme_shows_is_the_one_that_a_client_gets() {
    let blocks = blocks(&readme());
    let without_chance = blocks[0].replace("max: 60s", "max: 60s, jitter: 0");
    let (mut host, mut filter) = opened(&without_chance);
    let stream = (StreamId(100), &mut Stream::default());
    let reply = filter.on_request_headers(stream, &mut Headers::default(), &mut host).unwrap_err();
    let shown = blocks.iter().find(|block| block.starts_with("HTTP/1.1 ")).unwrap();
    let (head, body) = shown.split_once("\n\n").unwrap();
    let (status, fields) = head.split_once('\n').unwrap();
    assert_eq!(status, format!("HTTP/1.1 {} Service Unavailable", reply.status));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let sent = reply.headers.iter().map(|(name, value)| format!("{name}: {}", text(value)));
    assert_eq!(fields.lines().collect::<Vec<_>>(), sent.collect::<Vec<_>>());
    assert_eq!(body.replace('\n', ""), text(&reply.body));
}

#[test]
fn the_table_of_answers_is_that_of_the_code() {
    let readme = readme();
    let written = table(&readme, "## Answers");
    let written = written.iter().map(|row| row[1..4].join(" "));
    let ours = Reason::ALL.map(|row| {
        let reply = LocalReply::new(row.status, row.code, row.detail, ReplyFormat::Text);
        format!("`{}` {} {}", row.code, reply.status, reply.grpc_status.unwrap() as u8)
    });
    assert_eq!(written.collect::<Vec<_>>(), ours);
}

#[test]
fn the_table_of_metrics_is_that_of_the_filter() {
    let configuration = "{breakers: [{name: a-b, trip: {error_count: 1}}], stat_prefix: edge}";
    let (mut host, mut filter) = (TestHost::default(), configured(configuration));
    host.properties.insert("xds.cluster_name".into(), b"outbound|443||a.example".to_vec());
    filter.start(&mut host);
    let stream = (StreamId(1), &mut Stream::default());
    filter.on_request_headers(stream, &mut Headers::default(), &mut host).unwrap();
    let readme = readme();
    let named = table(&readme, "## Metrics").into_iter().flat_map(|row| quoted(row[1]).collect::<Vec<_>>());
    let prefix = "portcullis_circuit_breaker_edge_a_b_outbound_443__a_example_";
    let named: BTreeSet<_> = named.map(|name| format!("{prefix}{name}")).collect();
    assert_eq!(named, host.metrics.into_keys().collect());
}

#[test]
fn the_lines_of_the_log_that_the_readme_shows_are_written() {
    let (mut host, mut filter) = opened(
        "{domain: d, breakers: [{name: NAME, key: [], trip: {error_ratio: 0.5}, open: {jitter: 0}}]}"
            .replace("NAME", "name")
            .as_str(),
    );
    let mut probe = |number: u32| {
        host.advance(std::time::Duration::from_secs(5));
        let (id, mut stream) = (StreamId(number), Stream::default());
        let mut request = Headers::default();
        request.is_last = true;
        filter.on_request_headers((id, &mut stream), &mut request, &mut host).unwrap();
        let mut response: Headers = [(":status", "200")].into_iter().collect();
        response.is_last = true;
        filter.on_response_headers((id, &mut stream), &mut response, &mut host);
        filter.on_end((id, stream), &mut host);
    };
    (100..103).for_each(&mut probe);
    let readme = readme();
    let shown = table(&readme, "## Log");
    let shown = shown.iter().map(|row| quoted(row[2]).next().unwrap().replace("NAME", "name"));
    let shown: Vec<_> = shown.collect();
    for (line, numbers) in host.log.iter().zip([true, false, false]) {
        let (level, line) = line.split_once(": ").unwrap();
        assert!(["WARN", "INFO"].contains(&level), "{level}");
        // The numbers of the first one are an example.
        let found = match numbers {
            true => {
                shown[0].split_once(": error_ratio").unwrap().0 == line.split_once(": error_ratio").unwrap().0
            }
            false => shown.iter().any(|shown| shown == line),
        };
        assert!(found, "{line}");
    }
    assert_eq!(host.log.len(), 3, "{:?}", host.log);
}
