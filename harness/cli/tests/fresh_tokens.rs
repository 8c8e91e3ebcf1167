//! Tokens that other JOSE libraries mint at this moment are decided right: natively, as a module, and in Envoy.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};

#[test]
fn tokens_minted_elsewhere_are_decided_right() {
    let minted = mint();
    let steps: Vec<_> = minted["tokens"].as_array().unwrap().iter().map(step).collect();
    assert!(steps.len() > 100, "only {} tokens were minted", steps.len());
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    // A simulated clock is set to the minting's; a real one is there already.
    for (targets, clock) in [(&["native", "wasm"][..], Some(now)), (&["envoy"], None)] {
        let scenario = json!({
            "name": "fresh tokens",
            "filter": "jwt-auth",
            "clock": clock,
            "config": {
                "providers": [{
                    "name": "shop",
                    "issuer": "https://issuer.example",
                    "audiences": ["orders"],
                    "jwks": {"inline": minted["jwks"]},
                }],
                "otherwise": {"provider": "shop"},
            },
            "steps": steps,
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fresh.yaml");
        fs::write(&file, scenario.to_string()).unwrap();
        for target in targets {
            let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
            command.current_dir(root()).arg("test").arg(&file).args(["--format", "json", "--target", target]);
            let output = command.output().unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            assert_eq!(
                report["totals"]["passed"],
                1,
                "{target}: {report:#}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

fn step(minted: &Value) -> Value {
    let authorization = format!("Bearer {}", minted["token"].as_str().unwrap());
    let expect = match minted["valid"].as_bool().unwrap() {
        true => json!({"status": 200}),
        false => json!({"status": 401, "upstream": {"called": false}}),
    };
    json!({"name": minted["name"], "request": {"headers": {"authorization": authorization}}, "expect": expect})
}

fn mint() -> Value {
    let python = root().join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: make test sets it up", python.display());
    let output =
        Command::new(python).current_dir(root()).args(["tests/tokens/mint.py", "--fresh"]).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
