//! What spans say, once it has been checked.

use portcullis_kit::parts::Template;
use portcullis_kit::rules::is_token;
use portcullis_kit::{ConfigError, Headers};

use crate::attribute::LONGEST_VALUE;
use crate::config::{Attribute, Decisions, ExtraAttributeConfig, Origin, Side, SpansConfig};
use crate::lists::{at_most, repeated};

/// What spans say.
#[derive(Debug)]
pub(crate) struct SpanPolicy {
    pub(crate) is_client: bool,
    /// Whether there is a span for each try.
    pub(crate) each_try: bool,
    pub(crate) decisions: Decisions,
    attributes: Vec<Attribute>,
    routes: Vec<Template>,
    pub(crate) query_values: Vec<String>,
    /// Each with the name of its attribute.
    pub(crate) request_headers: Vec<(String, String)>,
    pub(crate) response_headers: Vec<(String, String)>,
    pub(crate) extra: Vec<(String, Extra)>,
}

/// Where the value of an attribute comes from.
#[derive(Debug)]
pub(crate) enum Extra {
    Value(String),
    /// The segments of its path.
    Property(Vec<String>),
}

/// What a header may not be that is shown: it is, or may be, somebody's secret.
const SECRETS: [&str; 6] =
    ["authorization", "cookie", "dpop", "proxy-authorization", "set-cookie", "x-forwarded-client-cert"];

impl SpanPolicy {
    pub(crate) fn new(config: SpansConfig, side: Side, each_try: bool) -> Result<Self, ConfigError> {
        let default = vec![
            Attribute::ServerAddress,
            Attribute::ServerPort,
            Attribute::UrlQuery,
            Attribute::UserAgentOriginal,
        ];
        let attributes = config.attributes.unwrap_or(default);
        if side == Side::Client && attributes.contains(&Attribute::ClientAddress) {
            let problem = "client.address on the client's side, where it is the service itself; leave it out";
            return Err(ConfigError::at("attributes", problem));
        }
        let routes = config.routes.into_iter().enumerate().map(|(index, route)| {
            Template::new(route).map_err(|error| error.under(&format!("routes[{index}]")))
        });
        let request_headers = config.request_headers.unwrap_or_else(|| vec!["x-request-id".to_owned()]);
        let extra = config.extra.into_iter().enumerate().map(|(index, extra)| {
            Extra::new(extra, each_try).map_err(|error| error.under(&format!("extra[{index}]")))
        });
        let extra = extra.collect::<Result<Vec<_>, _>>()?;
        at_most("extra", extra.len())?;
        distinct("extra", &extra.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        let never_fits = |name: &&String| name.is_empty() || name.contains(['=', '&', '#']);
        if let Some(name) = config.query_values.iter().find(never_fits) {
            let problem = format!("{name:?} is no parameter of a query; write a name such as page");
            return Err(ConfigError::at("query_values", problem));
        }
        let routes = routes.collect::<Result<Vec<_>, _>>()?;
        at_most("routes", routes.len())?;
        at_most("query_values", config.query_values.len())?;
        Ok(Self {
            is_client: side == Side::Client,
            each_try,
            decisions: config.decisions,
            attributes,
            routes,
            query_values: config.query_values,
            request_headers: headers("request", request_headers)?,
            response_headers: headers("response", config.response_headers)?,
            extra,
        })
    }

    pub(crate) fn shows(&self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }

    /// The form that the path of a request has.
    pub(crate) fn route(&self, request: &Headers) -> Option<&str> {
        if self.routes.is_empty() {
            return None;
        }
        let path = portcullis_kit::rules::path_of(request).ok()?;
        self.routes.iter().find(|route| route.fits(&path)).map(Template::text)
    }
}

fn headers(of: &str, names: Vec<String>) -> Result<Vec<(String, String)>, ConfigError> {
    let member = format!("{of}_headers");
    let checked = names.into_iter().enumerate().map(|(index, name)| {
        let name = name.to_ascii_lowercase();
        let problem = match name.as_str() {
            name if !is_token(name) => "is no header name; write one such as x-request-id",
            name if SECRETS.contains(&name) => "holds what nobody but its receiver may know; leave it out",
            _ => {
                let attribute = format!("http.{of}.header.{name}");
                return Ok((name, attribute));
            }
        };
        Err(ConfigError::at(format!("{member}[{index}]"), format!("{name:?} {problem}")))
    });
    let headers = checked.collect::<Result<Vec<_>, _>>()?;
    at_most(&member, headers.len())?;
    distinct(&member, &headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
    Ok(headers)
}

/// Where names of the filter's own attributes begin.
const OURS: [&str; 9] =
    ["client.", "error.", "http.", "network.", "portcullis.", "rpc.", "server.", "url.", "user_agent."];

impl Extra {
    fn new(config: ExtraAttributeConfig, each_try: bool) -> Result<(String, Self), ConfigError> {
        let name = &config.name;
        if name.is_empty() || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem =
                format!("{name:?}; write up to 128 letters, digits and dots, as in deployment.ring");
            return Err(ConfigError::at("name", problem));
        }
        if let Some(ours) = OURS.iter().find(|ours| name.starts_with(**ours)) {
            let problem = format!("{name:?}; what begins with {ours} is the filter's; write another name");
            return Err(ConfigError::at("name", problem));
        }
        let extra = match config.from {
            Origin::Value(text) if text.len() > LONGEST_VALUE => {
                let problem = format!("{} bytes; write at most {LONGEST_VALUE}", text.len());
                return Err(ConfigError::at("from.value", problem));
            }
            Origin::Value(text) => Self::Value(text),
            Origin::Property(path) => Self::Property(property(&path, each_try)?),
        };
        Ok((config.name, extra))
    }
}

/// The path of an attribute of Envoy that can be read when a request is over, and holds no headers.
fn property(path: &str, each_try: bool) -> Result<Vec<String>, ConfigError> {
    let at = |problem: String| Err(ConfigError::at("from.property", problem));
    // A filter state has dots of its own.
    if let Some(name) = path.strip_prefix("wasm.").filter(|name| !name.is_empty()) {
        return Ok(vec![name.to_owned()]);
    }
    let segments: Vec<_> = path.split('.').map(str::to_owned).collect();
    let [root, second, ..] = &segments[..] else {
        return at(format!("{path:?}; write a path such as xds.route_name or wasm.NAME"));
    };
    if segments.iter().any(String::is_empty) {
        return at(format!("{path:?} has an empty part; write a path such as xds.route_name"));
    }
    if root == "request" || ["headers", "trailers"].contains(&second.as_str()) {
        let remedy = "for headers there are request_headers and response_headers";
        return at(format!(
            "{path:?} is not there when a request is over; write a path such as xds.route_name; {remedy}"
        ));
    }
    // See `consistent`.
    if each_try && ["destination", "source"].contains(&root.as_str()) {
        return at(format!("{path:?} cannot be read by a filter that runs for each try; leave it out"));
    }
    Ok(segments)
}

/// No two of a list are the same: an attribute is there once.
fn distinct(member: &str, names: &[&str]) -> Result<(), ConfigError> {
    let Some((index, name)) = repeated(names).and_then(|index| Some((index, names.get(index)?))) else {
        return Ok(());
    };
    Err(ConfigError::at(
        format!("{member}[{index}]"),
        format!("{name:?} stands there already; write it once"),
    ))
}
