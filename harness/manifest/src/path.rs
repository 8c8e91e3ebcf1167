use std::fmt;

use serde_json::Value;

/// Where a value is in a document: `spec.match[0].mode`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// The member of this name.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        self.with(Step::Key(name.to_owned()))
    }

    /// The item of this number.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// Whether it is a member of this name.
    pub(crate) fn ends_with(&self, name: &str) -> bool {
        matches!(self.0.last(), Some(Step::Key(last)) if last == name)
    }

    /// Members in members: `config.vm_config`.
    #[must_use]
    pub fn keys(&self, names: &[&str]) -> Self {
        names.iter().fold(self.clone(), |path, name| path.key(name))
    }

    /// A place behind this one, as messages write it: `limits[0].rate`. Where it is written otherwise, the part of it that is understood.
    #[must_use]
    pub fn written(&self, path: &str) -> Self {
        let mut place = self.clone();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let (name, indices) = part.split_once('[').unwrap_or((part, ""));
            if !name.is_empty() {
                place = place.key(name);
            }
            for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse().ok()) {
                place = place.index(index);
            }
        }
        place
    }

    /// The place that this one is in; `None` for the whole.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    /// The rest of a place that is in this one.
    pub(crate) fn within(&self, outer: &Self) -> Option<Self> {
        self.0.strip_prefix(outer.0.as_slice()).map(|rest| Self(rest.to_vec()))
    }

    /// What is there.
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(name) => value.get(name),
            Step::Index(index) => value.get(*index),
        })
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(name) if index == 0 => f.write_str(name)?,
                Step::Key(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_messages_write_it() {
        let path = Path::default().key("spec").key("match").index(0).key("mode");
        assert_eq!(path.to_string(), "spec.match[0].mode");
        let value = json!({"spec": {"match": [{"mode": "SERVER"}]}});
        assert_eq!(path.of(&value), Some(&json!("SERVER")));
        assert_eq!(path.parent().unwrap().of(&value), Some(&json!({"mode": "SERVER"})));
        assert_eq!(path.index(1).of(&value), None);
    }

    #[test]
    fn what_is_written_is_a_path() {
        let config = Path::default().key("config");
        for written in ["", "limits", "limits[0].rate", "a[0][1].b", "providers[0].jwks.keys[2].n"] {
            let expected = if written.is_empty() { "config".to_owned() } else { format!("config.{written}") };
            assert_eq!(config.written(written).to_string(), expected);
        }
        assert_eq!(Path::default().written("[2].a").to_string(), "[2].a");
    }
}
