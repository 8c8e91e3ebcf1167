//! What requests are called by which an API is used.

use portcullis_kit::rules::{Matcher, Rules, is_grpc};
use portcullis_kit::{ConfigError, Headers, Properties};

use crate::config::{Activity, OperationConfig};

/// The names of operations.
#[derive(Debug)]
pub(crate) struct Operations(Rules<Option<(String, Option<Activity>)>>);

/// What a request does, as its API calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation<'a> {
    /// `shop.v1.Orders/List`, or what is configured.
    pub(crate) name: &'a str,
    /// The gRPC service; empty for others.
    pub(crate) service: &'a str,
    pub(crate) activity: Activity,
}

impl Operations {
    pub(super) fn new(config: Vec<OperationConfig>) -> Result<Self, ConfigError> {
        let rules = config.into_iter().enumerate().map(|(index, operation)| {
            let at = |error: ConfigError| error.under(&format!("operations[{index}]"));
            let matcher = Matcher::try_from(operation.when).map_err(|error| at(error.under("when")))?;
            match operation.name.is_empty() || operation.name.len() > 256 {
                true => {
                    Err(at(ConfigError::at("name", "write a name of up to 256 bytes, as in orders.cancel")))
                }
                false => Ok((matcher, Some((operation.name, operation.activity)))),
            }
        });
        Ok(Self(Rules::new(rules.collect::<Result<_, _>>()?, None)))
    }

    /// What a request is called, if it is called anything.
    pub(crate) fn of<'a>(&'a self, request: &'a Headers, host: &mut dyn Properties) -> Option<Operation<'a>> {
        let configured = self.0.select(request, host).ok().and_then(Option::as_ref);
        let method = request.first(":method").unwrap_or_default();
        if let Some((name, activity)) = configured {
            return Some(Operation {
                name,
                service: "",
                activity: activity.unwrap_or_else(|| of_method(method)),
            });
        }
        if !is_grpc(request) {
            return None;
        }
        let path = std::str::from_utf8(request.only(":path")?).ok()?;
        let name = path.strip_prefix('/')?.split('?').next()?;
        let (service, method) = name.split_once('/')?;
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        };
        let is_method = name.len() <= 256 && is_name(service) && is_name(method);
        is_method.then_some(Operation { name, service, activity: Activity::Other })
    }
}

fn of_method(method: &[u8]) -> Activity {
    match method {
        b"GET" | b"HEAD" | b"OPTIONS" => Activity::Read,
        b"POST" => Activity::Create,
        b"PUT" | b"PATCH" => Activity::Update,
        b"DELETE" => Activity::Delete,
        _ => Activity::Other,
    }
}
