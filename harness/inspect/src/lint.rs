//! What can be said of a module without running it that it would do better to change.

use schemars::JsonSchema;
use serde::Serialize;

use crate::parts::Parts;
use crate::{AbiVersion, Description, exports};

/// A remark about a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lint {
    /// Its name: `body-without-trailers`.
    pub name: &'static str,
    /// What is meant and what to do about it, in a sentence.
    pub text: String,
}

/// What a lint says of a module, if anything.
type Remark = fn(&Parts<'_>, &Description) -> Option<String>;

const LINTS: [(&str, Remark); 8] = [
    ("never-called", never_called),
    ("unknown-callback", unknown_callback),
    ("old-abi", old_abi),
    ("every-callback", every_callback),
    ("body-without-trailers", body_without_trailers),
    ("two-allocators", two_allocators),
    ("program", program),
    ("names-and-debugging", names_and_debugging),
];

pub(crate) fn lints(parts: &Parts<'_>, description: &Description) -> Vec<Lint> {
    let found = LINTS.iter().filter_map(|(name, remark)| {
        let text = remark(parts, description)?;
        Some(Lint { name, text })
    });
    found.collect()
}

fn never_called(_: &Parts<'_>, description: &Description) -> Option<String> {
    let none = description.callbacks().next().is_none();
    none.then(|| {
        "no export is a callback that Envoy calls, so that it loads the module for nothing; export proxy_on_request_headers or another"
            .to_owned()
    })
}

/// More than this many changes to a name, and another was meant.
const CHANGES: usize = 5;
/// A remark names this many exports at most.
const NAMED: usize = 10;

fn unknown_callback(_: &Parts<'_>, description: &Description) -> Option<String> {
    let abi = description.abi;
    let is_meant = |name: &&String| name.starts_with("proxy_on") || name.starts_with("envoy_on");
    let meant: Vec<_> = description.other_exports.iter().filter(is_meant).take(NAMED).collect();
    let named: Vec<_> = meant.iter().map(|name| format!("{name}{}", suggestion(abi, name))).collect();
    (!named.is_empty())
        .then(|| format!("no callback of ABI {abi}, so that Envoy never calls it: {}", named.join("; ")))
}

fn suggestion(abi: AbiVersion, name: &str) -> String {
    let near = exports::all(abi).map(|known| (strsim::levenshtein(known.name, name), known.name)).min();
    match near {
        Some((changes, near)) if changes <= CHANGES => format!(" (did you mean {near}?)"),
        _ => String::new(),
    }
}

fn old_abi(_: &Parts<'_>, description: &Description) -> Option<String> {
    (description.abi == AbiVersion::V0_1_0).then(|| {
        "in ABI 0.1.0 a header that is not there reads as an empty one, and the headers callbacks do not say whether a body \
         follows; build with an SDK of ABI 0.2.1"
            .to_owned()
    })
}

/// What an SDK exports for all filters alike, whether or not this one does anything there.
const FOR_ALL: [&str; 8] = [
    "proxy_on_new_connection",
    "proxy_on_downstream_data",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
];

/// What a module of an SDK cannot do without, or is called for at its start alone.
const NEEDED: [&str; 4] =
    ["proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "proxy_on_delete"];

/// The figures are of a real Envoy, of modules that do nothing: with one callback, and with all that the Rust SDK exports.
fn every_callback(parts: &Parts<'_>, description: &Description) -> Option<String> {
    if !FOR_ALL.iter().all(|name| parts.function(name).is_some()) {
        return None;
    }
    let called = description.called_always.iter().chain(&description.called_for_content);
    let called = called.filter(|name| !NEEDED.contains(&name.as_str()));
    let called: Vec<_> = called.filter_map(|name| name.strip_prefix("proxy_on_")).collect();
    Some(format!(
        "all that an SDK has for HTTP and TCP is exported, and Envoy calls what is exported, also where it does nothing: some \
         3.6 microseconds per request, where one callback takes 2; drop the exports that the filter does not need (wasm-metadce \
         of Binaryen does) from {}",
        called.join(", ")
    ))
}

fn body_without_trailers(parts: &Parts<'_>, _: &Description) -> Option<String> {
    let lacks = |side: &&str| {
        let is_there = |what| parts.function(&format!("proxy_on_{side}_{what}")).is_some();
        is_there("body") && !is_there("trailers")
    };
    let sides: Vec<_> = ["request", "response"].into_iter().filter(lacks).collect();
    let names =
        |what| sides.iter().map(|side| format!("proxy_on_{side}_{what}")).collect::<Vec<_>>().join(" and ");
    (!sides.is_empty()).then(|| {
        format!(
            "there is {} and not {}: trailers may come in place of a body's last piece, and a module that holds bodies back is not \
             told; if this one does, export the trailers callback and finish there",
            names("body"),
            names("trailers")
        )
    })
}

fn two_allocators(parts: &Parts<'_>, _: &Description) -> Option<String> {
    exports::ALLOCATORS.iter().all(|name| parts.function(name).is_some()).then(|| {
        "both malloc and proxy_on_memory_allocate are exported: Envoy takes the first, and hosts that go by the specification \
         the second; export the one that the module means"
            .to_owned()
    })
}

/// A module that can exit; without `proc_exit`, `_start` is only another name.
fn program(parts: &Parts<'_>, _: &Description) -> Option<String> {
    let starts = parts.function("_start").is_some() && parts.function("_initialize").is_none();
    let exits = parts.imports.iter().any(|import| import.name == "proc_exit");
    (starts && exits).then(|| {
        "it starts with _start, as a program: with wasi-libc its destructors have run by the first callback; build a reactor, which \
         exports _initialize (Rust: a cdylib; Go: -buildmode=c-shared; clang: -mexec-model=reactor)"
            .to_owned()
    })
}

/// Less than this many bytes are not worth a word.
const WEIGHT: usize = 4 << 10;

fn names_and_debugging(parts: &Parts<'_>, description: &Description) -> Option<String> {
    let (bytes, size) = (parts.custom_sections.for_people, description.size);
    (bytes >= WEIGHT).then(|| {
        format!(
            "names of functions and debugging information are {} of its {} KiB, which each proxy fetches and keeps for nothing but \
             its backtraces; strip them (wasm-strip, or strip = true in Cargo's profile), and keep the other file for those",
            bytes.div_ceil(1024),
            size.div_ceil(1024)
        )
    })
}
