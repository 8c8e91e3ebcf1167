//! Who a request is from: what jwt-auth has verified of a token. Headers say nothing here.

use portcullis_audit_chain::canonical;
use portcullis_kit::json::parse_strict;
use serde_json::{Map, Value};

use crate::attributes::Attributes;
use crate::config::IdentityConfig;

/// The longest value of a claim; a longer one is left out, since half of it would name somebody else.
const LONGEST: usize = 512;

/// How long further claims are together, at most.
const LONGEST_CLAIMS: usize = 4 << 10;

/// Where to look for it, as configured.
#[derive(Debug)]
pub(crate) struct IdentityPolicy {
    /// How many filter states there are that may hold a payload; in the list of attributes they are the first.
    payloads: usize,
    subject: Vec<String>,
    tenant: Option<Vec<String>>,
    client: Option<Vec<String>>,
    session: Vec<String>,
    claims: Vec<Vec<String>>,
}

/// Who it is.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) session: Option<String>,
    /// Further claims, by their paths joined with dots.
    pub(crate) claims: Vec<(String, Value)>,
}

impl IdentityPolicy {
    pub(crate) fn new(config: &IdentityConfig) -> Self {
        let IdentityConfig { tokens, subject, tenant, client, session, claims, .. } = config.clone();
        // They stand in the record in the order of their names.
        let mut claims = claims;
        claims.sort_by(|a, b| canonical::order(&a.join("."), &b.join(".")));
        Self { payloads: tokens.len(), subject, tenant, client, session, claims }
    }

    /// Who a request is from; `None` where no token was verified.
    pub(crate) fn find(&self, attributes: &Attributes) -> Option<Identity> {
        let payload =
            (0..self.payloads).map(|index| attributes.state(index)).find(|bytes| !bytes.is_empty())?;
        let Value::Object(claims) = parse_strict(payload).ok()? else { return None };
        let at = |path: &[String]| find(&claims, path).and_then(text);
        let single = |name: &str| claims.get(name).and_then(text);
        Some(Identity {
            subject: at(&self.subject),
            issuer: single("iss"),
            tenant: self.tenant.as_deref().and_then(at),
            client: match &self.client {
                Some(path) => at(path),
                None => single("azp").or_else(|| single("client_id")),
            },
            session: at(&self.session),
            claims: self.further(&claims),
        })
    }

    /// The further claims, as many as there is room for.
    fn further(&self, claims: &Map<String, Value>) -> Vec<(String, Value)> {
        let mut room = LONGEST_CLAIMS;
        let found = self.claims.iter().filter_map(|path| claim(claims, path));
        let fits = |(path, _, length): &(String, Value, usize)| {
            let has_room = room.checked_sub(path.len() + length);
            room = has_room.unwrap_or(room);
            has_room.is_some()
        };
        found.filter(fits).map(|(path, value, _)| (path, value)).collect()
    }
}

fn find<'a>(claims: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}

fn claim(claims: &Map<String, Value>, path: &[String]) -> Option<(String, Value, usize)> {
    let value = find(claims, path)?;
    let length = serde_json::to_vec(value).ok()?.len();
    (length <= LONGEST).then(|| (path.join("."), value.clone(), length))
}
