//! What Envoy checks when it loads a module, and what else can be said about a module that does not pass.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{ExternalKind, FuncType, Import, ValType};

use crate::abi_version::MARKER;
use crate::bounds::PAGES;
use crate::describe::Made;
use crate::exports::{self, ALLOCATORS, Signature};
use crate::imports::{self, list};
use crate::parts::{Parts, short};
use crate::{AbiVersion, Host, ModuleError};

/// An error names this many imports at most.
const NAMED: usize = 100;

pub(crate) fn header(bytes: &[u8]) -> Result<(), ModuleError> {
    let Some(rest) = bytes.strip_prefix(b"\0asm") else {
        return Err(ModuleError::NotWasm(bytes.iter().take(8).copied().collect()));
    };
    match rest.first_chunk() {
        Some([1, 0, 0, 0]) => Ok(()),
        // The upper half of the version field is the layer: 0 a module, 1 a component.
        Some([_, _, 1, 0]) => Err(ModuleError::Component),
        Some(version) => {
            Err(ModuleError::Damaged(format!("its version is {version:?} and not [1, 0, 0, 0]")))
        }
        None => Err(ModuleError::Damaged("it ends within its first eight bytes".into())),
    }
}

/// The first marker that is known, in the order of the exports.
pub(crate) fn abi_version(parts: &Parts<'_>) -> Result<AbiVersion, ModuleError> {
    let mut unknown = None;
    for export in &parts.exports {
        let is_function = matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact);
        let Some(marker) = export.name.strip_prefix(MARKER).filter(|_| is_function) else { continue };
        match AbiVersion::of(marker) {
            Some(version) => return Ok(version),
            None => unknown = Some(marker),
        }
    }
    let unknown = unknown.map(|marker| ModuleError::UnknownAbi(short(marker).replace('_', ".")));
    Err(unknown.unwrap_or(ModuleError::NotProxyWasm))
}

/// V8 in Envoy lives with 60 million entries in tables of functions; with 70 million it runs out of heap, and Envoy ends with it.
const ENTRIES: u64 = 60_000_000;

/// What a module starts with, in each of its memories and in all of its tables.
pub(crate) fn sizes(parts: &Parts<'_>) -> Result<(), ModuleError> {
    let sizes = [("pages in a memory", parts.pages, PAGES), ("entries in tables", parts.entries, ENTRIES)];
    let too_large = sizes.into_iter().find(|(_, initial, most)| initial > most);
    too_large.map_or(Ok(()), |(what, initial, most)| Err(ModuleError::TooLarge { what, initial, most }))
}

pub(crate) fn exports(parts: &Parts<'_>, abi: AbiVersion, host: Host) -> Result<(), ModuleError> {
    if parts.memory(host).is_none() {
        return Err(ModuleError::NoMemory);
    }
    if !ALLOCATORS.iter().any(|name| parts.function(name).is_some()) {
        return Err(ModuleError::NoAllocator);
    }
    let is_reactor = parts.function("_initialize").is_some();
    let is_spec = host == Host::Specification;
    let is_looked_at = |signature: &Signature| match signature.name {
        "main" | "__main_void" => is_reactor,
        "_start" => !is_reactor,
        "proxy_on_memory_allocate" => is_spec || parts.function("malloc").is_none(),
        "malloc" => !is_spec || parts.function("proxy_on_memory_allocate").is_none(),
        _ => true,
    };
    let expected = exports::all(abi).filter(is_looked_at);
    let wrong: Vec<_> = expected.filter_map(|signature| wrong_signature(parts, abi, signature)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(ModuleError::WrongSignature(wrong)) }
}

fn wrong_signature(parts: &Parts<'_>, abi: AbiVersion, expected: Signature) -> Option<String> {
    let Signature { name, parameters, returns } = expected;
    let kind = parts.function(name)?;
    let is_right = kind.params().iter().chain(kind.results()).all(|value| *value == ValType::I32)
        && kind.params().len() == parameters
        && kind.results().len() == usize::from(returns);
    let result = if returns { "one" } else { "none" };
    (!is_right).then(|| format!("{name} has to take {parameters} i32 and return {result} in ABI {abi}"))
}

pub(crate) fn imports(parts: &Parts<'_>, abi: AbiVersion, host: Host) -> Result<(), ModuleError> {
    let provided: BTreeMap<_, _> = imports::all(abi).map(|it| ((it.module, it.name), it)).collect();
    let (mut unknown, mut wrong) = (Named::default(), Named::default());
    for import in &parts.imports {
        if host == Host::Envoy && Made::of(import).is_some() {
            continue;
        }
        let Import { module: from, name, .. } = *import;
        let wanted = parts.imported(import);
        let Some(provided) = provided.get(&(from, name)) else {
            unknown.add(|| format!("{}.{}{}", short(from), short(name), hint(from, name, wanted, abi)));
            continue;
        };
        if host == Host::Specification && is_beyond_spec(from, name) {
            unknown.add(|| format!("{from}.{name} (not in the specification)"));
            continue;
        }
        let (wanted, provided) = (wanted.map(shown), provided.to_string());
        if wanted.as_ref() != Some(&provided) {
            let wanted = wanted.unwrap_or_else(|| "no function".to_owned());
            wrong.add(|| format!("{from}.{name} is imported as {wanted} and provided as {provided}"));
        }
    }
    match (unknown.names(), wrong.names()) {
        (Some(unknown), _) => Err(ModuleError::UnknownImports(unknown)),
        (_, Some(wrong)) => Err(ModuleError::WrongSignature(wrong)),
        _ => Ok(()),
    }
}

/// What is wrong with imports, each thing once.
#[derive(Default)]
struct Named {
    names: BTreeSet<String>,
    has_more: bool,
}

impl Named {
    fn add(&mut self, name: impl FnOnce() -> String) {
        self.has_more |= self.names.len() >= NAMED;
        if !self.has_more {
            self.names.insert(name());
        }
    }

    fn names(self) -> Option<Vec<String>> {
        let more = self.has_more.then(|| "and more".to_owned());
        (!self.names.is_empty()).then(|| self.names.into_iter().chain(more).collect())
    }
}

/// The functions of WASI in the specification.
const WASI_OF_SPEC: [&str; 8] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
];

fn is_beyond_spec(from: &str, name: &str) -> bool {
    from == "wasi_unstable" || (from == "wasi_snapshot_preview1" && !WASI_OF_SPEC.contains(&name))
}

/// A signature as Envoy writes it: `i32 i64 -> i32`.
fn shown(kind: &FuncType) -> String {
    short(&format!("{} -> {}", list(kind.params().iter()), list(kind.results().iter())))
}

fn hint(from: &str, name: &str, kind: Option<&FuncType>, abi: AbiVersion) -> String {
    match from {
        "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" | "wbg" => {
            " (a crate wants a browser: build for wasm32-wasip1, not wasm32-unknown-unknown, or drop its js features)".into()
        }
        "wasi_snapshot_preview1" | "wasi_unstable" => " (Envoy does not have this function of WASI)".into(),
        "wasi:cli" | "wasi:io" | "wasi:clocks" => " (WASI preview 2: build for wasm32-wasip1)".into(),
        "env" if kind.is_none() => " (Envoy provides functions, a memory and a table)".into(),
        "env" if name == "abort" => " (AssemblyScript's: compile with --use abort=abort_proc_exit)".into(),
        "env" => match imports::versions(name) {
            [] => " (a function that was declared and is not in the ABI of this module, or not linked in)".into(),
            versions => {
                let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
                format!(" (in ABI {}, and the module is of {abi})", versions.join(" and "))
            }
        },
        _ => String::new(),
    }
}
