use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One part of a request; exactly one of the members says which.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PartConfig {
    /// The address of the client.
    pub client_address: Option<ClientAddressConfig>,
    /// A header; a repeated one counts as one value joined by commas, as in Envoy.
    pub header: Option<String>,
    /// A cookie, without quotes, its escapes decoded; likewise.
    pub cookie: Option<String>,
    /// A parameter of the query, its escapes decoded; a request that has it twice, with different values, is refused.
    pub query: Option<String>,
    /// `true`: the path without its query, its escapes decoded.
    pub path: Option<bool>,
    /// The first of these that the path fits, as it is written here: `/users/{id}/orders`.
    pub path_template: Option<Vec<String>>,
    /// `true`: the method.
    pub method: Option<bool>,
    /// `true`: the host without its port, in lower case.
    pub host: Option<bool>,
    /// `true`: the gRPC service and method.
    pub grpc_method: Option<bool>,
    /// A claim of a token that jwt-auth has verified.
    pub claim: Option<ClaimConfig>,
    /// `true`: the name of Envoy's upstream cluster.
    pub cluster: Option<bool>,
    /// `true`: the name of Envoy's route.
    pub route: Option<bool>,
    /// This text for every request.
    pub constant: Option<String>,
    /// What a request without this part counts as. Left out, all of them share one bucket.
    pub missing: Option<Missing>,
    /// The key under which the rate limit service knows it; left out, the one that Envoy gives it.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

/// What a request counts as that lacks a part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The limit does not apply to it.
    Skip,
    /// It is denied.
    Deny,
    /// As one whose part is this text.
    Default(String),
}

/// Which address, and how much of it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientAddressConfig {
    /// How many bits of an IPv4 address count.
    pub v4_prefix: u8,
    /// How many bits of an IPv6 address count: whoever has one address has the 2^64 of its network.
    pub v6_prefix: u8,
    /// Takes the address from `x-forwarded-for`, counted from the end: 0 is the last one there, which Envoy adds itself under
    /// `use_remote_address`. Left out, it is whom Envoy takes for the client.
    pub trusted_hops: Option<u8>,
}

impl Default for ClientAddressConfig {
    fn default() -> Self {
        Self { v4_prefix: 32, v6_prefix: 64, trusted_hops: None }
    }
}

/// A claim, by where jwt-auth has put the payload.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimConfig {
    /// The `filter_state.payload` of the provider in jwt-auth.
    pub filter_state: String,
    /// The claim; a list leads into objects: `["realm", "plan"]`.
    pub path: Vec<String>,
}

/// A part of a request that is one of several.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneOf {
    /// The part.
    pub of: PartConfig,
    /// What it may be: texts, or networks such as `10.0.0.0/8` for a client's address.
    #[serde(rename = "in")]
    pub values: Vec<String>,
}
