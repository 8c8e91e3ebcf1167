//! What requests can be told by.

mod address;
mod checked;
mod config;
mod member;
mod template;

use std::borrow::Cow;

use serde_json::Value;

use crate::rules::{self, Ambiguous, escaped};
use crate::{Headers, Host, json};

pub use address::{AddressSource, Cidr, masked};
pub use config::{ClaimConfig, ClientAddressConfig, Missing, OneOf, PartConfig};
pub use member::Member;
pub use template::Template;

/// A part of a request, validated.
#[derive(Debug)]
pub enum Part {
    /// The address of the client.
    ClientAddress {
        /// Where it is.
        source: AddressSource,
        /// How many bits of an IPv4 address count.
        v4_prefix: u8,
        /// How many bits of an IPv6 address count.
        v6_prefix: u8,
    },
    /// A header, in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A parameter of the query.
    Query(String),
    /// The path without its query.
    Path,
    /// The first template that the path fits.
    PathTemplate(Vec<Template>),
    /// The method.
    Method,
    /// The host without its port.
    Host,
    /// The gRPC service and method.
    GrpcMethod,
    /// A claim of a verified token.
    Claim {
        /// Where the payload of the token is.
        filter_state: String,
        /// Where the claim is in it.
        path: Vec<String>,
    },
    /// The name of Envoy's upstream cluster.
    Cluster,
    /// The name of Envoy's route.
    Route,
    /// The same text for every request.
    Constant(String),
}

/// A request that others may read differently, in a part by which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// The path can be read in two ways.
    Path,
    /// The host can be read in two ways.
    Host,
    /// A cookie or parameter is there several times, and not the same.
    Value,
}

impl From<Ambiguous> for Unclear {
    fn from(ambiguous: Ambiguous) -> Self {
        match ambiguous {
            Ambiguous::Host => Self::Host,
            Ambiguous::Path => Self::Path,
        }
    }
}

/// A request as parts look at it; what is costly is asked for once.
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a Headers,
    /// The host, which knows its properties.
    pub host: &'a mut dyn Host,
    /// Payloads of tokens, by filter state.
    payloads: Vec<(String, Value)>,
}

impl<'a> Request<'a> {
    /// A request with these headers, of which nothing has been asked for.
    pub fn new(headers: &'a Headers, host: &'a mut dyn Host) -> Self {
        Self { headers, host, payloads: Vec::new() }
    }

    fn payload(&mut self, filter_state: &str) -> Option<&Value> {
        if !self.payloads.iter().any(|(name, _)| name == filter_state) {
            let text = self.host.property(&[filter_state])?;
            self.payloads.push((filter_state.to_owned(), json::parse_strict(&text).ok()?));
        }
        self.payloads.iter().find(|(name, _)| name == filter_state).map(|(_, payload)| payload)
    }
}

impl Part {
    /// What a request has for it; nothing at all is as if it were not there.
    ///
    /// # Errors
    /// Something that others may read differently.
    pub fn of<'r>(&self, request: &mut Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Unclear> {
        Ok(self.found(request)?.filter(|value| !value.is_empty()))
    }

    fn found<'r>(&self, request: &mut Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Unclear> {
        let headers = request.headers;
        Ok(match self {
            Self::ClientAddress { source, v4_prefix, v6_prefix } => {
                let address = source.find(headers, request.host);
                address.map(|address| masked(address, *v4_prefix, *v6_prefix).to_string().into_bytes().into())
            }
            Self::Header(name) => header(headers, name),
            Self::Cookie(name) => only(cookies(headers, name))?.map(Cow::Owned),
            Self::Query(name) => only(parameters(headers, name))?.map(Cow::Owned),
            Self::Path => Some(bytes_of(rules::path_of(headers)?)),
            Self::PathTemplate(templates) => {
                let path = rules::path_of(headers)?;
                let template = templates.iter().find(|template| template.fits(&path));
                template.map(|template| template.text().as_bytes().to_vec().into())
            }
            Self::Method => headers.only(":method").map(Cow::Borrowed),
            Self::Host => Some(rules::host_of(headers)?.to_ascii_lowercase().into()),
            Self::GrpcMethod => {
                let path = rules::path_of(headers)?;
                let is_call = path.strip_prefix('/').and_then(|path| path.split_once('/'));
                is_call
                    .is_some_and(|(service, method)| !service.is_empty() && !method.contains('/'))
                    .then(|| bytes_of(path))
            }
            Self::Claim { filter_state, path } => claim(request, filter_state, path).map(Cow::Owned),
            Self::Cluster => request.host.property(&["xds", "cluster_name"]).map(Cow::Owned),
            Self::Route => request.host.property(&["xds", "route_name"]).map(Cow::Owned),
            Self::Constant(text) => Some(text.clone().into_bytes().into()),
        })
    }

    /// What Envoy's filters call it in descriptors (`RateLimit.Action`).
    pub fn name(&self) -> &str {
        match self {
            Self::ClientAddress { v4_prefix: 32, v6_prefix: 128, .. } => "remote_address",
            Self::ClientAddress { .. } => "masked_remote_address",
            Self::Header(name) | Self::Cookie(name) | Self::Query(name) => name,
            Self::Path | Self::PathTemplate(_) => "path",
            Self::Method => "method",
            Self::Host => "host",
            Self::GrpcMethod => "grpc_method",
            Self::Claim { path, .. } => path.last().map_or("claim", String::as_str),
            Self::Cluster => "destination_cluster",
            Self::Route => "route",
            Self::Constant(_) => "generic_key",
        }
    }

    /// Whether a request has to be read for it.
    pub fn reads_headers(&self) -> bool {
        !matches!(
            self,
            Self::ClientAddress { source: AddressSource::Envoy, .. }
                | Self::Claim { .. }
                | Self::Cluster
                | Self::Route
                | Self::Constant(_)
        )
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn header<'r>(headers: &'r Headers, name: &str) -> Option<Cow<'r, [u8]>> {
    let mut values = headers.all(name);
    let first = values.next()?;
    let Some(second) = values.next() else { return Some(first.into()) };
    let all: Vec<_> = [first, second].into_iter().chain(values).collect();
    Some(all.join(&b',').into())
}

/// The one value, however often it is there: of several, servers differ in which one they take.
fn only(mut values: impl Iterator<Item = Vec<u8>>) -> Result<Option<Vec<u8>>, Unclear> {
    let Some(first) = values.next() else { return Ok(None) };
    match values.all(|other| other == first) {
        true => Ok(Some(first)),
        false => Err(Unclear::Value),
    }
}

/// The values of a cookie (RFC 6265 section 4.2.1), without quotes and escapes: many a server reads them so.
fn cookies<'r>(headers: &'r Headers, name: &'r str) -> impl Iterator<Item = Vec<u8>> + 'r {
    let pairs = headers.all("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    values.map(|value| {
        let inside = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        unescaped(inside.unwrap_or(value), false)
    })
}

/// The values of a parameter of the query, its escapes decoded: no server looks at how it is escaped. Some also split at `;`.
fn parameters<'r>(headers: &'r Headers, name: &'r str) -> impl Iterator<Item = Vec<u8>> + 'r {
    let target = headers.only(":path").unwrap_or_default();
    let query = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    let query = query.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
    let pairs = query.split(|byte| matches!(byte, b'&' | b';')).map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
    });
    let is_it =
        move |written: &[u8]| written == name.as_bytes() || unescaped(written, true) == name.as_bytes();
    pairs.filter(move |(written, _)| is_it(written)).map(|(_, value)| unescaped(value, true))
}

/// Escapes decoded once; in a query a plus is a blank as well.
fn unescaped(text: &[u8], plus_is_blank: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, escaped(rest)) {
            (b'+', _) if plus_is_blank => (b' ', after),
            (_, Some(byte)) => (byte, after.get(2..).unwrap_or_default()),
            (byte, None) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn claim(request: &mut Request<'_>, filter_state: &str, path: &[String]) -> Option<Vec<u8>> {
    let mut value = request.payload(filter_state)?;
    for name in path {
        value = value.as_object()?.get(name)?;
    }
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        Value::Bool(bool) => Some(bool.to_string().into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::TestHost;

    fn part(config: Value) -> Part {
        Part::plain(serde_json::from_value(config).unwrap()).unwrap()
    }

    fn try_of(
        config: Value,
        fields: &[(&str, &str)],
        host: &mut TestHost,
    ) -> Result<Option<String>, Unclear> {
        let headers = Headers::from_iter(fields.iter().copied());
        let value = part(config).of(&mut Request::new(&headers, host))?;
        Ok(value.map(|value| String::from_utf8(value.into_owned()).unwrap()))
    }

    fn of(config: Value, fields: &[(&str, &str)], host: &mut TestHost) -> Option<String> {
        try_of(config, fields, host).unwrap()
    }

    #[test]
    fn escapes_give_nobody_another_bucket() {
        let query = |path: &str| of(json!({"query": "user"}), &[(":path", path)], &mut TestHost::default());
        for path in
            ["/?user=alice", "/?user=al%69ce", "/?%75ser=alice&x=1", "/a?x&user=alice#y", "/?x;user=alice"]
        {
            assert_eq!(query(path).as_deref(), Some("alice"), "{path}");
        }
        assert_eq!(query("/?user=a&user=%61").as_deref(), Some("a"));
        assert_eq!(query("/?user=a+b%2").as_deref(), Some("a b%2"));
        for path in ["/", "/?", "/?users=a", "/user=a", "/?user=", "/?user"] {
            assert_eq!(query(path), None, "{path}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let cookie =
            |value: &str| of(json!({"cookie": "sid"}), &[("cookie", value)], &mut TestHost::default());
        for value in ["a=1; sid=x=y", "sid=%78=y", "sid=\"x=y\"", "sid=x=y; sid=x%3dy"] {
            assert_eq!(cookie(value).as_deref(), Some("x=y"), "{value}");
        }
        assert_eq!(cookie("a=sid=1; xsid=2"), None);
    }

    #[test]
    fn claims_come_from_what_was_verified() {
        let mut host = TestHost::default();
        let plan = json!({"claim": {"filter_state": "user", "path": ["realm", "plan"]}});
        assert_eq!(of(plan.clone(), &[], &mut host), None);
        for (payload, expected) in [
            (json!({"realm": {"plan": "gold"}}), Some("gold")),
            (json!({"realm": {"plan": 7}}), Some("7")),
            (json!({"realm": {"plan": ["gold"]}}), None),
            (json!({"realm.plan": "gold"}), None),
            (json!([]), None),
        ] {
            host.properties.insert("user".into(), payload.to_string().into_bytes());
            assert_eq!(of(plan.clone(), &[], &mut host).as_deref(), expected, "{payload}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_is_refused() {
        let headers = Headers::from_iter([(":path", "/a/../b"), (":authority", "a@b")]);
        let mut host = TestHost::default();
        for (config, expected) in
            [(json!({"path": true}), Unclear::Path), (json!({"host": true}), Unclear::Host)]
        {
            assert_eq!(part(config).of(&mut Request::new(&headers, &mut host)), Err(expected));
        }
    }

    #[test]
    fn several_values_of_which_a_server_takes_one_are_refused() {
        for (config, field) in [
            (json!({"query": "u"}), (":path", "/?u=a&u=b")),
            (json!({"cookie": "u"}), ("cookie", "u=a; u=b")),
        ] {
            let result = try_of(config, &[field], &mut TestHost::default());
            assert_eq!(result, Err(Unclear::Value), "{field:?}");
        }
        assert_eq!(of(json!({"header": "x"}), &[("x", "")], &mut TestHost::default()), None);
    }
}
