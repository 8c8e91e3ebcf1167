use portcullis_kit::ConfigError;
use serde_json::{Map, Value};

const MAX_NAMES: usize = 16;

/// Where a claim is in the payload: one of its members, or a member of an object in it.
///
/// The dots of a name belong to it: `https://example.com/roles` is one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath {
    first: String,
    below: Vec<String>,
}

/// What is at a [`ClaimPath`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// Nothing.
    Missing,
    /// Something on the way that is no object.
    Obstructed,
    /// A value.
    Value(&'a Value),
}

impl ClaimPath {
    /// Reads the two members that name a claim; `member` is what the first is called where they stand.
    ///
    /// # Errors
    /// Both or neither, an empty name, too long a path.
    pub(crate) fn new(
        member: &str,
        name: Option<String>,
        path: Option<Vec<String>>,
    ) -> Result<Self, ConfigError> {
        let (at, names) = match (name, path) {
            (Some(name), None) => (member, vec![name]),
            (None, Some(path)) => ("path", path),
            _ => {
                let remedy =
                    format!("write {member}: NAME, or path: [OUTER, INNER] for a claim in an object");
                return Err(ConfigError::at("", format!("the claim is not named once; {remedy}")));
            }
        };
        if names.len() > MAX_NAMES {
            return Err(ConfigError::at(at, format!("{} names; at most {MAX_NAMES}", names.len())));
        }
        let mut names = names.into_iter();
        match names.next() {
            Some(first) if !first.is_empty() => Ok(Self { first, below: names.collect() }),
            _ => Err(ConfigError::at(at, "empty; write the name of a claim")),
        }
    }

    /// Looks the claim up.
    pub(crate) fn find<'a>(&self, payload: &'a Map<String, Value>) -> Found<'a> {
        let Some(mut value) = payload.get(&self.first) else { return Found::Missing };
        for name in &self.below {
            let Value::Object(members) = value else { return Found::Obstructed };
            let Some(inner) = members.get(name) else { return Found::Missing };
            value = inner;
        }
        Found::Value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(names: &[&str]) -> Result<ClaimPath, ConfigError> {
        ClaimPath::new("name", None, Some(names.iter().map(|&name| name.to_owned()).collect()))
    }

    #[test]
    fn dots_belong_to_the_name() {
        let payload = json!({"a.b": 1, "a": {"b": 2, "c": null}, "https://example.com/roles": 3});
        let payload = payload.as_object().unwrap();
        let named = |name: &str| ClaimPath::new("name", Some(name.to_owned()), None).unwrap();
        assert_eq!(named("a.b").find(payload), Found::Value(&json!(1)));
        assert_eq!(named("https://example.com/roles").find(payload), Found::Value(&json!(3)));
        assert_eq!(path(&["a", "b"]).unwrap().find(payload), Found::Value(&json!(2)));
        assert_eq!(path(&["a", "c"]).unwrap().find(payload), Found::Value(&Value::Null));
        assert_eq!(path(&["a", "x"]).unwrap().find(payload), Found::Missing);
        assert_eq!(path(&["x", "b"]).unwrap().find(payload), Found::Missing);
        assert_eq!(path(&["a.b", "c"]).unwrap().find(payload), Found::Obstructed);
        assert_eq!(path(&["a", "c", "d"]).unwrap().find(payload), Found::Obstructed);
    }

    #[test]
    fn a_claim_is_named_once() {
        let error = |name: Option<&str>, path: Option<Vec<String>>| {
            ClaimPath::new("claim", name.map(str::to_owned), path).unwrap_err().to_string()
        };
        assert!(error(None, None).contains("write claim: NAME"));
        assert!(error(Some("a"), Some(vec!["a".into()])).contains("not named once"));
        assert!(error(Some(""), None).starts_with("claim: empty"));
        assert!(error(None, Some(vec![])).starts_with("path: empty"));
        assert!(path(&["a"; 17]).unwrap_err().to_string().starts_with("path: 17 names"));
    }
}
