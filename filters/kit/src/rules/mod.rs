//! Which part of a configuration a request falls under: rules in order, the first match wins.
//!
//! Envoy has no per-route configuration for wasm filters, so every filter carries its own rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Headers, Properties};

mod matcher;
mod path;

pub use matcher::{Matcher, is_grpc, is_token};
pub use path::escaped;
use path::{is_ambiguous, path};

/// What a rule asks of a request; every member that is given must match, none given matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchConfig {
    /// The host without its port, any case: `api.example.com`, or `*.example.com` for everything below it.
    pub host: Option<String>,
    /// The path without its query.
    pub path: Option<TextMatch>,
    /// Any of these methods, as they are on the wire: `GET`.
    pub methods: Option<Vec<String>>,
    /// All of these headers. A repeated header is compared as one value joined by commas, as Envoy does.
    pub headers: Option<Vec<HeaderMatch>>,
    /// A gRPC request, by service and method.
    pub grpc: Option<GrpcMatch>,
    /// The name of Envoy's route.
    pub route: Option<String>,
    /// The name of Envoy's upstream cluster; in Istio `outbound|443||idp.example.com`.
    pub cluster: Option<String>,
}

/// One way to compare text.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// Equal, byte for byte.
    Exact(String),
    /// Starts so. `/api` also matches `/apiary`; write `/api/` for what is below it.
    Prefix(String),
    /// The whole text matches this expression (`regex-lite` syntax, linear time).
    Regex(String),
}

/// A header and, unless its presence is enough, its value.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// The name, any case.
    pub name: String,
    /// The value; left out, the header only has to be there.
    pub value: Option<TextMatch>,
}

/// A gRPC call; the members left out match any.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcMatch {
    /// The full name of the service: `shop.v1.Orders`.
    pub service: Option<String>,
    /// The name of the method: `List`.
    pub method: Option<String>,
}

/// Rules in order, each with what holds for its requests, and what holds for all others.
#[derive(Debug)]
pub struct Rules<T> {
    rules: Vec<(Matcher, T)>,
    otherwise: T,
    by_path: bool,
}

/// A path that a proxy and a server may read differently, under rules that decide by path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbiguousPath;

impl<T> Rules<T> {
    /// Rules to be tried in this order.
    pub fn new(rules: Vec<(Matcher, T)>, otherwise: T) -> Self {
        let by_path = rules.iter().any(|(matcher, _)| matcher.is_by_path());
        Self { rules, otherwise, by_path }
    }

    /// What holds for this request.
    ///
    /// # Errors
    /// Where any rule decides by path, a path with `.` or `..` segments, `//`, `\`, `;`, or an escaped `/`, `\`, `;` or NUL is refused:
    /// `/public/..;/admin` is one resource to us and may be another to the server.
    pub fn select(&self, request: &Headers, host: &mut dyn Properties) -> Result<&T, AmbiguousPath> {
        let path = path(request);
        if self.by_path && is_ambiguous(&path) {
            return Err(AmbiguousPath);
        }
        let found = self.rules.iter().find(|(matcher, _)| matcher.matches(&path, request, host));
        Ok(found.map_or(&self.otherwise, |(_, value)| value))
    }
}
