use super::{Cidr, OneOf, Part, Request, Unclear};
use crate::ConfigError;

/// A part that is one of several texts or networks.
#[derive(Debug)]
pub struct Member {
    part: Part,
    texts: Vec<String>,
    networks: Vec<Cidr>,
}

impl Member {
    /// Whether the part of a request is one of them.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub fn has(&self, request: &mut Request<'_>) -> Result<bool, Unclear> {
        if let Part::ClientAddress { source, .. } = &self.part {
            let address = source.find(request.headers, request.host);
            return Ok(address.is_some_and(|address| self.networks.iter().any(|it| it.contains(address))));
        }
        let value = self.part.of(request)?;
        Ok(value.is_some_and(|value| self.texts.iter().any(|text| text.as_bytes() == value.as_ref())))
    }

    /// Whether a request has to be read for it.
    pub fn reads_headers(&self) -> bool {
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
            let texts = config.values.into_iter().enumerate().map(|(index, text)| {
                part.possible(text).map_err(|error| error.under(&format!("in[{index}]")))
            });
            return Ok(Self { texts: texts.collect::<Result<_, _>>()?, part, networks: Vec::new() });
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

impl Part {
    /// A text that this part of a request can be, as it is compared.
    ///
    /// # Errors
    /// It never is.
    pub fn possible(&self, text: String) -> Result<String, ConfigError> {
        let fail = |remedy: &str| Err(ConfigError::at("", format!("{text:?} never matches; {remedy}")));
        match self {
            Self::Host => Ok(text.to_ascii_lowercase()),
            Self::Method if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_lowercase()) => {
                fail("write a method as it is on the wire: GET")
            }
            Self::Path | Self::GrpcMethod if !text.starts_with('/') => {
                fail("write a path that begins with /")
            }
            Self::PathTemplate(templates) if !templates.iter().any(|template| template.text() == text) => {
                fail("write one of the templates as it stands there")
            }
            _ if text.is_empty() => fail("a part that is empty counts as missing; write what it may be"),
            _ => Ok(text),
        }
    }
}
