//! Which part of a configuration a request falls under: rules in order, the first match wins.
//!
//! Envoy has no per-route configuration for wasm filters, so every filter carries its own rules.

use std::borrow::Cow;

use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Headers, Properties};

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
        let by_path = rules.iter().any(|(matcher, _)| matcher.path.is_some() || matcher.grpc.is_some());
        Self { rules, otherwise, by_path }
    }

    /// What holds for this request.
    ///
    /// # Errors
    /// Where any rule decides by path, a path with `.` or `..` segments, `//`, `\`, or an escaped `/`, `\` or NUL is refused:
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

/// A validated [`MatchConfig`].
#[derive(Debug)]
pub struct Matcher {
    host: Option<HostMatcher>,
    path: Option<Text>,
    methods: Option<Vec<String>>,
    headers: Vec<(String, Option<Text>)>,
    grpc: Option<GrpcMatch>,
    route: Option<String>,
    cluster: Option<String>,
}

#[derive(Debug)]
enum HostMatcher {
    Exact(String),
    Below(String),
}

#[derive(Debug)]
enum Text {
    Exact(String),
    Prefix(String),
    Regex(Regex),
}

impl TryFrom<MatchConfig> for Matcher {
    type Error = ConfigError;

    fn try_from(config: MatchConfig) -> Result<Self, ConfigError> {
        let path = config.path.map(|path| Text::new(path).map_err(|e| e.under("path"))).transpose()?;
        if let Some(Text::Exact(text) | Text::Prefix(text)) = &path
            && !(text.starts_with('/') && is_in_normal_form(text.as_bytes()))
        {
            let problem = format!(
                "{text:?} never matches; write a path that begins with / and has no . or .. segments, // or ?"
            );
            return Err(ConfigError::at("path", problem));
        }
        if let Some([]) = config.methods.as_deref() {
            return Err(ConfigError::at(
                "methods",
                "empty, so nothing matches; name a method or leave the member out",
            ));
        }
        let headers = config.headers.unwrap_or_default().into_iter().enumerate().map(|(index, header)| {
            let value = header.value.map(Text::new).transpose();
            Ok((
                header.name.to_ascii_lowercase(),
                value.map_err(|e| e.under(&format!("headers[{index}].value")))?,
            ))
        });
        Ok(Self {
            host: config.host.map(HostMatcher::new).transpose()?,
            path,
            methods: config.methods,
            headers: headers.collect::<Result<_, ConfigError>>()?,
            grpc: config.grpc,
            route: config.route,
            cluster: config.cluster,
        })
    }
}

impl Matcher {
    fn matches(&self, path: &[u8], request: &Headers, host: &mut dyn Properties) -> bool {
        self.host.as_ref().is_none_or(|host| host.matches(authority(request)))
            && self.path.as_ref().is_none_or(|text| text.matches(path))
            && self.methods.as_ref().is_none_or(|methods| {
                request.first(":method").is_some_and(|is| methods.iter().any(|m| m.as_bytes() == is))
            })
            && self.headers.iter().all(|(name, value)| header_matches(request, name, value.as_ref()))
            && self.grpc.as_ref().is_none_or(|grpc| grpc.matches(path, request))
            && property_is(host, "route_name", self.route.as_deref())
            && property_is(host, "cluster_name", self.cluster.as_deref())
    }
}

impl HostMatcher {
    fn new(pattern: String) -> Result<Self, ConfigError> {
        let pattern = pattern.to_ascii_lowercase();
        let (suffix, below) = match pattern.strip_prefix('*') {
            Some(suffix) => (suffix, true),
            None => (pattern.as_str(), false),
        };
        let port = suffix.contains(':') && !suffix.ends_with(']');
        if suffix.is_empty() || suffix.contains(['*', '/']) || port || below != suffix.starts_with('.') {
            let problem =
                format!("{pattern:?} is not a host; write api.example.com or *.example.com, without a port");
            return Err(ConfigError::at("host", problem));
        }
        Ok(if below { Self::Below(suffix.to_owned()) } else { Self::Exact(pattern) })
    }

    fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name.as_bytes()),
            Self::Below(suffix) => host
                .split_at_checked(host.len().saturating_sub(suffix.len()))
                .is_some_and(|(label, end)| !label.is_empty() && end.eq_ignore_ascii_case(suffix.as_bytes())),
        }
    }
}

impl Text {
    fn new(config: TextMatch) -> Result<Self, ConfigError> {
        Ok(match config {
            TextMatch::Exact(text) => Self::Exact(text),
            TextMatch::Prefix(text) => Self::Prefix(text),
            TextMatch::Regex(text) => {
                // The whole text has to match, as in Envoy: an expression that forgets its anchors must not open more.
                let whole = format!("^(?:{text})$");
                let regex = Regex::new(&whole).map_err(|error| {
                    let reason = error.to_string().replace('\n', " ");
                    ConfigError::at("regex", format!("{text:?} is not an expression: {reason}"))
                });
                Self::Regex(regex?)
            }
        })
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(expected) => text == expected.as_bytes(),
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Regex(regex) => regex.is_match(&String::from_utf8_lossy(text)),
        }
    }
}

impl GrpcMatch {
    fn matches(&self, path: &[u8], request: &Headers) -> bool {
        let mut parts = path.strip_prefix(b"/").unwrap_or(path).splitn(2, |byte| *byte == b'/');
        let (service, method) = (parts.next(), parts.next());
        let is = |wanted: &Option<String>, part: Option<&[u8]>| {
            wanted.as_ref().is_none_or(|wanted| part == Some(wanted.as_bytes()))
        };
        is_grpc(request) && is(&self.service, service) && is(&self.method, method)
    }
}

/// Whether Envoy treats this as a gRPC request, whose denial is a `grpc-status` rather than an HTTP status.
pub fn is_grpc(request: &Headers) -> bool {
    request.first("content-type").and_then(|value| value.strip_prefix(b"application/grpc")).is_some_and(
        |rest| {
            // Envoy's `Grpc::Common::hasGrpcContentType`: application/grpc-web is something else.
            matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        },
    )
}

/// The path of a request without its query.
fn path(request: &Headers) -> Cow<'_, [u8]> {
    let target = request.first(":path").unwrap_or_default();
    unescaped(target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default())
}

/// A path without needless escapes: `/%61dmin` is `/admin` (RFC 3986 section 6.2.2.2).
fn unescaped(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let unreserved = escaped(rest).filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte));
        plain.push(unreserved.unwrap_or(*first));
        rest = if unreserved.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(plain)
}

/// The byte that the escape at the start of this text stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

fn authority(request: &Headers) -> &[u8] {
    let authority = request.first(":authority").unwrap_or_default();
    let host = match authority.iter().rposition(|byte| *byte == b':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some(colon) if !authority.ends_with(b"]") => authority.get(..colon).unwrap_or_default(),
        _ => authority,
    };
    host.strip_suffix(b".").unwrap_or(host)
}

fn header_matches(request: &Headers, name: &str, expected: Option<&Text>) -> bool {
    let values: Vec<_> = request.all(name).collect();
    !values.is_empty() && expected.is_none_or(|text| text.matches(&values.join(&b',')))
}

fn property_is(host: &mut dyn Properties, name: &str, expected: Option<&str>) -> bool {
    expected.is_none_or(|expected| host.property(&["xds", name]).as_deref() == Some(expected.as_bytes()))
}

/// Whether a request can have this path at the point where rules are matched.
fn is_in_normal_form(path: &[u8]) -> bool {
    !is_ambiguous(path) && !path.contains(&b'?') && *unescaped(path) == *path
}

/// Whether two implementations may disagree on what this path names.
fn is_ambiguous(path: &[u8]) -> bool {
    // Matrix parameters (`/..;x/`) are cut off by some servers, so a segment is what stands before a semicolon.
    let dots = |segment: &[u8]| matches!(segment.split(|b| *b == b';').next(), Some(b"." | b".."));
    path.contains(&b'\\')
        || path.windows(2).any(|pair| pair == b"//")
        || path.split(|byte| *byte == b'/').any(dots)
        || path.windows(3).any(|text| matches!(escaped(text), Some(b'/' | b'\\' | 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names;
    impl Properties for Names {
        fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
            (path == ["xds", "cluster_name"]).then(|| b"backend".to_vec())
        }
    }

    fn matcher(config: serde_json::Value) -> Result<Matcher, ConfigError> {
        serde_json::from_value::<MatchConfig>(config).unwrap().try_into()
    }

    fn matches(config: serde_json::Value, fields: &[(&str, &str)]) -> bool {
        let request = Headers::from_iter(fields.iter().copied());
        matcher(config).unwrap().matches(&path(&request), &request, &mut Names)
    }

    use serde_json::json;

    #[test]
    fn hosts_ignore_port_case_and_final_dot() {
        let host =
            |pattern: &str, authority: &str| matches(json!({"host": pattern}), &[(":authority", authority)]);
        for authority in ["api.example.com", "API.example.com:8443", "api.example.com."] {
            assert!(host("api.example.com", authority), "{authority}");
            assert!(host("*.example.com", authority), "{authority}");
        }
        assert!(!host("*.example.com", "example.com"));
        assert!(!host("*.example.com", ".example.com"));
        assert!(!host("api.example.com", "xapi.example.com"));
        assert!(host("[::1]", "[::1]:80") && host("[::1]", "[::1]"));
    }

    #[test]
    fn paths_end_where_the_query_begins() {
        let exact = json!({"path": {"exact": "/a"}});
        assert!(matches(exact.clone(), &[(":path", "/a?b=/c")]));
        assert!(!matches(exact, &[(":path", "/ab")]));
        assert!(matches(json!({"path": {"regex": "/v[0-9]"}}), &[(":path", "/v2?x")]));
        assert!(!matches(json!({"path": {"regex": "/v[0-9]"}}), &[(":path", "/v2/admin")]));
    }

    #[test]
    fn headers_are_joined_and_names_have_no_case() {
        let config = json!({"headers": [{"name": "X-Env", "value": {"exact": "a,b"}}]});
        assert!(matches(config.clone(), &[("x-env", "a"), ("x-env", "b")]));
        assert!(!matches(config, &[("x-env", "a")]));
        assert!(!matches(json!({"headers": [{"name": "x-env"}]}), &[]));
    }

    #[test]
    fn grpc_is_more_than_a_path() {
        let config = json!({"grpc": {"service": "shop.v1.Orders"}});
        let call = [(":path", "/shop.v1.Orders/List"), ("content-type", "application/grpc+proto")];
        assert!(matches(config.clone(), &call));
        assert!(!matches(config.clone(), &call[..1]));
        assert!(!matches(config, &[call[0], ("content-type", "application/grpc-web")]));
        assert!(!matches(json!({"grpc": {"method": "Get"}}), &call));
    }

    #[test]
    fn names_of_route_and_cluster_come_from_the_proxy() {
        assert!(matches(json!({"cluster": "backend"}), &[]));
        assert!(!matches(json!({"cluster": "other"}), &[]));
        assert!(!matches(json!({"route": "main"}), &[]));
    }

    #[test]
    fn ambiguous_paths_are_refused_where_a_rule_decides_by_path() {
        let rules = |config| Rules::new(vec![(matcher(config).unwrap(), 1)], 2);
        let by_path = rules(json!({"path": {"prefix": "/admin"}}));
        let select = |rules: &Rules<i32>, path: &str| {
            rules.select(&Headers::from_iter([(":path", path)]), &mut Names).copied()
        };
        for path in [
            "/a/../admin",
            "/./admin",
            "//admin",
            "/%2e%2E/admin",
            "/a%2fb",
            "/a\\b",
            "/a/..;/admin",
            "/a/..",
        ] {
            assert_eq!(select(&by_path, path), Err(AmbiguousPath), "{path}");
            assert_eq!(select(&rules(json!({"methods": ["GET"]})), path), Ok(2), "{path}");
        }
        for path in ["/admin?next=/../x", "/%61dmin", "/%61%44%6din/"] {
            assert_eq!(select(&by_path, path), Ok(if path.contains("%44") { 2 } else { 1 }), "{path}");
        }
        assert_eq!(select(&by_path, "/a..b/.c/..."), Ok(2));
    }

    #[test]
    fn rules_that_cannot_match_are_mistakes() {
        for (config, path) in [
            (json!({"path": {"prefix": "api"}}), "path"),
            (json!({"path": {"exact": "/a/../b"}}), "path"),
            (json!({"path": {"exact": "/%61"}}), "path"),
            (json!({"path": {"prefix": "/a?b"}}), "path"),
            (json!({"path": {"regex": "("}}), "path.regex"),
            (json!({"methods": []}), "methods"),
            (json!({"host": "example.com:80"}), "host"),
            (json!({"headers": [{"name": "a", "value": {"regex": "["}}]}), "headers[0].value.regex"),
        ] {
            assert_eq!(matcher(config.clone()).unwrap_err().path, path, "{config}");
        }
    }
}
