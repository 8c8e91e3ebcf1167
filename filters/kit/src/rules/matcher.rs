use regex_lite::Regex;

use super::path::is_in_normal_form;
use super::{GrpcMatch, HeaderMatch, MatchConfig, TextMatch};
use crate::{ConfigError, Headers, Properties};

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
                "{text:?} never matches; write a path that begins with / and has no . or .. segments, //, ;, ?, # or needless escapes"
            );
            return Err(ConfigError::at("path", problem));
        }
        if let Some(method) = config.methods.iter().flatten().find(|method| !is_method(method)) {
            let problem = format!("{method:?} is no method; write it as it is on the wire: GET");
            return Err(ConfigError::at("methods", problem));
        }
        if let Some([]) = config.methods.as_deref() {
            return Err(ConfigError::at(
                "methods",
                "empty, so nothing matches; name a method or leave the member out",
            ));
        }
        let headers = config.headers.unwrap_or_default().into_iter().enumerate().map(|(index, header)| {
            header_matcher(header).map_err(|error| error.under(&format!("headers[{index}]")))
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

fn header_matcher(header: HeaderMatch) -> Result<(String, Option<Text>), ConfigError> {
    if !is_token(&header.name) {
        return Err(ConfigError::at(
            "name",
            format!("{:?} is no header name; write one such as x-env", header.name),
        ));
    }
    let value = header.value.map(Text::new).transpose().map_err(|error| error.under("value"))?;
    Ok((header.name.to_ascii_lowercase(), value))
}

impl Matcher {
    /// Whether a rule decides by what the path names.
    pub(super) fn is_by_path(&self) -> bool {
        self.path.is_some() || self.grpc.is_some()
    }

    pub(super) fn matches(&self, path: &[u8], request: &Headers, host: &mut dyn Properties) -> bool {
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
        if suffix.is_empty()
            || suffix.contains(['*', '/', ' '])
            || suffix.ends_with('.')
            || port
            || below != suffix.starts_with('.')
        {
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
                // On its own first: `a)|(b` is no expression, and inside the parentheses it would be one.
                let regex = Regex::new(&text).and_then(|_| Regex::new(&whole)).map_err(|error| {
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

/// The `token` of RFC 9110 section 5.6.2: what a header name and a method are made of.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Methods have a case, and all that are registered are in capitals.
fn is_method(text: &str) -> bool {
    is_token(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether Envoy treats this as a gRPC request, whose denial is a `grpc-status` rather than an HTTP status.
pub fn is_grpc(request: &Headers) -> bool {
    request.first("content-type").and_then(|value| value.strip_prefix(b"application/grpc")).is_some_and(
        |rest| {
            // Envoy's `Grpc::Common::hasGrpcContentType`: neither application/grpc-web nor application/grpc;x is gRPC.
            matches!(rest.first(), None | Some(b'+'))
        },
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::path::path;
    use crate::rules::{AmbiguousPath, Rules};

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
        for other in ["application/grpc-web", "application/grpc;x=1", "application/grpcx"] {
            assert!(!matches(config.clone(), &[call[0], ("content-type", other)]), "{other}");
        }
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
            "/admin;v=1/x",
            "/admin%3Bv=1/x",
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
            (json!({"path": {"exact": "/a#b"}}), "path"),
            (json!({"path": {"regex": "("}}), "path.regex"),
            (json!({"path": {"regex": "/a)|(/b"}}), "path.regex"),
            (json!({"methods": ["get"]}), "methods"),
            (json!({"host": "example.com."}), "host"),
            (json!({"headers": [{"name": "x y"}]}), "headers[0].name"),
            (json!({"methods": []}), "methods"),
            (json!({"host": "example.com:80"}), "host"),
            (json!({"headers": [{"name": "a", "value": {"regex": "["}}]}), "headers[0].value.regex"),
        ] {
            assert_eq!(matcher(config.clone()).unwrap_err().path, path, "{config}");
        }
    }
}
