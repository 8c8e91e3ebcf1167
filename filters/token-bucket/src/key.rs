//! What has a bucket of its own.

use std::borrow::Cow;

use portcullis_kit::rules::{self, Ambiguous, escaped, is_token};
use portcullis_kit::{ConfigError, Headers, Host, json};
use serde_json::Value;

use crate::address::{AddressSource, Cidr, masked};
use crate::config::{ClientAddressConfig, Missing, OneOf, PartConfig};
use crate::template::Template;

/// Where a key's bucket is in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash {
    pub(crate) set: u64,
    /// Never 0. Keys of one set that have it in common, one pair in four billions, share a bucket.
    pub(crate) fingerprint: u32,
}

/// The parts of a key.
#[derive(Debug, Default)]
pub(crate) struct Key {
    parts: Vec<KeyPart>,
}

#[derive(Debug)]
struct KeyPart {
    part: Part,
    missing: Missing,
    /// What the rate limit service calls it.
    name: String,
}

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

/// A part that is one of several texts or networks.
#[derive(Debug)]
pub(crate) struct Member {
    part: Part,
    texts: Vec<String>,
    networks: Vec<Cidr>,
}

/// The key of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has one: its parts, in order.
    Parts(Vec<Vec<u8>>),
    /// The limit does not apply to it.
    Skipped,
    /// It has none, and may not pass.
    Denied,
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

impl Key {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The key of a request.
    ///
    /// # Errors
    /// A part is a path or host that others may read differently.
    pub(crate) fn of(&self, request: &mut Request<'_>) -> Result<Found, Ambiguous> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for KeyPart { part, missing, .. } in &self.parts {
            match (part.of(request)?, missing) {
                (Some(value), _) => parts.push(value.into_owned()),
                (None, Missing::Default(text)) => parts.push(text.clone().into_bytes()),
                (None, Missing::Skip) => return Ok(Found::Skipped),
                (None, Missing::Deny) => return Ok(Found::Denied),
            }
        }
        Ok(Found::Parts(parts))
    }

    /// What the rate limit service calls the parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// What tells this key from one of other parts: buckets of the one are not those of the other.
    pub(crate) fn identity(&self) -> String {
        format!("{:?}", self.parts.iter().map(|part| &part.part).collect::<Vec<_>>())
    }

    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        self.parts.iter().any(|part| part.part.reads_headers())
    }

    /// Checks the parts of a key.
    pub(crate) fn new(config: Vec<PartConfig>) -> Result<Self, ConfigError> {
        let parts = config.into_iter().enumerate().map(|(index, mut part)| {
            let missing = part.missing.take().unwrap_or(Missing::Default(String::new()));
            let name = part.name.take();
            let part = Part::new(part).map_err(|error| error.under(&format!("[{index}]")))?;
            Ok(KeyPart { name: name.unwrap_or_else(|| part.name().to_owned()), part, missing })
        });
        Ok(Self { parts: parts.collect::<Result<_, ConfigError>>()? })
    }
}

/// One text of the parts, from which they can be told: it is what a table hashes.
pub(crate) fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(part);
    }
    bytes
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
    fn name(&self) -> &str {
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

    /// Checks a part that is neither missing nor named.
    pub(crate) fn plain(config: PartConfig) -> Result<Self, ConfigError> {
        let member = match config {
            PartConfig { missing: Some(_), .. } => "missing",
            PartConfig { name: Some(_), .. } => "as",
            config => return Self::new(config),
        };
        Err(ConfigError::at(member, "only a part of a key has it; leave it out"))
    }

    fn new(config: PartConfig) -> Result<Self, ConfigError> {
        let flag = |member: &str, value: Option<bool>, part: Self| match value {
            None => Ok(None),
            Some(true) => Ok(Some(part)),
            Some(false) => Err(ConfigError::at(member, "false; write true or leave it out")),
        };
        let claim =
            config.claim.map(|claim| Self::Claim { filter_state: claim.filter_state, path: claim.path });
        let given = [
            config.client_address.map(client_address).transpose()?,
            config.header.map(header_name).transpose()?,
            config.cookie.map(|name| named("cookie", name, Self::Cookie)).transpose()?,
            config.query.map(|name| named("query", name, Self::Query)).transpose()?,
            flag("path", config.path, Self::Path)?,
            config.path_template.map(templates).transpose()?,
            flag("method", config.method, Self::Method)?,
            flag("host", config.host, Self::Host)?,
            flag("grpc_method", config.grpc_method, Self::GrpcMethod)?,
            claim.map(checked_claim).transpose()?,
            flag("cluster", config.cluster, Self::Cluster)?,
            flag("route", config.route, Self::Route)?,
            config.constant.map(Self::Constant),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(part), None) => Ok(part),
            (None, _) => {
                Err(ConfigError::at("", format!("names no part of a request; write one of {PARTS}")))
            }
            _ => Err(ConfigError::at("", "names several parts; write each as an entry of its own")),
        }
    }
}

const PARTS: &str = "client_address, header, cookie, query, path, path_template, method, host, grpc_method, claim, cluster, route, constant";

fn client_address(config: ClientAddressConfig) -> Result<Part, ConfigError> {
    for (member, prefix, most) in [("v4_prefix", config.v4_prefix, 32), ("v6_prefix", config.v6_prefix, 128)]
    {
        if prefix > most {
            let problem = format!("{prefix}; write at most {most}, the length of an address");
            return Err(ConfigError::at(format!("client_address.{member}"), problem));
        }
    }
    let source = match config.trusted_hops {
        None => AddressSource::Envoy,
        Some(trusted_hops) => AddressSource::Forwarded { trusted_hops },
    };
    Ok(Part::ClientAddress { source, v4_prefix: config.v4_prefix, v6_prefix: config.v6_prefix })
}

fn header_name(name: String) -> Result<Part, ConfigError> {
    match is_token(&name) {
        true => Ok(Part::Header(name.to_ascii_lowercase())),
        false => {
            Err(ConfigError::at("header", format!("{name:?} is no header name; write one such as x-api-key")))
        }
    }
}

fn named(member: &str, name: String, part: fn(String) -> Part) -> Result<Part, ConfigError> {
    match name.is_empty() {
        true => Err(ConfigError::at(member, "empty; write the name")),
        false => Ok(part(name)),
    }
}

fn templates(texts: Vec<String>) -> Result<Part, ConfigError> {
    if texts.is_empty() {
        return Err(ConfigError::at(
            "path_template",
            "empty, so nothing fits; write one such as /users/{id}",
        ));
    }
    let templates = texts.into_iter().enumerate().map(|(index, text)| {
        Template::new(text).map_err(|error| error.under(&format!("path_template[{index}]")))
    });
    Ok(Part::PathTemplate(templates.collect::<Result<_, _>>()?))
}

fn checked_claim(part: Part) -> Result<Part, ConfigError> {
    match &part {
        Part::Claim { filter_state, .. } if filter_state.is_empty() => {
            Err(ConfigError::at("claim.filter_state", "empty; name the filter_state.payload of jwt-auth"))
        }
        Part::Claim { path, .. } if path.is_empty() => {
            Err(ConfigError::at("claim.path", "empty; name the claim, as in [plan]"))
        }
        _ => Ok(part),
    }
}

impl Member {
    /// Whether the part of a request is one of them.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub(crate) fn has(&self, request: &mut Request<'_>) -> Result<bool, Ambiguous> {
        if let Part::ClientAddress { source, .. } = &self.part {
            let address = source.find(request.headers, request.host);
            return Ok(address.is_some_and(|address| self.networks.iter().any(|it| it.contains(address))));
        }
        let value = self.part.of(request)?;
        Ok(value.is_some_and(|value| self.texts.iter().any(|text| text.as_bytes() == value.as_ref())))
    }

    pub(crate) fn reads_headers(&self) -> bool {
        self.part.reads_headers()
    }
}

impl TryFrom<OneOf> for Member {
    type Error = ConfigError;

    fn try_from(config: OneOf) -> Result<Self, ConfigError> {
        let part = Part::plain(config.of).map_err(|error| error.under("of"))?;
        if config.values.is_empty() {
            return Err(ConfigError::at("in", "empty, so nobody is meant; write what the part may be"));
        }
        if !matches!(part, Part::ClientAddress { .. }) {
            return Ok(Self { part, texts: config.values, networks: Vec::new() });
        }
        let networks = config.values.iter().enumerate().map(|(index, text)| {
            Cidr::parse(text).ok_or_else(|| {
                let problem = format!(
                    "{text:?} is no network; write one such as 10.0.0.0/8 or 2001:db8::/32, no bits set behind the prefix"
                );
                ConfigError::at(format!("in[{index}]"), problem)
            })
        });
        Ok(Self { part, texts: Vec::new(), networks: networks.collect::<Result<_, _>>()? })
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
    fn parts_of_a_key_do_not_run_together() {
        let key = |a: &str, b: &str| joined(&[a.as_bytes().to_vec(), b.as_bytes().to_vec()]);
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("", "a"), key("a", ""));
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
