use portcullis_kit::parts::Template;
use portcullis_kit::rules::is_token;
use portcullis_kit::{ConfigError, Headers};

use crate::config::{Attribute, ExtraAttributeConfig, Origin, Side, SpansConfig};

/// What spans say.
#[derive(Debug)]
pub(crate) struct SpanPolicy {
    pub(crate) is_client: bool,
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
/// Attributes from one list.
const MOST: usize = 64;

impl SpanPolicy {
    pub(crate) fn new(config: SpansConfig, side: Side) -> Result<Self, ConfigError> {
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
        let extra =
            config.extra.into_iter().enumerate().map(|(index, extra)| {
                Extra::new(extra).map_err(|error| error.under(&format!("extra[{index}]")))
            });
        Ok(Self {
            is_client: side == Side::Client,
            attributes,
            routes: bounded("routes", routes.collect::<Result<_, _>>()?)?,
            query_values: config.query_values,
            request_headers: headers("request", request_headers)?,
            response_headers: headers("response", config.response_headers)?,
            extra: bounded("extra", extra.collect::<Result<_, _>>()?)?,
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

fn bounded<T>(member: &str, list: Vec<T>) -> Result<Vec<T>, ConfigError> {
    match list.len() > MOST {
        true => Err(ConfigError::at(member, format!("{}; write at most {MOST}", list.len()))),
        false => Ok(list),
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
    bounded(&member, checked.collect::<Result<_, _>>()?)
}

impl Extra {
    fn new(config: ExtraAttributeConfig) -> Result<(String, Self), ConfigError> {
        if config.name.is_empty() || config.name.len() > 128 || config.name.chars().any(char::is_control) {
            return Err(ConfigError::at("name", "write a name such as deployment.ring"));
        }
        let extra = match config.from {
            Origin::Value(text) => Self::Value(text),
            Origin::Property(path) => {
                const OF_SECRETS: [&str; 3] = ["request.headers", "response.headers", "response.trailers"];
                if path.is_empty() || OF_SECRETS.iter().any(|start| path.starts_with(start)) {
                    let problem = "write an attribute such as xds.route_name; for headers there are request_headers and response_headers";
                    return Err(ConfigError::at("from.property", problem));
                }
                // A filter state has dots of its own.
                let path = match path.strip_prefix("wasm.") {
                    Some(name) => vec![name.to_owned()],
                    None => path.split('.').map(str::to_owned).collect(),
                };
                Self::Property(path)
            }
        };
        Ok((config.name, extra))
    }
}
