//! The page says what each function of the ABI does: it leaves none out, and has none that Envoy does not have.

use std::collections::BTreeSet;

use portcullis_inspect::{AbiVersion, exports, imports};

const HOSTCALLS: &str = include_str!("../page/src/module/hostcalls.ts");
const CALLBACKS: &str = include_str!("../page/src/module/callbacks.ts");

#[test]
fn each_function_that_a_module_can_import_has_a_sentence() {
    let named = named(HOSTCALLS);
    let provided: Vec<_> = AbiVersion::ALL.into_iter().flat_map(imports::all).collect();
    // Of files and sockets there is one sentence for all.
    let is_own = |name: &str| !["fd_", "path_", "sock_"].iter().any(|start| name.starts_with(start));
    let expected: BTreeSet<_> = provided.iter().map(|it| it.name).filter(|name| is_own(name)).collect();
    assert_eq!(expected.difference(&named).collect::<Vec<_>>(), [&""; 0]);
    let all: BTreeSet<_> = provided.iter().map(|it| it.name).collect();
    assert_eq!(named.difference(&all).collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn each_export_that_envoy_looks_for_has_a_sentence() {
    let looked_for: BTreeSet<_> =
        AbiVersion::ALL.into_iter().flat_map(exports::all).map(|it| it.name).chain(["memory"]).collect();
    assert_eq!(named(CALLBACKS), looked_for);
}

#[test]
fn what_envoy_never_calls_says_so() {
    let callbacks =
        exports::all(AbiVersion::V0_2_1).filter(|it| !["_initialize", "_start"].contains(&it.name));
    let function = |it: exports::Signature| {
        let result = if it.returns { "(result i32) (i32.const 0)" } else { "" };
        format!("(func (export \"{}\") (param {}) {result})", it.name, "i32 ".repeat(it.parameters))
    };
    let functions: String = callbacks.map(function).collect();
    let module = format!(
        "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) {functions})"
    );
    let description = portcullis_inspect::inspect(&wat::parse_str(module).unwrap()).unwrap();
    let said = CALLBACKS.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": \"Never called"));
    assert_eq!(said.map(|(name, _)| name).collect::<Vec<_>>(), description.never_called);
}

/// The names in tables with a line as `  name: "sentence",` for each.
fn named(script: &str) -> BTreeSet<&str> {
    let entries = script.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": \""));
    entries.map(|(name, _)| name).filter(|name| !name.contains(' ')).collect()
}
