//! The product in a real Envoy, by programs in Python: clients and key material that are not ours.

use std::path::PathBuf;
use std::process::Command;

use portcullis_tests::{executable, root};

#[test]
fn jwt_auth() {
    run("jwt_auth.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn remote_keys() {
    run("remote_keys.py", &[]);
}

#[test]
fn remote_documents() {
    run("remote_documents.py", &[]);
}

#[test]
fn rotation_under_load() {
    run("rotation_under_load.py", &[]);
}

#[test]
fn sender_constraint() {
    run("sender_constraint.py", &[]);
}

#[test]
fn conditions() {
    run("conditions.py", &[]);
}

#[test]
fn introspection() {
    run("introspection.py", &[]);
}

#[test]
fn outputs() {
    run("outputs.py", &[]);
}

#[test]
fn waiting_requests() {
    run("waiting_requests.py", &[]);
}

#[test]
fn token_bucket() {
    run("token_bucket.py", &[]);
}

#[test]
fn token_bucket_swap() {
    run("token_bucket_swap.py", &[]);
}

#[test]
fn token_bucket_delay() {
    run("token_bucket_delay.py", &[]);
}

#[test]
fn token_bucket_after() {
    run("token_bucket_after.py", &[]);
}

#[test]
fn token_bucket_global() {
    run("token_bucket_global.py", &[("PORTCULLIS_RLS", executable("portcullis-rls"))]);
}

#[test]
fn circuit_breaker() {
    run("circuit_breaker.py", &[]);
}

#[test]
fn circuit_breaker_fallback() {
    run("circuit_breaker_fallback.py", &[]);
}

#[test]
fn circuit_breaker_swap() {
    run("circuit_breaker_swap.py", &[]);
}

#[test]
fn circuit_breaker_memory() {
    run("circuit_breaker_memory.py", &[]);
}

#[test]
fn loading() {
    run("loading.py", &[]);
}

#[test]
fn images() {
    run("images.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn examples() {
    run("examples.py", &[]);
}

#[test]
fn hot_swap() {
    run("hot_swap.py", &[]);
}

#[test]
fn failures() {
    run("failures.py", &[]);
}

#[test]
fn prometheus() {
    run("prometheus.py", &[]);
}

#[test]
fn editors() {
    run("editors.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn pages() {
    run("pages.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn tracing() {
    run("tracing.py", &[]);
}

#[test]
fn tracing_answers() {
    run("tracing_answers.py", &[]);
}

#[test]
fn tracing_collector() {
    run("tracing_collector.py", &[]);
}

#[test]
fn tracing_swap() {
    run("tracing_swap.py", &[]);
}

#[test]
fn tracing_tries() {
    run("tracing_tries.py", &[]);
}

#[test]
fn tracing_with_envoy() {
    run("tracing_with_envoy.py", &[]);
}

#[test]
fn audit_export() {
    run("audit_export.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_schemas() {
    run("audit_schemas.py", &[]);
}

#[test]
fn audit_delivery() {
    run("audit_delivery.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_otlp() {
    run("audit_otlp.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_tamper() {
    run("audit_tamper.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_swap() {
    run("audit_swap.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_restart() {
    run("audit_restart.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_access_logger() {
    run("audit_access_logger.py", &[("PORTCULLIS", executable("portcullis"))]);
}

#[test]
fn audit_chain_of_filters() {
    run("audit_chain_of_filters.py", &[("PORTCULLIS", executable("portcullis"))]);
}

/// Runs one of the programs beside this file; what it prints is shown when it fails.
fn run(name: &str, environment: &[(&str, PathBuf)]) {
    let root = root();
    for (needed, remedy) in [
        (".venv/bin/python", "run `make test`, or `make .venv/bin/python` before `cargo test`"),
        ("dist/jwt-auth.wasm", "run `make test`, or `make build` before `cargo test`"),
        ("dist/token-bucket.wasm", "run `make test`, or `make build` before `cargo test`"),
        ("dist/circuit-breaker.wasm", "run `make test`, or `make build` before `cargo test`"),
        ("dist/trace-injection.wasm", "run `make test`, or `make build` before `cargo test`"),
        ("dist/audit-log.wasm", "run `make test`, or `make build` before `cargo test`"),
        ("dist/portcullis.wasm", "run `make test`, or `make build` before `cargo test`"),
    ] {
        assert!(root.join(needed).exists(), "{needed} is missing: {remedy}");
    }
    let program = Command::new(root.join(".venv/bin/python"))
        .args([&format!("tests/e2e/{name}"), "-v"])
        .current_dir(&root)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&program.stdout), String::from_utf8_lossy(&program.stderr));
    assert!(program.status.success(), "tests/e2e/{name}: {}\n{out}{err}", program.status);
}
