use wasmtime::{Config, Engine, ExternType, FuncType, InstancePre, Linker, Store, WasmBacktraceDetails};

use crate::error::one_line;
use crate::state::State;
use crate::{AbiVersion, Description, Instance, LoadError, abi};

/// The callbacks that Envoy looks for, how many i32 they take, and whether they return one.
const CALLBACKS: [(&str, usize, bool); 29] = [
    ("proxy_on_context_create", 2, false),
    ("proxy_on_vm_start", 2, true),
    ("proxy_validate_configuration", 2, true),
    ("proxy_on_configure", 2, true),
    ("proxy_on_tick", 1, false),
    ("proxy_on_queue_ready", 2, false),
    ("proxy_on_new_connection", 1, true),
    ("proxy_on_downstream_data", 3, true),
    ("proxy_on_upstream_data", 3, true),
    ("proxy_on_downstream_connection_close", 2, false),
    ("proxy_on_upstream_connection_close", 2, false),
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_request_metadata", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_response_metadata", 2, true),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_receive_initial_metadata", 3, false),
    ("proxy_on_grpc_receive", 3, false),
    ("proxy_on_grpc_receive_trailing_metadata", 3, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_foreign_function", 3, false),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
    ("envoy_on_stats_update", 2, false),
];

/// What else Envoy looks for.
const LIFECYCLE: [&str; 7] =
    ["memory", "malloc", "proxy_on_memory_allocate", "_initialize", "_start", "main", "__main_void"];
const ALLOCATORS: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];
const ABI: &str = "proxy_abi_version_";

/// A compiled module that Envoy would accept.
#[derive(Clone)]
pub struct Module {
    linked: InstancePre<State>,
    abi: AbiVersion,
    size: usize,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("abi", &self.abi).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Module {
    /// Compiles a module and checks it as Envoy does when it is configured with it.
    ///
    /// # Errors
    /// The first kind of mistake, in one line.
    pub fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        check_header(bytes)?;
        let engine = engine().map_err(|error| LoadError::Engine(one_line(&error)))?;
        let module = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| LoadError::Damaged(one_line(&error)))?;
        let abi = abi_version(&module)?;
        check_exports(&module)?;
        let mut linker = Linker::new(&engine);
        abi::link(&mut linker).map_err(|error| LoadError::Engine(one_line(&error)))?;
        check_imports(&linker, &module, abi)?;
        let linked = linker
            .instantiate_pre(&module)
            .map_err(|error| LoadError::WrongSignature(vec![one_line(&error)]))?;
        Ok(Self { linked, abi, size: bytes.len() })
    }

    /// A VM of its own.
    ///
    /// # Errors
    /// [`LoadError::Engine`], for memory that cannot be had or data that does not fit into it.
    pub fn instantiate(&self) -> Result<Instance, LoadError> {
        Instance::new(&self.linked)
    }

    /// What the module is made of.
    pub fn describe(&self) -> Description {
        let module = self.linked.module();
        let exports = || module.exports().map(|export| export.name().to_owned());
        let is_callback = |name: &String| CALLBACKS.iter().any(|(callback, ..)| callback == name);
        let is_lifecycle = |name: &String| LIFECYCLE.contains(&name.as_str()) || name.starts_with(ABI);
        let memory = module.get_export("memory").and_then(|kind| kind.memory().cloned());
        let bytes = |pages: u64| pages.saturating_mul(64 << 10);
        Description {
            abi: self.abi,
            imports: module.imports().map(|it| (it.module().to_owned(), it.name().to_owned())).collect(),
            callbacks: exports().filter(is_callback).collect(),
            lifecycle: exports().filter(is_lifecycle).collect(),
            other_exports: exports().filter(|name| !is_callback(name) && !is_lifecycle(name)).collect(),
            size: self.size,
            memory: memory.as_ref().map_or(0, |memory| bytes(memory.minimum())),
            memory_maximum: memory.and_then(|memory| memory.maximum()).map(bytes),
        }
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.consume_fuel(true);
    config.cranelift_nan_canonicalization(true);
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    Engine::new(&config)
}

fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
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

fn abi_version(module: &wasmtime::Module) -> Result<AbiVersion, LoadError> {
    let mut found = None;
    for export in module.exports() {
        match export.name().strip_prefix(ABI) {
            Some("0_2_1") => return Ok(AbiVersion::V0_2_1),
            Some("0_2_0") => return Ok(AbiVersion::V0_2_0),
            Some(other) => found = Some(other.replace('_', ".")),
            None => {}
        }
    }
    Err(found.map_or(LoadError::NotProxyWasm, LoadError::UnknownAbi))
}

fn check_exports(module: &wasmtime::Module) -> Result<(), LoadError> {
    if module.get_export("memory").is_none_or(|kind| kind.memory().is_none()) {
        return Err(LoadError::NoMemory);
    }
    if !ALLOCATORS.iter().any(|name| module.get_export(name).is_some()) {
        return Err(LoadError::NoAllocator);
    }
    let expected = CALLBACKS.into_iter().chain(ALLOCATORS.map(|name| (name, 1, true)));
    let wrong: Vec<_> = expected.filter_map(|callback| wrong_signature(module, callback)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(LoadError::WrongSignature(wrong)) }
}

fn wrong_signature(module: &wasmtime::Module, callback: (&str, usize, bool)) -> Option<String> {
    let (name, parameters, returns) = callback;
    let kind = module.get_export(name)?;
    let fits = |kind: &FuncType| {
        kind.params().chain(kind.results()).all(|value| value.is_i32())
            && kind.params().len() == parameters
            && kind.results().len() == usize::from(returns)
    };
    let is_right = kind.func().is_some_and(fits);
    let result = if returns { "one" } else { "none" };
    (!is_right).then(|| format!("{name} has to take {parameters} i32 and return {result}"))
}

fn check_imports(
    linker: &Linker<State>,
    module: &wasmtime::Module,
    abi: AbiVersion,
) -> Result<(), LoadError> {
    let mut store = Store::new(linker.engine(), State::new());
    let mut unknown = Vec::new();
    for import in module.imports() {
        let is_too_new = import.name() == "proxy_get_log_level" && abi == AbiVersion::V0_2_0;
        if linker.get(&mut store, import.module(), import.name()).is_err() || is_too_new {
            unknown.push(format!(
                "{}.{}{}",
                import.module(),
                import.name(),
                hint(import.module(), &import.ty())
            ));
        }
    }
    unknown.sort();
    unknown.dedup();
    if unknown.is_empty() { Ok(()) } else { Err(LoadError::UnknownImports(unknown)) }
}

fn hint(module: &str, kind: &ExternType) -> &'static str {
    match module {
        "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" | "wbg" => {
            " (a crate wants a browser: build for wasm32-wasip1, not wasm32-unknown-unknown, or drop its js features)"
        }
        "wasi_snapshot_preview1" | "wasi_unstable" => " (Envoy does not have this function of WASI)",
        "wasi:cli" | "wasi:io" | "wasi:clocks" => " (WASI preview 2: build for wasm32-wasip1)",
        "env" if kind.func().is_none() => " (Envoy provides functions only)",
        "env" => " (a function that was declared and is not in the ABI of this module, or not linked in)",
        _ => "",
    }
}
