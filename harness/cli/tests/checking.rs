//! `portcullis check` of whole manifests: what is found in them, and where.

use std::fs;
use std::path::Path;
use std::process::Command;

const LIMITS: &str = "{limits: [{name: api, rate: 100/1s}]}";

/// The exit code, and the lines without the folder.
fn check(files: &[(&str, &str)], options: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", folder.path().to_str().unwrap()])
        .args(options)
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    (output.status.code().unwrap(), text.lines().map(str::to_owned).collect())
}

/// A WasmPlugin that is as it should be, but for what these lines of its `spec` change.
fn wasm_plugin(filter: &str, changes: &[(&str, &str)], config: &str) -> String {
    let url = format!("oci://registry.example/portcullis/{filter}:0.1.0");
    let sha256 = "ab".repeat(32);
    let mut spec = vec![
        ("url", url.as_str()),
        ("sha256", &sha256),
        ("failStrategy", "FAIL_RELOAD"),
        ("match", "[{mode: SERVER}]"),
        ("pluginConfig", config),
    ];
    for (name, value) in changes {
        spec.retain(|(known, _)| known != name);
        if !value.is_empty() {
            spec.push((name, value));
        }
    }
    let spec: String = spec.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: edge, namespace: shop}}\nspec:\n{spec}"
    )
}

/// What is found in one.
fn found(filter: &str, changes: &[(&str, &str)], config: &str) -> Vec<String> {
    let (code, mut lines) = check(&[("a.yaml", &wasm_plugin(filter, changes, config))], &[]);
    let summary = lines.pop().unwrap();
    let errors = lines.iter().filter(|line| line.contains(": error: ")).count();
    assert!(summary.starts_with("1 plugin: "), "{summary}");
    assert_eq!(code, i32::from(errors > 0), "{lines:?}");
    lines
}

/// The places and codes of what is found.
fn codes(lines: &[String]) -> Vec<String> {
    let short = |line: &String| {
        let (place, rest) = line.split_once(": ").unwrap();
        let (level, _) = rest.split_once(": ").unwrap();
        let code = line.rsplit_once('[').unwrap().1.trim_end_matches(']');
        format!("{place} {level} {code}")
    };
    lines.iter().map(short).collect()
}

#[test]
fn what_is_as_it_should_be_is_not_talked_about() {
    assert_eq!(found("token-bucket", &[], LIMITS), [""; 0]);
}

#[test]
fn a_mistake_in_a_configuration_has_its_line() {
    let config = "\n    limits:\n      - name: api\n        rate: 100/1s\n        brust: 3";
    let lines = found("token-bucket", &[], config);
    let expected = "a.yaml:13: error: token-bucket: spec.pluginConfig.limits[0].brust: unknown field `brust`, expected one of";
    assert!(lines.len() == 1 && lines[0].starts_with(&expected[..expected.len() - 40]), "{lines:?}");
    assert!(found("token-bucket", &[("pluginConfig", "")], "")[0].contains("empty"));
}

#[test]
fn what_istio_does_with_a_plugin_is_known() {
    for (changes, expected) in [
        (&[("match", "")][..], "a.yaml:4 warning both-directions"),
        (&[("match", "[{ports: [{number: 80}]}]")], "a.yaml:9 warning both-directions"),
        (&[("failStrategy", "FAIL_OPEN")], "a.yaml:9 warning fail-open"),
        (&[("failStrategy", "")], "a.yaml:4 warning fails-for-good"),
        (&[("sha256", "")], "a.yaml:5 warning not-pinned"),
        (&[("sha256", "0123")], "a.yaml:5 error digest"),
        (
            &[("sha256", "'0000000000000000000000000000000000000000000000000000000000000000'")],
            "a.yaml:5 warning placeholder",
        ),
        (&[("failstrategy", "FAIL_RELOAD")], "a.yaml:10 error unknown-field"),
    ] {
        assert_eq!(codes(&found("token-bucket", changes, LIMITS)), [expected], "{changes:?}");
    }
    let plain =
        found("token-bucket", &[("url", "http://host.example/token-bucket.wasm"), ("sha256", "")], LIMITS);
    assert_eq!(codes(&plain), ["a.yaml:8 warning not-pinned", "a.yaml:8 warning not-encrypted"]);
    let jwt = "{providers: [{name: a, issuer: 'https://a.example', audiences: [b], jwks: {remote: {cluster: 'outbound|443||a.example', uri: 'https://a.example/jwks'}}}], otherwise: {provider: a}}";
    let open = codes(&found("jwt-auth", &[("failStrategy", "FAIL_OPEN")], jwt));
    assert_eq!(open, ["a.yaml:8 warning no-cluster", "a.yaml:9 error fail-open"]);
    let large = "{limits: [{name: api, rate: 100/1s}], max_keys: 9007199254740993}";
    let lines = found("token-bucket", &[], large);
    assert!(codes(&lines).contains(&"a.yaml:9 error inexact-number".to_owned()));
    assert!(lines.iter().all(|line| !line.contains("9007199254740993")), "a number may be a secret");
}

#[test]
fn what_belongs_together_is_checked_together() {
    let jwt = "{providers: [{name: a, issuer: 'https://a.example', audiences: [b], jwks: {remote: {cluster: 'outbound|443||a.example', uri: 'https://a.example/jwks'}}}], otherwise: {provider: a}}";
    let plugin = wasm_plugin("jwt-auth", &[], jwt);
    let entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: [a.example], ports: [{number: 443}]}\n---\nkind: DestinationRule\nspec: {host: a.example, trafficPolicy: {tls: {mode: SIMPLE}}}\n";
    let (code, lines) = check(&[("a.yaml", &plugin), ("services/b.yaml", entry)], &["--deny-warnings"]);
    assert_eq!((code, lines), (0, vec!["1 plugin: 0 errors, 0 warnings".to_owned()]));
    let both = format!("{plugin}---\n{entry}");
    assert_eq!(check(&[("a.yaml", &both)], &[]).1, ["1 plugin: 0 errors, 0 warnings"]);
}

const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0)))"#;

/// An image of a module that does nothing, and what `portcullis oci` says of its digests.
fn image(folder: &Path, form: &str) -> [String; 2] {
    fs::write(folder.join("token-bucket.wasm"), wat::parse_str(MODULE).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["oci", "token-bucket.wasm", "--out", "oci", "--form", form])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let digests: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("oci/digests.json")).unwrap()).unwrap();
    ["module", "manifest"].map(|name| digests["token-bucket"][name].as_str().unwrap().to_owned())
}

#[test]
fn an_image_has_two_digests_and_each_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let [module, manifest] = image(folder.path(), "image");
    let found = |sha256: &str, url: &str| {
        let plugin = wasm_plugin("token-bucket", &[("sha256", sha256), ("url", url)], LIMITS);
        fs::write(folder.path().join("a.yaml"), plugin).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["check", "a.yaml", "oci"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (image, file) = ("oci://registry.example/token-bucket:1", "https://host.example/token-bucket.wasm");
    for (sha256, url) in [(&manifest, image), (&module, file)] {
        assert_eq!(found(sha256, url), "1 plugin, 1 image: 0 errors, 0 warnings\n");
    }
    for (sha256, url, right) in [(&module, image, &manifest), (&manifest, file, &module)] {
        let told = found(sha256, url);
        assert!(told.contains(": error: ") && told.contains(&format!(", {right} [digest]")), "{told}");
    }
}

#[test]
fn an_image_that_istio_cannot_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "artifact");
    let layout = folder.path().join("oci/token-bucket");
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    // As `oras push` of the module alone makes it: without the layer that says what it is.
    let mut manifest: serde_json::Value = {
        let digest = index["manifests"][0]["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/");
        serde_json::from_slice(&fs::read(layout.join(digest)).unwrap()).unwrap()
    };
    manifest["layers"].as_array_mut().unwrap().remove(0);
    let bytes = manifest.to_string();
    let digest = portcullis_oci::Digest::of(bytes.as_bytes()).to_string();
    fs::write(layout.join("blobs/sha256").join(&digest), bytes).unwrap();
    let mut index = index;
    index["manifests"][0]["digest"] = format!("sha256:{digest}").into();
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("check").arg(layout).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("1 layers with a module as one of them") && told.contains("[image]"), "{told}");
    assert!(told.ends_with("0 plugins, 1 image: 1 error, 0 warnings\n"), "{told}");
}

#[test]
fn warnings_can_count_as_errors_or_not_at_all() {
    let plugin = wasm_plugin("token-bucket", &[("match", "")], LIMITS);
    let code = |options: &[&str]| check(&[("a.yaml", &plugin)], options).0;
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--deny-warnings"]), 1);
    assert_eq!(code(&["--deny-warnings", "--allow", "both-directions"]), 0);
}

#[test]
fn a_bootstrap_of_envoy_is_looked_through() {
    let text = r#"static_resources:
  listeners:
    - filter_chains:
        - filters:
            - typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                tracing: { provider: { name: envoy.tracers.opentelemetry } }
                http_filters:
                  - typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        name: edge
                        root_id: edge
                        fail_open: true
                        vm_config: { code: { local: { filename: dist/portcullis.wasm } } }
                        configuration:
                          "@type": type.googleapis.com/google.protobuf.StringValue
                          value: |
                            {
                              "trace_injection": {"export": {"cluster": "otel"}},
                              "token_bucket": {"limits": [
                                {"name": "api", "rate": "100"}
                              ]}
                            }
  clusters: [{ name: upstream }]
"#;
    let (code, lines) = check(&[("envoy.yaml", text)], &[]);
    let (summary, lines) = lines.split_last().unwrap();
    assert_eq!((code, summary.as_str()), (1, "1 plugin: 2 errors, 2 warnings"));
    let expected = [
        "envoy.yaml:7 warning native-tracing",
        "envoy.yaml:14 warning fail-open",
        "envoy.yaml:18 error no-cluster",
        "envoy.yaml:22 error configuration",
    ];
    assert_eq!(codes(lines), expected);
}

#[test]
fn a_list_of_resources_is_what_is_in_it() {
    let plugin = wasm_plugin("token-bucket", &[("match", "")], LIMITS);
    let item: String = plugin
        .lines()
        .enumerate()
        .map(|(at, line)| format!("  {}{line}\n", if at == 0 { "- " } else { "  " }))
        .collect();
    let list = format!("kind: List\nitems:\n{item}");
    let (code, lines) = check(&[("a.yaml", &list)], &[]);
    assert_eq!((code, codes(&lines[..1])), (0, vec!["a.yaml:6 warning both-directions".to_owned()]));
    let other = "kind: WasmPlugin\nmetadata: {name: x}\nspec: {url: 'oci://host.example/edge:1'}\n";
    let (_, lines) = check(&[("a.yaml", &list), ("b.yaml", other)], &[]);
    assert_eq!(lines.last().unwrap(), "1 plugin of ours, 1 of others left alone: 0 errors, 1 warning");
}

#[test]
fn a_folder_may_have_what_is_no_manifest() {
    let plugin = wasm_plugin("token-bucket", &[], LIMITS);
    let (code, lines) = check(&[("a.yaml", &plugin), ("b.yaml", "a: {{ .Values.a }}\n")], &[]);
    assert_eq!((code, lines.len()), (0, 2), "{lines:?}");
    assert!(lines[0].starts_with("b.yaml:1: warning: not read: ") && lines[0].contains("helm"), "{lines:?}");
    let (code, lines) = check(&[("a.yaml", &plugin)], &["--allow", "no-clusters"]);
    assert!(code == 2 && lines[0].contains("nothing is called that"), "{lines:?}");
}

#[cfg(unix)]
#[test]
fn links_between_folders_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), wasm_plugin("token-bucket", &[], LIMITS)).unwrap();
    for name in ["b", "c"] {
        std::os::unix::fs::symlink(folder.path(), folder.path().join(name)).unwrap();
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("check").arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 plugin: 0 errors, 0 warnings\n");
}

#[test]
fn bad_input_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, text: Option<&str>| {
        let path = folder.path().join(name);
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("check").arg(&path).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{name}");
        String::from_utf8(output.stderr).unwrap().replace(&path.display().to_string(), name)
    };
    assert!(run("none.yaml", None).starts_with("portcullis: none.yaml: No such file"));
    assert!(run("bad.yaml", Some("a: 1\nb: [\n")).starts_with("portcullis: bad.yaml:"));
    assert!(run("other.yaml", Some("kind: Service\n")).contains("no plugin of ours here"));
    assert!(run("empty.json", Some("")).contains("no plugin of ours here"));
}

#[test]
fn what_we_give_to_operators_is_as_it_should_be() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", "--deny-warnings", "--allow", "placeholder", "envoy"])
        .current_dir(root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
}
