use schemars::JsonSchema;
use serde::Deserialize;

/// Whether a scenario is played in other ways too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected false, or {skip: [chunking, workers], because: ..}")]
pub enum MatrixFile {
    /// In all of them, or in none.
    All(bool),
    /// Not in these.
    Except(ExceptFile),
}

/// The ways in which a scenario would end otherwise, and why that is right.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptFile {
    /// Which.
    pub skip: Vec<WayName>,
    /// Why.
    pub because: String,
}

/// A way in which a scenario is played again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WayName {
    /// The other protocol: a body then ends with an empty piece of its own, or with its last.
    Protocol,
    /// Bodies whole, in two pieces, and byte by byte.
    Chunking,
    /// Trailers on each request and answer, over HTTP/2.
    Trailers,
    /// Several workers.
    Workers,
    /// Headers that filters trip over, on each request: bytes that are not UTF-8, a name that comes twice, 8 KiB.
    Poison,
}
