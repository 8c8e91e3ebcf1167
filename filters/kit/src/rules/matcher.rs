use super::{GrpcMatch, HeaderMatch, MatchConfig, Target, Text, TextMatch, authority, path};
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

impl TryFrom<MatchConfig> for Matcher {
    type Error = ConfigError;

    fn try_from(config: MatchConfig) -> Result<Self, ConfigError> {
        let path =
            config.path.map(|path| path_matcher(path).map_err(|error| error.under("path"))).transpose()?;
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
            grpc: config.grpc.map(grpc_matcher).transpose()?,
            route: config.route,
            cluster: config.cluster,
        })
    }
}

fn path_matcher(config: TextMatch) -> Result<Text, ConfigError> {
    match Text::new(config)? {
        Text::Exact(text) => plain_path(&text).map(Text::Exact),
        Text::Prefix(text) => plain_path(&text).map(Text::Prefix),
        regex => Ok(regex),
    }
}

/// A path of the configuration as requests have it when they are compared.
fn plain_path(text: &str) -> Result<String, ConfigError> {
    let plain =
        path::decode(text.as_bytes()).filter(|path| path.starts_with('/') && !text.contains(['?', '#']));
    plain.map(Into::into).ok_or_else(|| {
        let remedy = "write a path that begins with / and has no . or .. segments, //, ;, \\, ? or #";
        ConfigError::at("", format!("{text:?} never matches; {remedy}"))
    })
}

fn grpc_matcher(config: GrpcMatch) -> Result<GrpcMatch, ConfigError> {
    for (member, name) in [("service", &config.service), ("method", &config.method)] {
        if let Some(name) = name.as_ref().filter(|name| name.is_empty() || name.contains('/')) {
            let problem =
                format!("{name:?} never matches; write a full name without /, as in shop.v1.Orders");
            return Err(ConfigError::at(format!("grpc.{member}"), problem));
        }
    }
    Ok(config)
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

    /// Whether a rule decides by the host.
    pub(super) fn is_by_host(&self) -> bool {
        self.host.is_some()
    }

    /// Whether a rule decides by what Envoy's router has chosen.
    pub fn is_by_route(&self) -> bool {
        self.route.is_some() || self.cluster.is_some()
    }

    pub(super) fn matches(&self, target: &Target<'_>, request: &Headers, host: &mut dyn Properties) -> bool {
        self.host.as_ref().is_none_or(|host| host.matches(target.host))
            && self.path.as_ref().is_none_or(|text| text.matches(target.path.as_bytes()))
            && self.methods.as_ref().is_none_or(|methods| {
                request.first(":method").is_some_and(|is| methods.iter().any(|m| m.as_bytes() == is))
            })
            && self.headers.iter().all(|(name, value)| header_matches(request, name, value.as_ref()))
            && self.grpc.as_ref().is_none_or(|grpc| grpc.matches(&target.path))
            && property_is(host, "route_name", self.route.as_deref())
            && property_is(host, "cluster_name", self.cluster.as_deref())
    }
}

impl HostMatcher {
    fn new(pattern: String) -> Result<Self, ConfigError> {
        let pattern = pattern.to_ascii_lowercase();
        let (name, below) = match pattern.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (pattern.as_str(), false),
        };
        if authority::host(Some(name.as_bytes())) != Some(name.as_bytes()) {
            let problem =
                format!("{pattern:?} is not a host; write api.example.com or *.example.com, without a port");
            return Err(ConfigError::at("host", problem));
        }
        Ok(if below { Self::Below(format!(".{name}")) } else { Self::Exact(pattern) })
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

impl GrpcMatch {
    fn matches(&self, path: &str) -> bool {
        let (service, method) =
            path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default();
        let is = |wanted: &Option<String>, part: &str| wanted.as_ref().is_none_or(|wanted| wanted == part);
        !service.is_empty() && is(&self.service, service) && is(&self.method, method)
    }
}

/// The `token` of RFC 9110 section 5.6.2: what a header name and a method are made of.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The `tchar` of RFC 9110 section 5.6.2: what a token is made of.
pub fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
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
    use crate::HostError;
    use crate::rules::{Ambiguous, Rules};

    struct Names;
    impl Properties for Names {
        fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
            (path == ["xds", "cluster_name"]).then(|| b"backend".to_vec())
        }

        fn set_property(&mut self, _: &str, _: &[u8]) -> Result<(), HostError> {
            Err(HostError(0))
        }
    }

    fn matcher(config: serde_json::Value) -> Result<Matcher, ConfigError> {
        serde_json::from_value::<MatchConfig>(config).unwrap().try_into()
    }

    fn matches(config: serde_json::Value, fields: &[(&str, &str)]) -> bool {
        let defaults = [(":authority", "a.example"), (":path", "/")];
        let missing = defaults.into_iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name));
        let request = Headers::from_iter(missing.chain(fields.iter().copied()));
        *Rules::new(vec![(matcher(config).unwrap(), true)], false).select(&request, &mut Names).unwrap()
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
    fn a_grpc_method_is_a_path_whatever_the_content_type() {
        let config = json!({"grpc": {"service": "shop.v1.Orders"}});
        for kind in ["application/grpc+proto", "application/grpc-web", "text/plain", "Application/GRPC"] {
            let call = [(":path", "/shop.v1.Orders/List"), ("content-type", kind)];
            assert!(matches(config.clone(), &call), "{kind}");
        }
        assert!(matches(json!({"grpc": {"method": "List"}}), &[(":path", "/shop.v1.Orders/List")]));
        assert!(!matches(json!({"grpc": {"method": "Get"}}), &[(":path", "/shop.v1.Orders/List")]));
        assert!(!matches(json!({"grpc": {}}), &[(":path", "/")]));
    }

    #[test]
    fn denials_are_grpc_where_envoy_says_so() {
        let is_grpc = |kind: &str| is_grpc(&Headers::from_iter([("content-type", kind)]));
        assert!(is_grpc("application/grpc") && is_grpc("application/grpc+json"));
        for other in ["application/grpc-web", "application/grpc;x=1", "application/grpcx", "text/plain"] {
            assert!(!is_grpc(other), "{other}");
        }
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
            "/admin;v=1/x",
            "/admin%3Bv=1/x",
            "/%252e%252e/x",
            "/%2561dmin",
            "/..%c0%afadmin",
            "/%u002e",
            "/..%20/admin",
            "/.%09./admin",
            "/admin%20/x",
            "/admin%0a",
            "/a%",
            "/a%2",
            "/%ff",
        ] {
            assert_eq!(select(&by_path, path), Err(Ambiguous::Path), "{path}");
            assert_eq!(select(&rules(json!({"methods": ["GET"]})), path), Ok(2), "{path}");
        }
        for path in ["/admin?next=/../x", "/%61dmin", "/%61%64min/"] {
            assert_eq!(select(&by_path, path), Ok(1), "{path}");
        }
        assert_eq!(select(&by_path, "/a..b/.c/...%25"), Ok(2));
    }

    #[test]
    fn escapes_make_no_difference() {
        for (prefix, path) in
            [("/@me", "/%40me"), ("/a+b", "/a%2bb"), ("/caf%C3%A9", "/caf%c3%a9"), ("/über", "/%C3%BCber")]
        {
            assert!(matches(json!({"path": {"prefix": prefix}}), &[(":path", path)]), "{prefix} {path}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_where_a_rule_decides_by_host() {
        let rules = Rules::new(vec![(matcher(json!({"host": "b.example"})).unwrap(), 1)], 2);
        let select = |authorities: &[&str]| {
            let request = Headers::from_iter(authorities.iter().map(|authority| (":authority", *authority)));
            rules.select(&request, &mut Names).copied()
        };
        for authority in [
            "a@b.example",
            "b.example..",
            "b.example:80:80",
            "b%2eexample",
            "b.example]",
            "b.example:1]",
            "b.example,x",
            "",
        ] {
            assert_eq!(select(&[authority]), Err(Ambiguous::Host), "{authority}");
        }
        assert_eq!(select(&["b.example", "a.example"]), Err(Ambiguous::Host));
        assert_eq!((select(&["B.example.:80"]), select(&["[::1]:80"])), (Ok(1), Ok(2)));
    }

    #[test]
    fn rules_that_cannot_match_are_mistakes() {
        for (config, path) in [
            (json!({"path": {"prefix": "api"}}), "path"),
            (json!({"path": {"exact": "/a/../b"}}), "path"),
            (json!({"path": {"exact": "/%6"}}), "path"),
            (json!({"grpc": {"service": "/shop.Admin"}}), "grpc.service"),
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
