//! What the README says of the configuration, of spans, of metrics and of the log is true of the code, and the example is accepted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_kit::testing::TestHost;
use portcullis_kit::testing::documents::{assert_members, assert_values};
use portcullis_kit::testing::markdown::{blocks, quoted, table};
use portcullis_kit::{CallId, Headers, HttpAnswer, HttpFilter, StreamId};
use portcullis_trace_injection::context::{Context, Decision};
use portcullis_trace_injection::dialect::Dialect;
use portcullis_trace_injection::ids::{SpanId, TraceId};
use portcullis_trace_injection::tracestate::TraceState;
use portcullis_trace_injection::{Stream, TraceInjection, TraceInjectionConfig};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("filters/trace-injection/README.md")).unwrap()
}

fn schema() -> Value {
    schemars::schema_for!(TraceInjectionConfig).to_value()
}

fn configured(configuration: &str) -> TraceInjection {
    let value: Value =
        serde_saphyr::from_str(configuration).unwrap_or_else(|error| panic!("{configuration}: {error}"));
    TraceInjection::configure(value.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{configuration}: {error}"))
}

/// A filter that has started, on this host.
fn started(configuration: &str, host: &mut TestHost) -> TraceInjection {
    let mut filter = configured(configuration);
    filter.start(host);
    filter
}

#[test]
fn the_readme_names_every_member_of_the_configuration_and_no_other() {
    assert_members(&readme(), &schema(), "TraceInjectionConfig");
}

#[test]
fn the_readme_explains_every_value() {
    let readme = readme();
    assert_values(readme.split_once("\n## Configuration\n").unwrap().1, &schema());
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
    configurations.iter().for_each(|text| drop(configured(text)));
    assert!(configurations.len() > 7, "only {} found: has their form changed?", configurations.len());
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
    let example = fs::read_to_string(root().join("envoy/standalone/trace-injection.yaml")).unwrap();
    for text in [&example, &readme()] {
        let configurations = embedded(text);
        assert_eq!(configurations.len(), 1);
        configurations.iter().for_each(|text| drop(configured(text)));
    }
}

/// What a test asks for.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Sends a request through the filter to its end, and returns what was sent to the collector meanwhile.
fn ask(
    filter: &mut TraceInjection,
    (request, response): (Fields<'_>, Fields<'_>),
    host: &mut TestHost,
) -> Vec<Value> {
    let (id, mut stream, before) = (StreamId(1), Stream::default(), host.calls.len());
    let mut request: Headers = request.iter().copied().collect();
    filter.on_request_headers((id, &mut stream), &mut request, host).unwrap();
    let mut response: Headers = response.iter().copied().collect();
    response.is_last = true;
    if response.iter().count() > 0 {
        filter.on_response_headers((id, &mut stream), &mut response, host);
    }
    filter.on_end((id, stream), host);
    host.calls.drain(before..).map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
}

fn answer(filter: &mut TraceInjection, fields: Fields<'_>, body: &str, host: &mut TestHost) {
    let headers = fields.iter().copied().collect();
    let answer = HttpAnswer { headers, body: body.as_bytes().to_vec(), truncated: false };
    let call = CallId(u32::try_from(host.calls.len() + 1).unwrap() * 4);
    filter.on_http_answer(call, &answer, host);
}

fn spans(sent: &Value) -> Vec<Value> {
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn attributes(of: &Value) -> Vec<(String, Value)> {
    let all = of["attributes"].as_array().unwrap().iter();
    all.map(|it| (it["key"].as_str().unwrap().to_owned(), it["value"].clone())).collect()
}

fn shown(value: &Value) -> String {
    match value.as_object().unwrap().iter().next().unwrap() {
        (kind, Value::String(text)) if kind == "stringValue" || kind == "intValue" => text.clone(),
        (_, list) => {
            let values = list["values"].as_array().unwrap().iter().map(shown);
            format!("[{}]", values.collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn the_span_that_the_readme_shows_is_the_one_that_is_sent() {
    let blocks = blocks(&readme());
    let configuration = blocks[0].replace(" }", ", protocol: http_json, batch: 1 }");
    let mut host = TestHost::at(1_800_000_000);
    let mut filter = started(&configuration, &mut host);
    let request = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "shop.example"),
        (":path", "/orders/17?page=2"),
        ("user-agent", "curl/8.5.0"),
        ("x-request-id", "9f6f1b9c-5a4f-4c55-a2f0-6c1d2a7b8e90"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let sent = ask(&mut filter, (&request, &[(":status", "200")]), &mut host);
    let [span] = spans(&sent[0]).try_into().unwrap();
    let head = format!(
        "{}, SPAN_KIND_SERVER, {}",
        span["name"].as_str().unwrap(),
        span["traceId"].as_str().unwrap()
    );
    assert_eq!(span["kind"], 2);
    let lines = attributes(&span).into_iter().map(|(key, value)| format!("{key}: {}", shown(&value)));
    let expected: Vec<_> = [head].into_iter().chain(lines).collect();
    assert_eq!(blocks[1].trim_end().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_table_of_dialects_has_the_headers_that_are_written() {
    let readme = readme();
    let rows = table(&readme, "## Dialects");
    let named: Vec<_> = rows.iter().map(|row| quoted(row[1]).next().unwrap()).collect();
    let ours = Dialect::ALL.map(|dialect| serde_json::to_value(dialect).unwrap());
    assert_eq!(ours.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>(), named);
    for (dialect, row) in Dialect::ALL.into_iter().zip(&rows) {
        let mut written = BTreeSet::new();
        for decision in [Decision::Drop, Decision::Sample, Decision::Debug] {
            let context = Context {
                trace_id: TraceId::from_halves(1, 2).unwrap(),
                span_id: SpanId::new(3),
                decision,
                is_random: true,
                state: TraceState::parse([&b"a=1"[..]]).unwrap(),
            };
            let mut headers = Headers::default();
            dialect.inject(&context, &mut headers);
            written.extend(headers.iter().map(|(name, _)| String::from_utf8(name.to_vec()).unwrap()));
        }
        let mut listed: BTreeSet<_> = quoted(row[2]).map(str::to_owned).collect();
        // It is taken out, and never written.
        listed.remove("x-b3-parentspanid");
        assert_eq!(listed, written, "{dialect:?}");
    }
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// A configuration that shows all there is to show.
fn telling(side: &str) -> String {
    let client = if side == "server" { "client.address, " } else { "" };
    format!(
        "{{side: {side}, export: {{cluster: c, protocol: http_json, batch: 1}}, spans: {{
            attributes: [{client}network.protocol.version, server.address, server.port, url.query, user_agent.original],
            routes: ['/orders/{{id}}'], request_headers: [name], response_headers: [name]}}}}"
    )
}

#[test]
fn the_table_of_attributes_is_that_of_spans() {
    let mut found = BTreeSet::new();
    for side in ["server", "client", "client, each_try: true"] {
        let mut host = TestHost::at(1_800_000_000);
        host.properties.insert("upstream.request_attempt_count".into(), 2_u64.to_le_bytes().to_vec());
        host.properties.insert("source.address".into(), b"192.0.2.1:4711".to_vec());
        host.properties.insert("request.protocol".into(), b"HTTP/2".to_vec());
        let base = [
            (":scheme", "https"),
            (":authority", "shop.example:8443"),
            ("user-agent", "curl/8.5.0"),
            ("name", "value"),
        ];
        let http =
            |method: &'static str| [&base[..], &[(":method", method), (":path", "/orders/17?a=b")]].concat();
        let rpc = |path: &'static str| [&base[..], &[(":method", "POST"), (":path", path), GRPC]].concat();
        let failed = [(":status", "503"), ("name", "value")];
        let refused = [(":status", "200"), GRPC, ("grpc-status", "14")];
        for (request, response) in [
            (http("GET"), &failed[..]),
            (http("BREW"), &[]),
            (rpc("/shop.v1.Orders/List"), &refused),
            (rpc("/"), &refused),
        ] {
            let mut filter = started(&telling(side), &mut host);
            let sent = ask(&mut filter, (&request, response), &mut host);
            found.extend(spans(&sent[0]).iter().flat_map(attributes).map(|(key, _)| key));
        }
    }
    let readme = readme();
    let (_, section) = readme.split_once("\n## Spans\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| attribute | where |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let named: BTreeSet<_> = rows.flat_map(quoted).map(|name| name.replace("NAME", "name")).collect();
    assert_eq!(named, found);
}

#[test]
fn the_table_of_the_resource_is_that_of_the_code() {
    let readme = readme();
    let (_, section) = readme.split_once("**Who the spans are from.**").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let named: BTreeSet<_> = rows.flat_map(quoted).map(str::to_owned).collect();
    let mut found = BTreeSet::new();
    for kind in ["deployments", "statefulsets", "daemonsets", "jobs", "cronjobs"] {
        let mut host = TestHost::at(1_800_000_000);
        let owner = format!("kubernetes://apis/apps/v1/namespaces/shop/{kind}/web");
        for (name, value) in [
            ("id", "sidecar~10.0.0.1~web-0.shop~shop.svc.cluster.local"),
            ("cluster", "web.shop"),
            ("metadata.NAME", "web-0"),
            ("metadata.NAMESPACE", "shop"),
            ("metadata.CLUSTER_ID", "Kubernetes"),
            ("metadata.OWNER", &owner),
        ] {
            host.properties.insert(format!("xds.node.{name}"), value.as_bytes().to_vec());
        }
        let mut filter = started(&telling("server"), &mut host);
        let sent = ask(&mut filter, (&[(":path", "/")], &[(":status", "200")]), &mut host);
        let resource = attributes(&sent[0]["resourceSpans"][0]["resource"]);
        assert!(resource.contains(&("service.name".into(), serde_json::json!({"stringValue": "web.shop"}))));
        found.extend(resource.into_iter().map(|(key, _)| key));
    }
    assert_eq!(named, found);
}

#[test]
fn the_table_of_metrics_is_that_of_the_filter() {
    let mut host = TestHost::default();
    drop(started("{export: {cluster: c}, stat_prefix: edge}", &mut host));
    let readme = readme();
    let named = table(&readme, "## Metrics").into_iter().flat_map(|row| quoted(row[1]).collect::<Vec<_>>());
    let prefix = "portcullis_trace_injection_";
    let with_prefix: BTreeSet<_> = named.clone().map(|name| format!("{prefix}edge_{name}")).collect();
    assert_eq!(with_prefix, host.metrics.into_keys().collect());
    let mut host = TestHost::default();
    drop(started("{}", &mut host));
    let of_traces = named.filter(|name| !name.contains("spans_") && !name.contains("export_"));
    let of_traces: BTreeSet<_> = of_traces.map(|name| format!("{prefix}{name}")).collect();
    assert_eq!(of_traces, host.metrics.into_keys().collect());
}

#[test]
fn the_lines_of_the_log_that_the_readme_shows_are_written() {
    let mut host = TestHost::at(1_800_000_000);
    let configuration = "{export: {cluster: NAME, protocol: http_json, batch: BATCH, queue: 2048}, sampling: {sampler: {rate: {rate: 10000/1s}}}}";
    let status = |status: &'static str| [(":status", status)];
    let partial = r#"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "WHY"}}"#;
    let warning = r#"{"partialSuccess": {"rejectedSpans": "0", "errorMessage": "WHY"}}"#;
    for (batch, fields, body) in [
        (1, status("503"), ""),
        (512, status("400"), ""),
        (512, status("200"), partial),
        (512, status("200"), warning),
    ] {
        let mut filter = started(&configuration.replace("BATCH", &batch.to_string()), &mut host);
        let before = host.calls.len();
        let send = |filter: &mut TraceInjection, host: &mut TestHost| {
            for _ in 0..batch {
                let (id, mut stream) = (StreamId(1), Stream::default());
                filter.on_request_headers((id, &mut stream), &mut Headers::default(), host).unwrap();
                filter.on_end((id, stream), host);
            }
            assert!(host.calls.len() > before, "nothing was sent");
            host.calls.truncate(before);
        };
        send(&mut filter, &mut host);
        answer(&mut filter, &fields, body, &mut host);
        if batch == 1 {
            host.advance(Duration::from_secs(2));
            filter.on_tick(&mut host);
            host.calls.truncate(before);
            answer(&mut filter, &status("200"), "{}", &mut host);
        }
    }
    let readme = readme();
    let shown = table(&readme, "## Log").into_iter().map(|row| {
        let line = quoted(row[2]).next().unwrap().replace(" ...", "");
        format!("{}: {line}", row[1].to_uppercase())
    });
    // Those at debug are of a proxy that refuses what Envoy takes.
    let shown: Vec<_> =
        shown.filter(|line| !line.contains("no randomness") && !line.starts_with("DEBUG")).collect();
    for line in &shown {
        let is_written = host.log.iter().any(|written| written.starts_with(line));
        assert!(is_written || line == "ERROR: trace-injection: configuration:", "{line}: {:?}", host.log);
    }
    for line in &host.log {
        assert!(shown.iter().any(|shown| line.starts_with(shown)), "{line} is not shown");
    }
}
