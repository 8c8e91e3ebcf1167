use crate::AbiVersion;

/// What a module is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The ABI that it says it was made for.
    pub abi: AbiVersion,
    /// What it imports, as module and name.
    pub imports: Vec<(String, String)>,
    /// The exports that Envoy will call for every plugin, request or tick: each costs a crossing.
    pub callbacks: Vec<String>,
    /// The exports that Envoy uses to start the module and to give it memory.
    pub lifecycle: Vec<String>,
    /// All other exports, which Envoy never looks at.
    pub other_exports: Vec<String>,
    /// The size of the module in bytes.
    pub size: usize,
    /// The memory that it starts with, in bytes.
    pub memory: u64,
    /// The memory beyond which it cannot grow, in bytes; `None` where only the proxy limits it.
    pub memory_maximum: Option<u64>,
}
