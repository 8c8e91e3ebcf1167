/// A version of the proxy-wasm ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbiVersion {
    /// 0.1.0, which old SDKs speak.
    V0_1_0,
    /// 0.2.0.
    V0_2_0,
    /// 0.2.1, which the SDKs for Rust and Go speak.
    V0_2_1,
}

/// What the marker of a version begins with.
pub(crate) const MARKER: &str = "proxy_abi_version_";

impl AbiVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V0_1_0, Self::V0_2_0, Self::V0_2_1];

    /// The version behind the rest of a marker.
    pub(crate) fn of(marker: &str) -> Option<Self> {
        Some(match marker {
            "0_1_0" => Self::V0_1_0,
            "0_2_0" => Self::V0_2_0,
            "0_2_1" => Self::V0_2_1,
            _ => return None,
        })
    }
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}

impl serde::Serialize for AbiVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
