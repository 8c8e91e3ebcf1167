use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis_filters::Filter;
use portcullis_sim::{Plugin, PluginSetup, Profile};
use serde_json::{Value, json};

use super::*;

/// 2026-11-29T12:00:00Z.
const NOW: u64 = 1_795_953_600_000;

/// No module was given along.
fn none(_: &str, _: Profile) -> Option<Result<Vms, String>> {
    None
}

fn played(text: &str) -> Value {
    serde_json::from_str(&play("s.yaml", text, "{}", &none, NOW).unwrap()).unwrap()
}

#[test]
fn a_scenario_is_shown_step_by_step() {
    let played = played(
        r#"{name: n, filter: token-bucket, clock: 2026-01-01T00:00:00Z, config: {limits: [{name: user, rate: 2/1s, burst: 2, key: [{header: x-user}]}]}, steps: [
            {name: one, request: {path: /a, headers: {x-user: alice}}, expect: {status: 200}},
            {name: again, request: {headers: {x-user: alice}}},
            {name: too many, request: {headers: {x-user: alice}}, expect: {status: 429}},
            {name: later, advance: 250ms},
            {name: still, request: {headers: {x-user: alice}}, upstream: {status: 201}}]}"#,
    );
    assert_eq!(played["report"]["outcome"], "passed", "{}", played["report"]);
    let moments = played["moments"].as_array().unwrap();
    let kinds: Vec<_> = moments.iter().map(|moment| moment["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "send", "send", "send", "advance", "send"]);
    assert_eq!(moments[4]["at"], 1_767_225_600_250_u64);
    let exchange = &moments[1]["exchanges"][0];
    assert_eq!(exchange["name"], "one");
    assert!(exchange["request"]["headers"].as_array().unwrap().contains(&json!([":path", "/a"])));
    assert_eq!((&exchange["client"]["status"], &exchange["details"]), (&json!(200), &json!("via_upstream")));
    assert_eq!(moments[3]["exchanges"][0]["upstream"], Value::Null);
    assert!(
        moments[1]["calls"].as_array().unwrap().iter().any(|call| call["name"] == "proxy_on_request_headers")
    );
    assert_eq!(moments[3]["metrics"]["portcullis_token_bucket_user_denied_total"], 1);
    let remaining = |moment: &Value| {
        moment["levels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|level| level["remaining"].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    let levels: Vec<_> = moments.iter().map(remaining).collect();
    assert_eq!(
        levels,
        [vec![], vec![1.0, 1.0], vec![0.0, 0.0], vec![0.0, 0.0], vec![], vec![0.5, 0.5]],
        "seen at the beginning and at the end of each request"
    );
    let level = json!({"at": 1_767_225_600_000.0, "limit": "user", "tier": 0, "key": "alice", "worker": null, "remaining": 1.0, "burst": 2, "start": 2, "perSecond": 2.0});
    assert_eq!(moments[1]["levels"][0], level);
}

#[test]
fn buckets_of_the_suite_are_seen_too_and_looking_leaves_no_trace() {
    let suite = "{name: n, filter: portcullis, config: {token_bucket: {limits: [{name: all, rate: 5/1s}]}, trace_injection: {}}, steps: [{request: {}}]}";
    let played = played(suite);
    let moment = &played["moments"][1];
    assert_eq!(moment["levels"][0]["remaining"], 4.0);
    let reads = moment["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["name"] == "proxy_get_header_map_pairs")
        .count();
    assert_eq!(reads, 1, "{}", moment["calls"]);
    assert_eq!(played["report"].get("warnings"), None);
}

#[test]
fn a_day_passes() {
    let text = "{name: n, filter: circuit-breaker, config: {breakers: [{name: b, trip: {error_count: 5}}]}, steps: [{advance: 24h}, {request: {}, expect: {status: 200}}]}";
    let played = played(text);
    assert_eq!(played["report"]["outcome"], "passed", "{}", played["report"]);
    let error = play("s.yaml", &text.replace("24h", "99999999h"), "{}", &none, NOW).unwrap_err();
    assert!(error.contains("longer than 5124095h"), "{error}");
}

#[test]
fn a_configuration_that_is_refused_is_shown_with_its_line_of_the_log() {
    let played = played("{name: n, filter: token-bucket, config: {limits: []}, steps: [{request: {}}]}");
    assert!(played["report"]["outcome"]["broken"].as_str().unwrap().contains("refused"), "{played}");
    assert!(
        played["moments"][0]["log"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("token-bucket: configuration: limits")
    );
}

#[test]
fn a_module_that_was_given_along_is_played_alone_and_beside_filters() {
    let modules = |path: &str, profile: Profile| {
        assert_eq!(profile, Profile::Envoy);
        let filter = Filter::named("token-bucket").unwrap();
        let vms: Vms = Arc::new(move |_: &PluginSetup| Ok(Box::new((filter.plugin)()) as Box<dyn Plugin>));
        match path {
            "a.wasm" | "token-bucket.wasm" => Some(Ok(vms)),
            "broken.wasm" => Some(Err("not a WebAssembly module".to_owned())),
            _ => None,
        }
    };
    let outcome = |head: &str| {
        let text = format!("name: n\n{head}\nsteps: [{{request: {{}}, expect: {{status: 200}}}}]\n");
        let played = play("s.yaml", &text, "{}", &modules, NOW).unwrap();
        let mut played: Value = serde_json::from_str(&played).unwrap();
        (played["report"]["outcome"].take(), played["moments"].take())
    };
    let config = "config: {limits: [{name: all, rate: 1/1m, burst: 1}]}";
    for plugin in ["module: a.wasm", "filter: token-bucket"] {
        let (passed, moments) = outcome(&format!("{plugin}\n{config}"));
        assert_eq!(
            (passed, moments[1]["exchanges"][0]["client"]["status"].as_u64()),
            (json!("passed"), Some(200))
        );
        // The buckets of native code alone can be looked into.
        assert_eq!(moments[1]["levels"], json!([]));
    }
    let (passed, moments) = outcome(&format!(
        "plugins: [{{module: a.wasm, {config}}}, {{filter: trace-injection, config: {{domain: other}}}}]"
    ));
    assert_eq!(passed, "passed");
    let names = moments[1]["calls"].as_array().unwrap().iter().map(|call| call["name"].as_str().unwrap());
    assert_eq!(names.filter(|name| *name == "proxy_on_request_headers").count(), 2);
    assert_eq!(outcome("module: b.wasm").0["not_run"], "b.wasm was not given along; add it to the scenario");
    assert_eq!(outcome("module: broken.wasm").0["broken"], "start: broken.wasm: not a WebAssembly module");
    let refused = "name: n\nmodule: broken.wasm\nload_error: {contains: not a WebAssembly}\n";
    assert!(play("s.yaml", refused, "{}", &modules, NOW).unwrap().contains("\"passed\""));
}

#[test]
fn what_is_no_scenario_is_told_with_its_line() {
    let error = |text: &str| {
        serde_json::from_str::<Value>(&play("s.yaml", text, "{}", &none, NOW).unwrap_err()).unwrap()
    };
    assert_eq!(error("name: n\nfilter: jwt-auth\nsteps: [{request: {pth: /}}]\n")["line"], 3);
    assert!(
        error("name: n\nfilter: x\nsteps: [{request: {}}]\n")["problem"]
            .as_str()
            .unwrap()
            .contains("is no filter")
    );
    assert!(
        error("name: n\nfilter: jwt-auth\ninclude: [k.yaml]\nsteps: [{request: {}}]\n")["problem"]
            .as_str()
            .unwrap()
            .contains("add the file")
    );
}

#[test]
fn a_configuration_is_checked_with_the_line_of_the_mistake() {
    let check = |config: &str| -> Value {
        serde_json::from_str(&check("token-bucket", config, r#"{"r": "3/1s"}"#).unwrap()).unwrap()
    };
    assert_eq!(check("limits:\n  - name: all\n    rate: ${r}\n"), Value::Null);
    let wrong = check("limits:\n  - name: all\n    rate: ten\n");
    assert_eq!(wrong["line"], 3);
    assert!(wrong["problem"].as_str().unwrap().starts_with("limits[0].rate"), "{wrong}");
    assert_eq!(check("limits:\n - a: [\n")["line"], 2);
    let yes = check("limits:\n  - name: all\n    rate: 1/1s\n    after: {refund: {unanswered: yes}}\n");
    assert_eq!(yes["line"], 4, "{yes}");
    assert!(yes["problem"].as_str().unwrap().contains("\"yes\" without quotes is true to Envoy"), "{yes}");
    assert!(
        check("limits: [{name: all, rate: \"${x}\"}]")["problem"]
            .as_str()
            .unwrap()
            .contains("no variable \"x\"")
    );
    assert!(super::check("token-bucket", "", "[").is_err() && super::check("x", "", "{}").is_err());
}

#[test]
fn json_is_read_as_strictly_as_envoy_does() {
    let check = |config: &str| -> Value {
        serde_json::from_str(&check("token-bucket", config, r#"{"r": "3/1s"}"#).unwrap()).unwrap()
    };
    let limits =
        |end: &str| format!("\n{{\n  \"limits\": [{{\"name\": \"all\",\n\t\"rate\": \"${{r}}\"}}{end}\n}}");
    assert_eq!(check(&limits("]")), Value::Null);
    let comma = check(&limits("],"));
    assert_eq!(comma["line"], 5, "{comma}");
    assert!(
        comma["problem"].as_str().unwrap().starts_with("not JSON: trailing comma in column 1; "),
        "{comma}"
    );
    for (end, line, problem) in [
        (", ]", 4, "not JSON: trailing comma in column 19; "),
        ("] # all", 4, "not JSON: expected `,` or `}` in column 19; "),
        ("],\n\"limits\": []", 5, "duplicate mapping key: limits; a key stands once"),
        ("", 5, "not JSON: expected `,` or `]` in column 1; "),
    ] {
        let told = check(&limits(end));
        assert_eq!(told["line"], line, "{told}");
        assert!(told["problem"].as_str().unwrap().starts_with(problem), "{told}");
    }
    let deep = check(&format!("{{\"a\": {}1{}}}", "[".repeat(40), "]".repeat(40)));
    assert!(deep["problem"].as_str().unwrap().starts_with("not JSON: nested deeper than 32"), "{deep}");
    let wrong = check(&limits("]").replace("${r}", "ten"));
    assert_eq!(wrong["line"], 4, "{wrong}");
    for yaml in ["{limits: [{name: all, rate: 1/1s},]}", "{'limits': [{name: all, rate: 1/1s}]} # all"] {
        assert_eq!(check(yaml), Value::Null, "{yaml}");
    }
}

#[test]
fn what_is_missing_has_a_remedy() {
    let check = |filter: &str, config: &str| -> Value {
        serde_json::from_str(&check(filter, config, "{}").unwrap()).unwrap()
    };
    for (filter, remedy) in [
        ("jwt-auth", "; begin with `providers:`"),
        ("token-bucket", "; begin with `limits:`"),
        ("circuit-breaker", "; begin with `breakers:`"),
        ("audit-log", "; begin with `sink:`"),
        ("trace-injection", "; write {} for one in which everything is left as it is"),
        (
            "portcullis",
            ": no filter; write the configuration of at least one of trace_injection, audit_log, jwt_auth, token_bucket, circuit_breaker",
        ),
    ] {
        for text in ["", " \n", "# limits: []\n", "---\n"] {
            let problem = format!("there is no configuration{remedy}");
            assert_eq!(check(filter, text), json!({"line": 1, "problem": problem}), "{filter} {text:?}");
        }
    }
    let problem = "missing field `limits`; write `limits:` (The limits that requests are under; all that apply must have tokens, or none is taken from any)";
    assert_eq!(check("token-bucket", "{}"), json!({"line": 1, "problem": problem}));
    let nested = check("token-bucket", "limits: [{name: all}]");
    assert_eq!(nested["problem"], "limits[0]: missing field `rate`");
}

#[test]
fn samples_are_configurations_that_their_filters_take() {
    for filter in serde_json::from_str::<Vec<Value>>(&filters()).unwrap() {
        let (name, sample) = (filter["name"].as_str().unwrap(), filter["sample"].as_str().unwrap());
        assert_eq!(check(name, sample, "{}").unwrap(), "null", "{name}: {sample}");
        assert!(schema(name).unwrap().contains("$schema"));
    }
}

#[test]
fn a_token_is_read_as_far_as_anybody_could() {
    let read = |text: &str| serde_json::from_str::<Value>(&token(text)).unwrap();
    let good = read(" eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA\n");
    assert_eq!(
        good,
        json!({"header": {"alg": "ES256"}, "claims": {"sub": "a"}, "signature": 3, "problem": null})
    );
    let none = read("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.");
    assert_eq!(none["claims"]["sub"], "a");
    assert!(none["problem"].as_str().unwrap().starts_with("portcullis_jwt_alg_not_allowed"));
    assert!(read("hello")["problem"].as_str().unwrap().starts_with("portcullis_jwt_malformed"));
}

#[test]
fn every_scenario_of_the_filters_comes_out_as_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let mut played = 0;
    for folder in fs::read_dir(root.join("scenarios")).unwrap().map(|folder| folder.unwrap().path()) {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.file_name().unwrap().to_string_lossy().starts_with('_') {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let name = file.display().to_string();
            let report = play(&name, &text, &beside(&file, &text), &none, NOW).unwrap();
            let report: Value = serde_json::from_str(&report).unwrap();
            let report = &report["report"];
            let is_module = report["outcome"]["not_run"].is_string();
            assert!(is_module || report["outcome"] == "passed", "{report:#}");
            played += usize::from(!is_module);
        }
    }
    assert!(played > 700, "{played}");
}

/// All that a scenario could include.
fn beside(file: &Path, text: &str) -> String {
    let mut files = BTreeMap::new();
    for word in
        text.split(|c: char| c.is_whitespace() || "[],\"'{}:".contains(c)).filter(|word| word.contains('.'))
    {
        if let Ok(text) = fs::read_to_string(file.with_file_name("").join(word)) {
            files.insert(word.to_owned(), text);
        }
    }
    json!(files).to_string()
}
