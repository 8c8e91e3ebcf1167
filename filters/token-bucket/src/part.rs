//! What requests can be told by.

mod checked;
mod member;

use std::borrow::Cow;

use portcullis_kit::rules::{self, Ambiguous, escaped};
use portcullis_kit::{Headers, Host, json};
use serde_json::Value;

use crate::address::{AddressSource, masked};
use crate::template::Template;
pub(crate) use member::Member;

/// A part of a request, validated.
#[derive(Debug)]
pub(crate) enum Part {
    ClientAddress {
        source: AddressSource,
        v4_prefix: u8,
        v6_prefix: u8,
    },
    /// Lower case.
    Header(String),
    Cookie(String),
    Query(String),
    Path,
    PathTemplate(Vec<Template>),
    Method,
    Host,
    GrpcMethod,
    Claim {
        filter_state: String,
        path: Vec<String>,
    },
    Cluster,
    Route,
    Constant(String),
}

/// A request as keys look at it; what is costly is asked for once.
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a Headers,
    pub(crate) host: &'a mut dyn Host,
    /// Payloads of tokens, by filter state.
    payloads: Vec<(String, Value)>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(headers: &'a Headers, host: &'a mut dyn Host) -> Self {
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
    /// What a request has for it.
    ///
    /// # Errors
    /// A path or host that others may read differently.
    pub(crate) fn of<'r>(&self, request: &mut Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Ambiguous> {
        let headers = request.headers;
        Ok(match self {
            Self::ClientAddress { source, v4_prefix, v6_prefix } => {
                let address = source.find(headers, request.host);
                address.map(|address| masked(address, *v4_prefix, *v6_prefix).to_string().into_bytes().into())
            }
            Self::Header(name) => header(headers, name),
            Self::Cookie(name) => cookie(headers, name).map(Cow::Borrowed),
            Self::Query(name) => query(headers, name).map(Cow::Owned),
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
    pub(crate) fn name(&self) -> &str {
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

    pub(crate) fn reads_headers(&self) -> bool {
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

/// RFC 6265 section 4.2.1.
fn cookie<'r>(headers: &'r Headers, name: &str) -> Option<&'r [u8]> {
    let pairs = headers.all("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// All values of a parameter, its escapes decoded: servers differ in which one they take, and none looks at how it is escaped.
fn query(headers: &Headers, name: &str) -> Option<Vec<u8>> {
    let target = headers.only(":path")?;
    let at = target.iter().position(|byte| *byte == b'?')?;
    let query = target.get(at.saturating_add(1)..)?.split(|byte| *byte == b'#').next()?;
    let pairs = query.split(|byte| *byte == b'&').map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        (unescaped(halves.next().unwrap_or_default()), unescaped(halves.next().unwrap_or_default()))
    });
    let values: Vec<_> =
        pairs.filter(|(other, _)| other == name.as_bytes()).map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, escaped(rest)) {
            (b'+', _) => (b' ', after),
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
    use portcullis_kit::testing::TestHost;
    use serde_json::json;

    use super::*;

    fn part(config: Value) -> Part {
        Part::plain(serde_json::from_value(config).unwrap()).unwrap()
    }

    fn of(config: Value, fields: &[(&str, &str)], host: &mut TestHost) -> Option<String> {
        let headers = Headers::from_iter(fields.iter().copied());
        let value = part(config).of(&mut Request::new(&headers, host)).unwrap()?.into_owned();
        Some(String::from_utf8(value).unwrap())
    }

    #[test]
    fn escapes_and_repeats_give_nobody_another_bucket() {
        let query = |path: &str| of(json!({"query": "user"}), &[(":path", path)], &mut TestHost::default());
        for path in ["/?user=alice", "/?user=al%69ce", "/?%75ser=alice&x=1", "/a?x&user=alice#y"] {
            assert_eq!(query(path).as_deref(), Some("alice"), "{path}");
        }
        assert_eq!(query("/?user=a&user=b").as_deref(), Some("a,b"));
        assert_eq!(query("/?user=a+b%2").as_deref(), Some("a b%2"));
        for path in ["/", "/?", "/?users=a", "/user=a"] {
            assert_eq!(query(path), None, "{path}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let cookie =
            |value: &str| of(json!({"cookie": "sid"}), &[("cookie", value)], &mut TestHost::default());
        assert_eq!(cookie("a=1; sid=x=y; sid=z").as_deref(), Some("x=y"));
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
            [(json!({"path": true}), Ambiguous::Path), (json!({"host": true}), Ambiguous::Host)]
        {
            assert_eq!(part(config).of(&mut Request::new(&headers, &mut host)), Err(expected));
        }
    }
}
