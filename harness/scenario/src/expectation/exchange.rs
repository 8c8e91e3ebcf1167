use std::collections::BTreeMap;

use portcullis_kit::ConfigError;
use portcullis_sim::http::{Exchange, HeaderList};
use portcullis_sim::tcp::TcpExchange;

use super::{Matcher, Mismatch};
use crate::schema::{Expectation, StatusExpectation, TextExpectation, UpstreamExpectation};
use crate::vars::Vars;

/// What is expected of one exchange.
#[derive(Clone, Debug, Default)]
pub struct ExchangeExpected {
    status: Option<u16>,
    no_response: bool,
    details: Option<Matcher>,
    client: Message,
    upstream: Option<Upstream>,
}

#[derive(Clone, Debug)]
struct Upstream {
    called: bool,
    message: Message,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    headers: BTreeMap<String, Matcher>,
    body: Option<Matcher>,
    trailers: BTreeMap<String, Matcher>,
}

/// What is expected of one TCP connection.
#[derive(Clone, Debug, Default)]
pub struct TcpExpected {
    to_upstream: Option<Matcher>,
    to_client: Option<Matcher>,
    closed_by_proxy: Option<bool>,
}

impl ExchangeExpected {
    pub(crate) fn new(file: &Expectation, vars: &Vars) -> Result<Self, ConfigError> {
        let upstream = file.upstream.as_ref().map(|upstream| Upstream::new(upstream, vars)).transpose();
        let details = file.details.as_ref().map(|text| Matcher::new(text, vars)).transpose();
        let client = Message::new(&file.headers, file.body.as_ref(), &file.trailers, vars)?;
        if file.no_response && (file.status.is_some() || !client.is_empty()) {
            let problem = "the client gets none, so nothing else can be expected of it";
            return Err(ConfigError::at("no_response", problem));
        }
        Ok(Self {
            status: file.status.as_ref().map(|text| status(text, vars)).transpose()?,
            no_response: file.no_response,
            details: details.map_err(|error| error.under("details"))?,
            client,
            upstream: upstream.map_err(|error| error.under("upstream"))?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.status.is_none()
            && !self.no_response
            && self.details.is_none()
            && self.client.is_empty()
            && self.upstream.is_none()
    }

    pub(crate) fn check(&self, exchange: &Exchange, found: &mut Vec<Mismatch>) {
        let client = exchange.client.as_ref();
        let status = client.map(|response| response.status);
        if let Some(expected) = self.status.filter(|expected| status != Some(*expected)) {
            let is = status.map_or_else(|| "no response".to_owned(), |is| is.to_string());
            found.push(Mismatch::new("status", expected, is));
        }
        if let Some(status) = status.filter(|_| self.no_response) {
            found.push(Mismatch::new("response", "none", format!("one with status {status}")));
        }
        if let Some(details) = &self.details {
            details.check("details", exchange.details.as_deref().map(str::as_bytes), found);
        }
        if let Some(response) = client {
            self.client.check("", &response.headers, &response.body, response.trailers.as_ref(), found);
        } else if !self.client.is_empty() {
            found.push(Mismatch::new("response", "one with headers or a body", "none"));
        }
        if let Some(upstream) = &self.upstream {
            upstream.check(exchange, found);
        }
    }
}

impl Upstream {
    fn new(file: &UpstreamExpectation, vars: &Vars) -> Result<Self, ConfigError> {
        let called = file.called.unwrap_or(true);
        let message = Message::new(&file.headers, file.body.as_ref(), &file.trailers, vars)?;
        if !called && !message.is_empty() {
            let problem = "false, so nothing else can be expected of the upstream";
            return Err(ConfigError::at("called", problem));
        }
        Ok(Self { called, message })
    }

    fn check(&self, exchange: &Exchange, found: &mut Vec<Mismatch>) {
        match (&exchange.upstream, self.called) {
            (Some(request), true) => {
                let trailers = request.trailers.as_ref();
                self.message.check("upstream ", &request.headers, &request.body, trailers, found);
            }
            (None, false) => {}
            (Some(_), false) => found.push(Mismatch::new("upstream", "not called", "called")),
            (None, true) => found.push(Mismatch::new("upstream", "called", "not called")),
        }
    }
}

impl TcpExpected {
    pub(crate) fn new(file: &Expectation, vars: &Vars) -> Result<Self, ConfigError> {
        let matcher = |key: &str, text: &Option<TextExpectation>| {
            let matcher = text.as_ref().map(|text| Matcher::new(text, vars)).transpose();
            matcher.map_err(|error| error.under(key))
        };
        Ok(Self {
            to_upstream: matcher("to_upstream", &file.to_upstream)?,
            to_client: matcher("to_client", &file.to_client)?,
            closed_by_proxy: file.closed_by_proxy,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.to_upstream.is_none() && self.to_client.is_none() && self.closed_by_proxy.is_none()
    }

    pub(crate) fn check(&self, exchange: &TcpExchange, found: &mut Vec<Mismatch>) {
        if let Some(matcher) = &self.to_upstream {
            matcher.check("to the upstream", Some(&exchange.to_upstream), found);
        }
        if let Some(matcher) = &self.to_client {
            matcher.check("to the client", Some(&exchange.to_client), found);
        }
        let by = |proxy| if proxy { "closed by the proxy" } else { "not closed by the proxy" };
        if let Some(expected) = self.closed_by_proxy.filter(|expected| *expected != exchange.closed_by_proxy)
        {
            found.push(Mismatch::new("connection", by(expected), by(exchange.closed_by_proxy)));
        }
    }
}

impl Message {
    pub(super) fn new(
        headers: &BTreeMap<String, TextExpectation>,
        body: Option<&TextExpectation>,
        trailers: &BTreeMap<String, TextExpectation>,
        vars: &Vars,
    ) -> Result<Self, ConfigError> {
        let fields = |key: &str, fields: &BTreeMap<String, TextExpectation>| {
            let checked = fields.iter().map(|(name, text)| {
                let matcher =
                    Matcher::new(text, vars).map_err(|error| error.under(&format!("{key}.{name}")))?;
                Ok((name.to_ascii_lowercase(), matcher))
            });
            checked.collect::<Result<_, ConfigError>>()
        };
        let body =
            body.map(|text| Matcher::new(text, vars)).transpose().map_err(|error| error.under("body"))?;
        Ok(Self { headers: fields("headers", headers)?, body, trailers: fields("trailers", trailers)? })
    }

    fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.body.is_none() && self.trailers.is_empty()
    }

    pub(super) fn check(
        &self,
        whose: &str,
        headers: &HeaderList,
        body: &[Vec<u8>],
        trailers: Option<&HeaderList>,
        found: &mut Vec<Mismatch>,
    ) {
        for (name, matcher) in &self.headers {
            matcher.check(&format!("{whose}header {name}"), joined(headers, name).as_deref(), found);
        }
        if let Some(matcher) = &self.body {
            let body = (!body.is_empty()).then(|| body.concat());
            matcher.check(&format!("{whose}body"), body.as_deref(), found);
        }
        for (name, matcher) in &self.trailers {
            let value = trailers.and_then(|trailers| joined(trailers, name));
            matcher.check(&format!("{whose}trailer {name}"), value.as_deref(), found);
        }
    }
}

fn status(file: &StatusExpectation, vars: &Vars) -> Result<u16, ConfigError> {
    let at = |problem| ConfigError::at("status", problem);
    let text = match file {
        StatusExpectation::Is(status) => return Ok(*status),
        StatusExpectation::Variable(text) => vars.text(text).map_err(at)?,
    };
    text.parse().map_err(|_| at(format!("{text:?}; write a number from 0 to 65535")))
}

/// All values of a header, as one.
fn joined(headers: &HeaderList, name: &str) -> Option<Vec<u8>> {
    let values: Vec<_> = headers
        .iter()
        .filter(|(field, _)| field == name.as_bytes())
        .map(|(_, value)| value.as_slice())
        .collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}
