//! Which part of a configuration a request falls under: rules in order, the first match wins.
//!
//! Envoy has no per-route configuration for wasm filters, so every filter carries its own rules.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Headers, Properties};

mod authority;
mod matcher;
mod path;
mod text;
mod when;

pub use matcher::{Matcher, is_grpc, is_tchar, is_token};
pub use path::escaped;
pub use text::Text;
pub use when::When;

/// What a rule asks of a request; every member that is given must match, none given matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchConfig {
    /// The host without its port, any case: `api.example.com`, or `*.example.com` for everything below it.
    pub host: Option<String>,
    /// The path without its query, its escapes decoded.
    pub path: Option<TextMatch>,
    /// Any of these methods, as they are on the wire: `GET`.
    pub methods: Option<Vec<String>>,
    /// All of these headers. A repeated header is compared as one value joined by commas, as Envoy does.
    pub headers: Option<Vec<HeaderMatch>>,
    /// A gRPC method. Only the path counts: which content types a server takes for gRPC is its own business.
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
    by_host: bool,
    by_path: bool,
}

/// A request that a proxy and a server may read differently, under rules that decide by what they differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    /// The host is no host: userinfo, two ports, an escape, an empty label.
    Host,
    /// The path is not in normal form, as in `/public/..;/admin`.
    Path,
}

impl<T> Rules<T> {
    /// Rules to be tried in this order.
    pub fn new(rules: Vec<(Matcher, T)>, otherwise: T) -> Self {
        let by_host = rules.iter().any(|(matcher, _)| matcher.is_by_host());
        let by_path = rules.iter().any(|(matcher, _)| matcher.is_by_path());
        Self { rules, otherwise, by_host, by_path }
    }

    /// What holds where no rule does.
    pub fn otherwise(&self) -> &T {
        &self.otherwise
    }

    /// What holds for this request.
    ///
    /// # Errors
    /// Where any rule decides by host, path or gRPC method, a request with an [`Ambiguous`] one.
    pub fn select(&self, request: &Headers, host: &mut dyn Properties) -> Result<&T, Ambiguous> {
        let target = Target {
            host: match self.by_host {
                true => host_of(request)?,
                false => b"",
            },
            path: match self.by_path {
                true => path_of(request)?,
                false => "".into(),
            },
        };
        let found = self.rules.iter().find(|(matcher, _)| matcher.matches(&target, request, host));
        Ok(found.map_or(&self.otherwise, |(_, value)| value))
    }
}

/// The host of a request as rules compare it: without its port and the dot at its end, in the case that it was sent in.
///
/// # Errors
/// [`Ambiguous::Host`]: it is no host, or there are several.
pub fn host_of(request: &Headers) -> Result<&[u8], Ambiguous> {
    authority::host(request.only(":authority")).ok_or(Ambiguous::Host)
}

/// The path of a request as rules compare it: without its query, every escape decoded once. Empty when there is none.
///
/// # Errors
/// [`Ambiguous::Path`]: it is not in normal form.
pub fn path_of(request: &Headers) -> Result<Cow<'_, str>, Ambiguous> {
    path::decode(request.only(":path").unwrap_or_default()).ok_or(Ambiguous::Path)
}

/// What rules compare of the request target.
struct Target<'a> {
    host: &'a [u8],
    path: Cow<'a, str>,
}
