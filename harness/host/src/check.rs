//! What Envoy checks when it loads a module, and what else can be said about a module that does not pass.

use wasmtime::{ExternType, FuncType, Linker, Module, Store};

use crate::abi_version::MARKER;
use crate::exports::{self, ALLOCATORS, Signature};
use crate::state::State;
use crate::{AbiVersion, LoadError};

pub(crate) fn header(bytes: &[u8]) -> Result<(), LoadError> {
    let Some(rest) = bytes.strip_prefix(b"\0asm") else {
        return Err(LoadError::NotWasm(bytes.iter().take(8).copied().collect()));
    };
    match rest.first_chunk() {
        Some([1, 0, 0, 0]) => Ok(()),
        // The upper half of the version field is the layer: 0 a module, 1 a component.
        Some([_, _, 1, 0]) => Err(LoadError::Component),
        Some(version) => Err(LoadError::Damaged(format!("its version is {version:?} and not [1, 0, 0, 0]"))),
        None => Err(LoadError::Damaged("it ends within its first eight bytes".into())),
    }
}

/// The first marker that is known, in the order of the exports.
pub(crate) fn abi_version(module: &Module) -> Result<AbiVersion, LoadError> {
    let mut unknown = None;
    for export in module.exports().filter(|export| export.ty().func().is_some()) {
        let Some(marker) = export.name().strip_prefix(MARKER) else { continue };
        match AbiVersion::of(marker) {
            Some(version) => return Ok(version),
            None => unknown = Some(marker.replace('_', ".")),
        }
    }
    Err(unknown.map_or(LoadError::NotProxyWasm, LoadError::UnknownAbi))
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

pub(crate) fn exports(module: &Module, abi: AbiVersion, spec: bool) -> Result<(), LoadError> {
    if module.get_export("memory").is_none_or(|kind| kind.memory().is_none()) {
        return Err(LoadError::NoMemory);
    }
    if !ALLOCATORS.iter().any(|name| function(module, name).is_some()) {
        return Err(LoadError::NoAllocator);
    }
    let is_reactor = function(module, "_initialize").is_some();
    let is_looked_at = |signature: &Signature| match signature.name {
        "main" | "__main_void" => is_reactor,
        "_start" => !is_reactor,
        "proxy_on_memory_allocate" => spec || function(module, "malloc").is_none(),
        "malloc" => !spec || function(module, "proxy_on_memory_allocate").is_none(),
        _ => true,
    };
    let expected = exports::all(abi).filter(is_looked_at);
    let wrong: Vec<_> = expected.filter_map(|signature| wrong_signature(module, abi, signature)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(LoadError::WrongSignature(wrong)) }
}

/// What is no function counts as absent.
fn function(module: &Module, name: &str) -> Option<FuncType> {
    module.get_export(name).and_then(|kind| kind.func().cloned())
}

fn wrong_signature(module: &Module, abi: AbiVersion, expected: Signature) -> Option<String> {
    let Signature { name, parameters, returns } = expected;
    let kind = function(module, name)?;
    let is_right = kind.params().chain(kind.results()).all(|value| value.is_i32())
        && kind.params().len() == parameters
        && kind.results().len() == usize::from(returns);
    let result = if returns { "one" } else { "none" };
    (!is_right).then(|| format!("{name} has to take {parameters} i32 and return {result} in ABI {abi}"))
}

pub(crate) fn imports(
    linker: &Linker<State>,
    module: &Module,
    abi: AbiVersion,
    spec: bool,
) -> Result<(), LoadError> {
    let mut store = Store::new(linker.engine(), State::new(abi));
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let Ok(provided) = linker.get(&mut store, from, name) else {
            unknown.push(format!("{from}.{name}{}", hint(from, name, &import.ty(), abi)));
            continue;
        };
        if spec && is_beyond_spec(from, name) {
            unknown.push(format!("{from}.{name} (not in the specification)"));
            continue;
        }
        let (wanted, provided) = (import.ty().func().map(shown), provided.ty(&store).func().map(shown));
        if wanted != provided {
            let shown = |kind: Option<String>| kind.unwrap_or_else(|| "no function".to_owned());
            wrong.push(format!(
                "{from}.{name} is imported as {} and provided as {}",
                shown(wanted),
                shown(provided)
            ));
        }
    }
    for names in [&mut unknown, &mut wrong] {
        names.sort();
        names.dedup();
    }
    match (unknown.is_empty(), wrong.is_empty()) {
        (false, _) => Err(LoadError::UnknownImports(unknown)),
        (_, false) => Err(LoadError::WrongSignature(wrong)),
        _ => Ok(()),
    }
}

fn is_beyond_spec(from: &str, name: &str) -> bool {
    from == "wasi_unstable" || (from == "wasi_snapshot_preview1" && !WASI_OF_SPEC.contains(&name))
}

/// A signature as Envoy writes it: `i32 i64 -> i32`.
fn shown(kind: &FuncType) -> String {
    let list = |values: Vec<String>| if values.is_empty() { "void".to_owned() } else { values.join(" ") };
    let parameters = list(kind.params().map(|value| value.to_string()).collect());
    format!("{parameters} -> {}", list(kind.results().map(|value| value.to_string()).collect()))
}

fn hint(from: &str, name: &str, kind: &ExternType, abi: AbiVersion) -> String {
    match from {
        "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" | "wbg" => {
            " (a crate wants a browser: build for wasm32-wasip1, not wasm32-unknown-unknown, or drop its js features)".into()
        }
        "wasi_snapshot_preview1" | "wasi_unstable" => " (Envoy does not have this function of WASI)".into(),
        "wasi:cli" | "wasi:io" | "wasi:clocks" => " (WASI preview 2: build for wasm32-wasip1)".into(),
        "env" if kind.func().is_none() => " (Envoy provides functions only)".into(),
        "env" if name == "abort" => " (AssemblyScript's: compile with --use abort=abort_proc_exit)".into(),
        "env" => match crate::abi::versions(name).as_slice() {
            [] => " (a function that was declared and is not in the ABI of this module, or not linked in)".into(),
            versions => format!(" (in ABI {}, and the module is of {abi})", versions.join(" and ")),
        },
        _ => String::new(),
    }
}
