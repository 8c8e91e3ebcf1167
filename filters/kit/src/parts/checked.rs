use super::{AddressSource, ClientAddressConfig, Part, PartConfig, Template};
use crate::ConfigError;
use crate::rules::is_token;

impl Part {
    /// Checks a part that is neither missing nor named.
    ///
    /// # Errors
    /// As [`Part::new`], and where it says what it counts as when it is missing, or has a name.
    pub fn plain(config: PartConfig) -> Result<Self, ConfigError> {
        let member = match config {
            PartConfig { missing: Some(_), .. } => "missing",
            PartConfig { name: Some(_), .. } => "as",
            config => return Self::new(config),
        };
        Err(ConfigError::at(member, "only a part of a key has it; leave it out"))
    }

    /// Checks a part.
    ///
    /// # Errors
    /// It is none or several, or something in it can never be.
    pub fn new(config: PartConfig) -> Result<Self, ConfigError> {
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
