/// Why Envoy would not take a module, in one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModuleError {
    /// The bytes are something else altogether; these are the first of them.
    NotWasm(Vec<u8>),
    /// A component, which Envoy does not run.
    Component,
    /// WebAssembly, cut off or damaged, and where.
    Damaged(String),
    /// WebAssembly, but no export says that it is proxy-wasm.
    NotProxyWasm,
    /// An ABI version that Envoy does not speak.
    UnknownAbi(String),
    /// No memory is exported.
    NoMemory,
    /// Neither `malloc` nor `proxy_on_memory_allocate` is exported.
    NoAllocator,
    /// It starts with more of something than it can have, which is so many.
    TooLarge {
        /// Of what, in the plural.
        what: &'static str,
        /// With how many it starts.
        initial: u64,
        /// How many it can have.
        most: u64,
    },
    /// Imports that the proxy does not have, each with a hint.
    UnknownImports(Vec<String>),
    /// Imports or exports of the ABI's names with other types, each with what would be right.
    WrongSignature(Vec<String>),
}

impl std::fmt::Display for ModuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotWasm(bytes) if bytes.is_empty() => f.write_str("not a WebAssembly module: there is nothing in it"),
            Self::NotWasm(bytes) => write!(f, "not a WebAssembly module: begins with \"{}\"", bytes.escape_ascii()),
            Self::Component => {
                f.write_str("a WebAssembly component, which Envoy does not run; build a core module (wasm32-wasip1)")
            }
            Self::Damaged(what) => write!(f, "the WebAssembly module is damaged or cut off: {what}"),
            Self::NotProxyWasm => f.write_str(
                "not a proxy-wasm module: no export proxy_abi_version_*, which the SDK makes (Rust: a cdylib with proxy_wasm::main!; \
                 Go: GOOS=wasip1 and -buildmode=c-shared; TinyGo: -target=wasi; \
                 AssemblyScript: export * from \"@solo-io/proxy-runtime/proxy\")",
            ),
            Self::UnknownAbi(version) => {
                write!(f, "the module is of the proxy-wasm ABI {version}, which Envoy does not have; it has 0.1.0, 0.2.0 and 0.2.1")
            }
            Self::NoMemory => f.write_str("the module exports no memory of the name \"memory\""),
            Self::NoAllocator => {
                f.write_str("the module exports neither malloc nor proxy_on_memory_allocate, and Envoy needs one of them")
            }
            Self::TooLarge { what, initial, most } => {
                write!(f, "the module starts with {initial} {what}, and {most} is the most that it can have")
            }
            Self::UnknownImports(imports) => write!(f, "unknown imports: {}", imports.join("; ")),
            Self::WrongSignature(names) => write!(f, "bad function signature: {}", names.join("; ")),
        }
    }
}

impl std::error::Error for ModuleError {}
