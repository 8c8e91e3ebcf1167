//! Revocation: the list of tokens that are refused although they are signed and have not expired.
//!
//! A token is known by what its issuer signed, never by its own text: whoever holds a token signed with ECDSA can write a second valid
//! signature under it.

use hashbrown::{HashMap, HashSet};
use portcullis_kit::ConfigError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::exact::Exact;

const MAX_ENTRIES: usize = 100_000;
/// The last second of the year 9999.
const MAX_DATE: u64 = 253_402_300_799;

/// The claims in which issuers name the client: RFC 9068 section 2.2, OpenID Connect Core section 2, and what some write instead.
const CLIENT: [&str; 4] = ["client_id", "azp", "appid", "cid"];

/// Tokens that are refused, in the configuration or in a fetched document; what any member names is refused.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationList {
    /// Tokens, by `jti`.
    #[serde(default)]
    pub jti: Vec<String>,
    /// Subjects, by `sub`.
    #[serde(default)]
    pub sub: Vec<String>,
    /// Keys, by `kid`, whether a token names its key or not. A token of a key without a name is refused then too.
    #[serde(default)]
    pub kid: Vec<String>,
    /// Clients, by `client_id`, `azp`, `appid` or `cid`.
    #[serde(default)]
    pub client: Vec<String>,
    /// Subjects and clients whose tokens are refused that were issued before a time.
    #[serde(default)]
    pub issued_before: Vec<IssuedBefore>,
    /// Every token with an earlier `iat`, or none, is refused: seconds since 1970.
    pub before: Option<u64>,
}

/// A subject or a client whose older tokens are refused.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuedBefore {
    /// The subject: write this or `client`.
    pub sub: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// Its tokens with an earlier `iat`, or none, are refused: seconds since 1970.
    pub before: u64,
}

/// A validated [`RevocationList`].
#[derive(Debug, Default)]
pub struct Revoked {
    tokens: HashSet<Box<str>>,
    keys: HashSet<Box<str>>,
    subjects: HashMap<Box<str>, Since>,
    clients: HashMap<Box<str>, Since>,
    before: Option<u64>,
}

/// From which second on the tokens of somebody are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Since {
    Second(u64),
    Never,
}

impl TryFrom<RevocationList> for Revoked {
    type Error = ConfigError;

    fn try_from(list: RevocationList) -> Result<Self, ConfigError> {
        let lists = [&list.jti, &list.sub, &list.kid, &list.client].map(Vec::len);
        let entries = lists.into_iter().sum::<usize>().saturating_add(list.issued_before.len());
        if entries > MAX_ENTRIES {
            return Err(ConfigError::at("", format!("{entries} entries; at most {MAX_ENTRIES}")));
        }
        let never = |names: Vec<String>| names.into_iter().map(|name| (name.into(), Since::Never)).collect();
        let mut revoked = Self {
            tokens: list.jti.into_iter().map(Into::into).collect(),
            keys: list.kid.into_iter().map(Into::into).collect(),
            subjects: never(list.sub),
            clients: never(list.client),
            before: list.before.map(|before| date(before, "before")).transpose()?,
        };
        for (index, entry) in list.issued_before.into_iter().enumerate() {
            revoked.add(entry).map_err(|error| error.under(&format!("issued_before[{index}]")))?;
        }
        Ok(revoked)
    }
}

/// Refuses milliseconds: they would revoke everything for ages.
fn date(seconds: u64, member: &str) -> Result<u64, ConfigError> {
    match seconds <= MAX_DATE {
        true => Ok(seconds),
        false => {
            Err(ConfigError::at(member, format!("{seconds} is past the year 9999; write seconds since 1970")))
        }
    }
}

impl Revoked {
    /// Reads a fetched document: a [`RevocationList`] in JSON.
    ///
    /// # Errors
    /// What is wrong with it and where, and no name that it holds.
    pub fn from_document(document: &[u8]) -> Result<Self, String> {
        // An empty array would be read as an object without members.
        if document.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err("the revocation list is no JSON object".into());
        }
        let list: RevocationList = serde_json::from_slice(document).map_err(|error| {
            let what = match error.classify() {
                Category::Data => "has unknown or repeated members or wrong types",
                Category::Eof => "ends too early",
                Category::Io | Category::Syntax => "is not JSON",
            };
            format!("the revocation list {what}, at line {} column {}", error.line(), error.column())
        })?;
        list.try_into().map_err(|error: ConfigError| format!("the revocation list: {error}"))
    }

    /// Whether a token is refused: one with this payload, and with this `kid` in its header.
    ///
    /// Under a list by `jti`, `sub` or client, a token that says nothing of the kind is not meant. What has the wrong type to be
    /// looked up is refused, as is a token without `iat` where its age counts.
    pub fn refuses(&self, kid: Option<&str>, payload: &Map<String, Value>) -> bool {
        let issued = payload.get("iat").and_then(Value::as_number).and_then(Exact::new);
        let refused = |names: &HashMap<Box<str>, Since>, members: &[&str]| {
            let is_old = |name: &str| names.get(name).is_some_and(|since| since.is_after(issued));
            !names.is_empty() && any_text(payload, members, is_old)
        };
        self.before.is_some_and(|before| Since::Second(before).is_after(issued))
            || (!self.keys.is_empty() && kid.is_none_or(|kid| self.keys.contains(kid)))
            || (!self.tokens.is_empty() && any_text(payload, &["jti"], |id| self.tokens.contains(id)))
            || refused(&self.subjects, &["sub"])
            || refused(&self.clients, &CLIENT)
    }

    fn add(&mut self, entry: IssuedBefore) -> Result<(), ConfigError> {
        let (names, name) = match (entry.sub, entry.client) {
            (Some(sub), None) => (&mut self.subjects, sub),
            (None, Some(client)) => (&mut self.clients, client),
            _ => {
                let problem = "not one of sub and client; name one, or use before for all tokens";
                return Err(ConfigError::at("", problem));
            }
        };
        let since = Since::Second(date(entry.before, "before")?);
        let known = names.entry(name.into()).or_insert(since);
        *known = since.max(*known);
        Ok(())
    }
}

impl Since {
    fn is_after(self, issued: Option<Exact>) -> bool {
        match self {
            Self::Second(second) => issued.is_none_or(|issued| issued < Exact::from(second)),
            Self::Never => true,
        }
    }
}

/// Whether any of these members is a text for which this holds, or no text at all.
fn any_text(payload: &Map<String, Value>, members: &[&str], holds: impl Fn(&str) -> bool) -> bool {
    let mut present = members.iter().filter_map(|member| payload.get(*member));
    present.any(|value| value.as_str().is_none_or(&holds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use serde_json::json;

    fn revoked(list: Value) -> Revoked {
        Revoked::from_document(list.to_string().as_bytes()).unwrap()
    }

    fn refuses(list: Value, kid: Option<&str>, payload: Value) -> bool {
        revoked(list).refuses(kid, payload.as_object().unwrap())
    }

    #[test]
    fn an_empty_list_refuses_nothing() {
        for payload in [json!({}), json!({"jti": "a", "sub": 1, "client_id": [], "iat": "x"})] {
            assert!(!refuses(json!({}), None, payload.clone()), "{payload}");
            assert!(!Revoked::default().refuses(None, payload.as_object().unwrap()));
        }
    }

    #[test]
    fn tokens_subjects_and_clients_are_refused_by_name() {
        for (list, refused, other) in [
            (json!({"jti": ["a"]}), json!({"jti": "a"}), json!({"jti": "A"})),
            (json!({"sub": ["a"]}), json!({"sub": "a"}), json!({"sub": "b", "jti": "a"})),
            (json!({"client": ["a"]}), json!({"client_id": "a"}), json!({"client_id": "b", "sub": "a"})),
            (json!({"client": ["a"]}), json!({"client_id": "b", "azp": "a"}), json!({"azp": "b"})),
            (json!({"client": ["a"]}), json!({"appid": "a"}), json!({"appid": "b"})),
            (json!({"client": ["a"]}), json!({"cid": "a"}), json!({"cid": "b"})),
        ] {
            assert!(refuses(list.clone(), None, refused.clone()), "{list} {refused}");
            assert!(!refuses(list.clone(), None, other.clone()), "{list} {other}");
            assert!(!refuses(list.clone(), None, json!({})), "{list}");
        }
        assert!(refuses(json!({"client": ["a"]}), None, json!({"azp": ["a"]})));
        assert!(refuses(json!({"jti": ["a"]}), None, json!({"jti": 1})));
    }

    #[test]
    fn a_token_that_hides_its_key_is_refused_with_the_key() {
        let list = json!({"kid": ["old"]});
        assert!(refuses(list.clone(), Some("old"), json!({})));
        assert!(refuses(list.clone(), None, json!({})));
        assert!(!refuses(list, Some("new"), json!({})));
    }

    #[test]
    fn age_is_compared_to_the_fraction_and_no_age_is_too_old() {
        for list in [
            json!({"before": 1000}),
            json!({"issued_before": [{"sub": "a", "before": 1000}]}),
            json!({"issued_before": [{"client": "c", "before": 10}, {"client": "c", "before": 1000}]}),
            json!({"issued_before": [{"sub": "a", "before": 1000}, {"sub": "a", "before": 10}]}),
        ] {
            let at = |iat: Value| {
                let mut payload = json!({"sub": "a", "client_id": "c", "iat": iat});
                payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                refuses(list.clone(), None, payload)
            };
            for old in [json!(999), json!(999.999), json!(0), json!(null), json!("1000"), json!(1e300)] {
                assert!(at(old.clone()), "{list} {old}");
            }
            for young in [json!(1000), json!(1000.0), json!(1000.5), json!(u64::MAX)] {
                assert!(!at(young.clone()), "{list} {young}");
            }
        }
        let somebody = json!({"issued_before": [{"sub": "a", "before": 1000}]});
        assert!(!refuses(somebody.clone(), None, json!({"sub": "b", "iat": 1})));
        assert!(!refuses(somebody, None, json!({"sub": "b"})));
        let never = json!({"issued_before": [{"sub": "a", "before": 1}], "sub": ["a"]});
        assert!(refuses(never, None, json!({"sub": "a", "iat": 1000})));
    }

    #[test]
    fn a_document_is_strict_and_its_errors_say_nothing_of_it() {
        for (document, problem) in [
            ("", "ends too early, at line 1 column 0"),
            ("{", "ends too early"),
            ("secret", "is no JSON object"),
            ("{} x", "is not JSON"),
            ("{secret}", "is not JSON"),
            ("<html>secret", "is no JSON object"),
            ("null", "is no JSON object"),
            (" []", "is no JSON object"),
            (r#"{"secret": []}"#, "unknown or repeated members"),
            (r#"{"jti": "secret"}"#, "wrong types"),
            (r#"{"jti": ["secret", 1]}"#, "wrong types"),
            (r#"{"jti": [], "jti": ["secret"]}"#, "unknown or repeated members"),
            (r#"{"before": -1}"#, "wrong types"),
            (r#"{"before": 1767229200000}"#, "before: 1767229200000 is past the year 9999"),
            (r#"{"issued_before": [{"sub": "secret"}]}"#, "wrong types"),
            (r#"{"issued_before": [{"before": 1}]}"#, "issued_before[0]: not one of sub and client"),
            (
                r#"{"issued_before": [{"sub": "secret", "client": "secret", "before": 1}]}"#,
                "issued_before[0]: not one of sub and client",
            ),
            (
                r#"{"issued_before": [{"sub": "secret", "before": 1, "before": 2}]}"#,
                "unknown or repeated members",
            ),
        ] {
            let error = Revoked::from_document(document.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{document}: {error}");
            assert!(error.starts_with("the revocation list") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn entries_are_counted() {
        let list = |count: usize| RevocationList {
            jti: vec![String::new(); count],
            sub: vec!["a".to_owned()],
            ..RevocationList::default()
        };
        assert!(Revoked::try_from(list(MAX_ENTRIES - 1)).is_ok());
        let error = Revoked::try_from(list(MAX_ENTRIES)).unwrap_err();
        assert_eq!(error.problem, "100001 entries; at most 100000");
    }

    proptest! {
        #[test]
        fn a_longer_list_refuses_no_less(
            names in proptest::collection::vec("[a-c]", 0..4), more in "[a-c]", before in 0..4_u64,
            member in 0..5_usize, iat in 0..4_u64, value in "[a-c]",
        ) {
            let payload = json!({"jti": value, "sub": value, "azp": value, "iat": iat});
            let payload = payload.as_object().unwrap();
            let mut list = RevocationList { jti: names.clone(), sub: names, ..Default::default() };
            let shorter = Revoked::try_from(list.clone()).unwrap().refuses(Some("k"), payload);
            prop_assert_eq!(shorter, list.jti.contains(&value));
            match member {
                0 => list.jti.push(more),
                1 => list.sub.push(more),
                2 => list.client.push(more),
                3 => list.before = Some(before),
                _ => list.issued_before.push(IssuedBefore { sub: Some(more), client: None, before }),
            }
            let longer = Revoked::try_from(list).unwrap().refuses(Some("k"), payload);
            prop_assert!(longer || !shorter);
        }
    }
}
