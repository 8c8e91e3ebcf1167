//! Authorization by claims: what a token must say, beyond being signed, for a request to pass.
//!
//! Every test holds, fails, or has no answer, and only what holds opens the door. A claim that is missing or null, or that has
//! another type than the test compares with, is no answer; `exists` alone has one for a claim that is missing. `not` of no answer is
//! none; `all` and `any` are Kleene's. So a token that leaves a claim out, or has it in another form, passes only where it would pass
//! whatever that claim said. Who means "not banned, or nothing said about it" writes so: `any: [{claim: {name: banned, exists:
//! false}}, {not: {claim: {name: banned, equals: true}}}]`.

mod claim_test;
mod config;
#[cfg(test)]
mod laws;
mod request;
mod verdict;
mod words;

use claim_test::ClaimTest;
pub use config::{
    CertificateAttribute, ClaimTestConfig, ConditionConfig, OneOrMany, RequestValueConfig, Scalar,
};
use portcullis_kit::rules::Ambiguous;
use portcullis_kit::{ConfigError, Headers, Properties};
use request::{Request, RequestValue};
use serde_json::{Map, Value};
use verdict::Verdict;

const MAX_DEPTH: usize = 8;
const MAX_TESTS: usize = 256;

/// A validated [`ConditionConfig`].
#[derive(Debug)]
pub struct Condition {
    root: Node,
    by_path: bool,
    by_host: bool,
}

/// Why a request does not pass, in nothing that its token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A condition decides by the path or the host, and the request's can be read in two ways.
    Ambiguous(Ambiguous),
    /// The condition does not hold.
    Unmet {
        /// The scopes with which it would, separated by spaces (RFC 6750 section 3), where nothing but scopes is missing.
        scope: Option<String>,
    },
}

#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Scope(Vec<String>),
    Claim(ClaimTest),
}

impl TryFrom<ConditionConfig> for Condition {
    type Error = ConfigError;

    fn try_from(config: ConditionConfig) -> Result<Self, ConfigError> {
        let root = Node::new(config, MAX_DEPTH)?;
        let size = root.size();
        if size > MAX_TESTS {
            let problem =
                format!("{size} tests; at most {MAX_TESTS}, where each value of a list counts as one");
            return Err(ConfigError::at("", problem));
        }
        let is = |kind: fn(&RequestValue) -> bool| root.any_request_value(kind);
        let (by_path, by_host) = (is(RequestValue::is_by_path), is(RequestValue::is_by_host));
        Ok(Self { root, by_path, by_host })
    }
}

impl Condition {
    /// Whether a request with a verified token of this payload may pass.
    ///
    /// The headers are those that the client has sent.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(
        &self,
        payload: &Map<String, Value>,
        headers: &Headers,
        properties: &mut dyn Properties,
    ) -> Result<(), Refusal> {
        let mut request =
            Request::new(headers, properties, (self.by_path, self.by_host)).map_err(Refusal::Ambiguous)?;
        match self.root.verdict(payload, &mut request) {
            Verdict::Holds => Ok(()),
            Verdict::Fails | Verdict::Unknown => {
                Err(Refusal::Unmet { scope: self.root.scope_needed(payload, &mut request) })
            }
        }
    }
}

impl Node {
    fn new(config: ConditionConfig, depth: usize) -> Result<Self, ConfigError> {
        let Some(depth) = depth.checked_sub(1) else {
            let problem = format!("nested deeper than {MAX_DEPTH}; put what is nested into one list");
            return Err(ConfigError::at("", problem));
        };
        match config {
            ConditionConfig::All(list) => Self::list(list, "all", depth).map(Self::All),
            ConditionConfig::Any(list) => Self::list(list, "any", depth).map(Self::Any),
            ConditionConfig::Not(inner) => {
                let inner = Self::new(*inner, depth).map_err(|error| error.under("not"))?;
                Ok(Self::Not(Box::new(inner)))
            }
            ConditionConfig::Scope(scopes) => {
                let remedy = "write scopes without spaces, as in orders:write";
                let scopes = words::checked(scopes.into(), words::is_scope, remedy);
                scopes.map(Self::Scope).map_err(|error| error.under("scope"))
            }
            ConditionConfig::Claim(test) => {
                (*test).try_into().map(Self::Claim).map_err(|error: ConfigError| error.under("claim"))
            }
        }
    }

    fn list(list: Vec<ConditionConfig>, member: &str, depth: usize) -> Result<Vec<Self>, ConfigError> {
        if list.is_empty() {
            return Err(ConfigError::at(member, "empty; write at least one condition"));
        }
        let nodes = list.into_iter().enumerate().map(|(index, config)| {
            Self::new(config, depth).map_err(|error| error.under(&format!("{member}[{index}]")))
        });
        nodes.collect()
    }

    fn size(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(Self::size).sum(),
            Self::Not(node) => node.size(),
            Self::Scope(scopes) => scopes.len(),
            Self::Claim(test) => test.size(),
        }
    }

    fn any_request_value(&self, kind: fn(&RequestValue) -> bool) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.any_request_value(kind)),
            Self::Not(node) => node.any_request_value(kind),
            Self::Scope(_) => false,
            Self::Claim(test) => test.request_value().is_some_and(kind),
        }
    }

    fn verdict(&self, payload: &Map<String, Value>, request: &mut Request<'_>) -> Verdict {
        match self {
            Self::All(nodes) => Verdict::all(nodes.iter().map(|node| node.verdict(payload, request))),
            Self::Any(nodes) => Verdict::any(nodes.iter().map(|node| node.verdict(payload, request))),
            Self::Not(node) => !node.verdict(payload, request),
            Self::Scope(wanted) => words::scopes(payload).map_or(Verdict::Unknown, |granted| {
                wanted.iter().all(|scope| granted.contains(&scope.as_str())).into()
            }),
            Self::Claim(test) => test.verdict(payload, request),
        }
    }

    /// The scopes with which an unmet condition would hold, those included that the token has: who asks for a new one needs
    /// them again.
    fn scope_needed(&self, payload: &Map<String, Value>, request: &mut Request<'_>) -> Option<String> {
        let mut scopes = Vec::new();
        for scope in self.scopes_needed(payload, request)? {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }

    /// `None` where scopes are not enough.
    fn scopes_needed(&self, payload: &Map<String, Value>, request: &mut Request<'_>) -> Option<Vec<&str>> {
        match self {
            Self::Scope(scopes) => Some(scopes.iter().map(String::as_str).collect()),
            Self::All(nodes) => {
                let each = nodes.iter().map(|node| node.scopes_needed(payload, request));
                Some(each.collect::<Option<Vec<_>>>()?.concat())
            }
            Self::Any(nodes) => {
                let met = nodes.iter().find(|node| node.verdict(payload, request) == Verdict::Holds);
                match met {
                    Some(met) => met.scopes_needed(payload, request),
                    None => nodes.iter().find_map(|node| node.scopes_needed(payload, request)),
                }
            }
            Self::Not(_) | Self::Claim(_) => {
                (self.verdict(payload, request) == Verdict::Holds).then(Vec::new)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use serde_json::json;

    use super::*;

    fn condition(config: Value) -> Result<Condition, ConfigError> {
        serde_json::from_value::<ConditionConfig>(config).unwrap().try_into()
    }

    fn check(config: Value, payload: Value) -> Result<(), Refusal> {
        let headers = Headers::default();
        condition(config).unwrap().check(payload.as_object().unwrap(), &headers, &mut TestHost::default())
    }

    fn needs(config: Value, payload: Value) -> Option<String> {
        match check(config, payload).unwrap_err() {
            Refusal::Unmet { scope } => scope,
            Refusal::Ambiguous(_) => panic!("nothing is ambiguous here"),
        }
    }

    #[test]
    fn scopes_are_named_where_nothing_else_is_missing() {
        let gold = json!({"claim": {"name": "tier", "equals": "gold"}});
        let both = json!({"all": [{"scope": "read"}, {"scope": ["write", "read"]}, gold]});
        assert_eq!(check(both.clone(), json!({"scope": "write read", "tier": "gold"})), Ok(()));
        let scope = needs(both.clone(), json!({"scope": "read", "tier": "gold"}));
        assert_eq!(scope.as_deref(), Some("read write"));
        assert_eq!(needs(both, json!({"scope": "read"})), None);
        let either = json!({"any": [gold, {"scope": "admin"}, {"scope": "root"}]});
        assert_eq!(needs(either, json!({})).as_deref(), Some("admin"));
        // A new token needs the scopes again that this one has.
        let held = json!({"all": [{"any": [gold, {"scope": "read"}]}, {"scope": "write"}]});
        assert_eq!(needs(held.clone(), json!({"scope": "read"})).as_deref(), Some("read write"));
        assert_eq!(needs(held, json!({"tier": "gold"})).as_deref(), Some("write"));
        assert_eq!(needs(json!({"not": {"scope": "admin"}}), json!({"scope": "admin"})), None);
    }

    #[test]
    fn not_opens_nothing_to_who_leaves_a_claim_out() {
        let banned = json!({"claim": {"name": "banned", "equals": true}});
        let missing = json!({"claim": {"name": "banned", "exists": false}});
        let not = json!({"not": banned});
        assert_eq!(check(not.clone(), json!({"banned": false})), Ok(()));
        for payload in
            [json!({}), json!({"banned": true}), json!({"banned": "true"}), json!({"banned": null})]
        {
            assert!(check(not.clone(), payload.clone()).is_err(), "{payload}");
        }
        assert_eq!(check(json!({"any": [missing, not]}), json!({})), Ok(()));
        assert!(check(json!({"not": {"scope": "guest"}}), json!({})).is_err());
        assert_eq!(check(json!({"not": {"scope": "guest"}}), json!({"scope": ""})), Ok(()));
    }

    #[test]
    fn what_can_be_written_is_bounded() {
        let nested = |depth: usize| (1..depth).fold(json!({"scope": "a"}), |inner, _| json!({"not": inner}));
        assert!(condition(nested(MAX_DEPTH)).is_ok());
        let error = condition(nested(MAX_DEPTH + 1)).unwrap_err();
        assert!(error.path.ends_with("not.not") && error.problem.contains("deeper than 8"), "{error}");
        let values = |count: usize| json!({"claim": {"name": "a", "in": vec!["x"; count]}});
        assert!(condition(values(MAX_TESTS)).is_ok());
        let error = condition(json!({"any": [values(MAX_TESTS), {"scope": "a"}]})).unwrap_err();
        assert!(error.problem.starts_with("257 tests; at most 256"), "{error}");
    }

    #[test]
    fn mistakes_have_a_path_and_a_remedy() {
        for (config, problem) in [
            (json!({"all": []}), "all: empty; "),
            (json!({"all": [{"any": [{"scope": "a"}, {"any": []}]}]}), "all[0].any[1].any: empty; "),
            (json!({"not": {"scope": "a b"}}), "not.scope: \"a b\"; write scopes without spaces"),
            (json!({"scope": ["a", "b\"c"]}), "scope: \"b\\\"c\"; "),
            (json!({"scope": []}), "scope: empty; "),
            (json!({"any": [{"claim": {"name": "a"}}]}), "any[0].claim: no test; "),
        ] {
            let error = condition(config.clone()).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{config}: {error}");
        }
    }

    #[test]
    fn the_wire_form_is_strict() {
        for config in [
            json!({"all": [], "any": []}),
            json!({"every": []}),
            json!({"claim": {"name": "a", "equal": 1}}),
            json!({"claim": {"name": "a", "equals": ["a"]}}),
            json!({"scope": 1}),
            json!({"claim": {"name": "a", "equals_request": {"query": "x"}}}),
        ] {
            assert!(serde_json::from_value::<ConditionConfig>(config.clone()).is_err(), "{config}");
        }
    }
}
