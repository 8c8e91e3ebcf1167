//! The file of limits, in the form that Limitador reads.
//!
//! Of its expressions, these are understood: `descriptors[0].KEY` or `descriptors[0]['KEY']` as a variable, and that with `==` or
//! `!=` and a quoted text as a condition. Every descriptor is asked for on its own, so it is always `descriptors[0]`.

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use serde::Deserialize;

/// Every limit.
pub(crate) struct Limits(Vec<Limit>);

/// How often something may happen in a window, for each combination of its variables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    namespace: String,
    #[serde(default)]
    name: String,
    max_value: u32,
    seconds: u32,
    conditions: Vec<Condition>,
    variables: Vec<Variable>,
}

/// Where a limit counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counter {
    /// Its name in Redis.
    pub(crate) key: String,
    /// What the limit is called.
    pub(crate) name: String,
    /// How many are within the limit.
    pub(crate) max: u32,
    /// The length of the window.
    pub(crate) seconds: u32,
    /// How many more there are now.
    pub(crate) hits: i64,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Condition {
    key: String,
    value: String,
    equal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Variable {
    key: String,
}

impl Limits {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let limits: Vec<Limit> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        match limits.iter().find(|limit| limit.seconds == 0) {
            Some(limit) => Err(format!("a limit of {} has a window of 0 seconds", limit.namespace)),
            None => Ok(Self(limits)),
        }
    }

    /// The counters of a descriptor.
    pub(crate) fn counters(&self, domain: &str, entries: &[Entry], hits: i64) -> Vec<Counter> {
        let limits = self.0.iter().filter(|limit| limit.namespace == domain);
        limits.filter_map(|limit| limit.counter(entries, hits)).collect()
    }
}

impl Limit {
    fn counter(&self, entries: &[Entry], hits: i64) -> Option<Counter> {
        let holds = |c: &Condition| value(entries, &c.key).is_some_and(|found| (found == c.value) == c.equal);
        if !self.conditions.iter().all(holds) {
            return None;
        }
        let values: Option<Vec<&str>> = self.variables.iter().map(|v| value(entries, &v.key)).collect();
        let identity = (&self.namespace, self.seconds, &self.conditions, &self.variables, values?);
        Some(Counter {
            key: format!("rls:{identity:?}"),
            name: self.name.clone(),
            max: self.max_value,
            seconds: self.seconds,
            hits,
        })
    }
}

/// The last entry of that key, as in Limitador, which makes a map of the entries.
fn value<'a>(entries: &'a [Entry], key: &str) -> Option<&'a str> {
    entries.iter().rfind(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (key, rest) = member(&text)?;
            let (equal, rest) = match rest.strip_prefix("==") {
                Some(rest) => (true, rest),
                None => (false, rest.strip_prefix("!=")?),
            };
            let (value, rest) = literal(rest)?;
            rest.is_empty().then_some(Self { key, value, equal })
        };
        read()
            .ok_or_else(|| format!("a condition such as descriptors[0].key == 'value' was expected: {text}"))
    }
}

impl TryFrom<String> for Variable {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = member(&text).filter(|(_, rest)| rest.is_empty()).map(|(key, _)| Self { key });
        read.ok_or_else(|| format!("a variable such as descriptors[0].key was expected: {text}"))
    }
}

/// The key that an expression begins with, and what comes after it.
fn member(text: &str) -> Option<(String, &str)> {
    let rest = text.trim_start().strip_prefix("descriptors[0]")?;
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (key, rest) = rest.split_at(end);
        return (!key.is_empty()).then(|| (key.to_owned(), rest.trim()));
    }
    let (key, rest) = literal(rest.strip_prefix('[')?)?;
    Some((key, rest.strip_prefix(']')?.trim()))
}

/// A quoted text without escapes, and what comes after it.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    let (inside, rest) = text[1..].split_once(quote)?;
    (!inside.contains('\\')).then(|| (inside.to_owned(), rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
- namespace: shop
  name: per user
  max_value: 10
  seconds: 60
  conditions: ["descriptors[0].path == '/buy'", "descriptors[0]['plan'] != \"gold\""]
  variables: ["descriptors[0].user"]
"#;

    fn entries(list: &[(&str, &str)]) -> Vec<Entry> {
        list.iter().map(|(key, value)| Entry { key: (*key).into(), value: (*value).into() }).collect()
    }

    #[test]
    fn a_limit_counts_where_its_conditions_hold_and_its_variables_are_known() {
        let limits = Limits::parse(FILE).unwrap();
        let count = |list: &[(&str, &str)]| limits.counters("shop", &entries(list), 1).len();
        assert_eq!(count(&[("path", "/buy"), ("plan", "free"), ("user", "alice")]), 1);
        assert_eq!(count(&[("path", "/buy"), ("plan", "gold"), ("user", "alice")]), 0);
        assert_eq!(count(&[("path", "/buy"), ("user", "alice")]), 0);
        assert_eq!(count(&[("path", "/buy"), ("plan", "free")]), 0);
        assert_eq!(count(&[("path", "/buy"), ("path", "/"), ("plan", "free"), ("user", "alice")]), 0);
        assert!(limits.counters("other", &entries(&[("path", "/buy")]), 1).is_empty());
    }

    #[test]
    fn each_combination_of_variables_has_a_counter_of_its_own() {
        let limits = Limits::parse(FILE).unwrap();
        let key = |user| {
            let entries = entries(&[("path", "/buy"), ("plan", "free"), ("user", user)]);
            limits.counters("shop", &entries, 1).remove(0).key
        };
        assert_ne!(key("alice"), key("bob"));
        assert_ne!(key("a\", \"b"), key("a"));
        assert_eq!(key("alice"), key("alice"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for condition in
            ["true", "descriptors[1].a == 'b'", "descriptors[0].a == b", "descriptors[0].a == 'b' || true"]
        {
            assert!(Condition::try_from(condition.to_owned()).is_err(), "{condition}");
        }
        for variable in ["user", "descriptors[0].", "descriptors[0]['a'] + 'b'", "descriptors[0]['a\\'']"] {
            assert!(Variable::try_from(variable.to_owned()).is_err(), "{variable}");
        }
        assert!(Limits::parse(&FILE.replace("60", "0")).is_err());
        assert!(Limits::parse(&FILE.replace("name:", "nome:")).is_err());
    }
}
