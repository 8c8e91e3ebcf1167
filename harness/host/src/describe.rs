/// A version of the proxy-wasm ABI that this host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbiVersion {
    /// 0.2.0.
    V0_2_0,
    /// 0.2.1, which the SDKs for Rust and Go speak.
    V0_2_1,
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}

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
