use portcullis_inspect::ModuleError;

/// Why a module cannot be loaded, in one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Envoy would not take it.
    Module(ModuleError),
    /// Envoy would take it, and the engine here does not: it has neither exceptions nor threads, and no references but those to functions.
    Unsupported(String),
    /// The engine failed.
    Engine(String),
}

impl From<ModuleError> for LoadError {
    fn from(error: ModuleError) -> Self {
        Self::Module(error)
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Module(error) => error.fmt(f),
            Self::Unsupported(what) => {
                write!(f, "Envoy takes the module, and the engine here cannot run it: {what}")
            }
            Self::Engine(what) if what.contains("mmap") || what.contains("Cannot allocate memory") => {
                write!(
                    f,
                    "no memory for a VM: {what}; each VM reserves 4 GiB of address space, so raise the limit (ulimit -v)"
                )
            }
            Self::Engine(what) => write!(f, "the WebAssembly engine failed: {what}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// The whole of an engine's error, in one line.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
