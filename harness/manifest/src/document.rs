//! Manifests as they are written: YAML or JSON, one document or several, with the line of each value.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Options, Spanned};

use crate::{Mistake, Path};

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// What is in it.
    pub value: Value,
    lines: BTreeMap<Path, u64>,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Where, if it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ReadError {}

/// The documents of a file, without those that are empty. Of a list of resources, as `kubectl get` prints it, each is a document.
///
/// # Errors
/// It is no YAML, nor JSON, which is YAML as well.
pub fn documents(text: &str) -> Result<Vec<Document>, ReadError> {
    let documents = nodes(text)?.into_iter().map(|node| {
        let mut lines = BTreeMap::new();
        let value = unfold(node.value, node.referenced.line(), &Path::default(), &mut lines);
        Document { value, lines }
    });
    Ok(documents.filter(|document| !document.value.is_null()).flat_map(Document::resources).collect())
}

/// The first document of a text as JSON, its members as they are written and not by the alphabet; what is short on one line. Empty where there is none.
pub(crate) fn as_json(text: &str) -> String {
    let node = nodes(text).ok().and_then(|nodes| nodes.into_iter().next());
    node.map(|node| json(&node.value, 0)).unwrap_or_default()
}

fn nodes(text: &str) -> Result<Vec<Spanned<Node>>, ReadError> {
    // Envoy and kubectl take yes and on for booleans, as YAML 1.1 does.
    let options: Options = serde_saphyr::options! { strict_booleans: false };
    let read = serde_saphyr::from_multiple_with_options::<Spanned<Node>>(text, options);
    read.map_err(|error| {
        let Mistake { position, problem } = Mistake::of(&error, text);
        ReadError { line: position.map(|(line, _)| line), problem }
    })
}

fn json(node: &Node, depth: usize) -> String {
    /// What a line is no longer than.
    const WIDTH: usize = 88;
    let (marks, parts): (_, Vec<_>) = match node {
        Node::Plain(value) => return value.to_string(),
        Node::List(items) => ("[]", items.iter().map(|item| json(&item.value, depth + 1)).collect()),
        Node::Members(members) => {
            let member = |(name, value): &(Spanned<String>, Node)| {
                format!("{}: {}", Value::from(name.value.as_str()), json(value, depth + 1))
            };
            ("{}", members.iter().map(member).collect())
        }
    };
    let (open, close) = marks.split_at(1);
    let line = format!("{open}{}{close}", parts.join(", "));
    if 2 * depth + line.len() <= WIDTH && !line.contains('\n') && depth > 0 {
        return line;
    }
    let (inside, end) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    format!("{open}\n{inside}{}\n{end}{close}", parts.join(&format!(",\n{inside}")))
}

impl Document {
    fn resources(self) -> Vec<Self> {
        let kind = self.value.get("kind").and_then(Value::as_str);
        match self.value.get("items").and_then(Value::as_array) {
            Some(items) if kind.is_some_and(|kind| kind.ends_with("List")) => {
                (0..items.len()).filter_map(|index| self.item(index)).collect()
            }
            _ => vec![self],
        }
    }

    fn item(&self, index: usize) -> Option<Self> {
        let place = Path::default().key("items").index(index);
        let value = place.of(&self.value)?.clone();
        let within = |(path, line): (&Path, &u64)| Some((path.within(&place)?, *line));
        Some(Self { value, lines: self.lines.iter().filter_map(within).collect() })
    }

    /// The line of a place, or of what it is in.
    pub fn line(&self, place: &Path) -> Option<u64> {
        let mut place = Some(place.clone());
        while let Some(path) = place {
            if let Some(line) = self.lines.get(&path) {
                return Some(*line);
            }
            place = path.parent();
        }
        None
    }
}

/// A value of YAML, and where its parts are.
enum Node {
    Plain(Value),
    List(Vec<Spanned<Self>>),
    /// A member is where its name is.
    Members(Vec<(Spanned<String>, Self)>),
}

/// The value of a node that begins in this line.
fn unfold(node: Node, line: u64, place: &Path, lines: &mut BTreeMap<Path, u64>) -> Value {
    lines.insert(place.clone(), line);
    match node {
        Node::Plain(value) => value,
        Node::List(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| {
                // Where an alias stands, and not what it stands for.
                unfold(item.value, item.referenced.line(), &place.index(index), lines)
            });
            Value::Array(items.collect())
        }
        Node::Members(members) => {
            let mut map = Map::new();
            for (name, member) in members {
                let value = unfold(member, name.referenced.line(), &place.key(&name.value), lines);
                map.insert(name.value, value);
            }
            Value::Object(map)
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        let number =
            Number::from_f64(value).ok_or_else(|| E::custom(format!("{value} is no number of JSON")))?;
        Ok(Node::Plain(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Plain(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Node::Members(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_a_line() {
        let text = "a: 1\nb:\n  - c: x\n    d: [true, null, 1.5]\n---\n# nothing\n---\ne: -2\n";
        let documents = documents(text).unwrap();
        let [first, second] = documents.as_slice() else { panic!("{}", documents.len()) };
        assert_eq!(first.value, json!({"a": 1, "b": [{"c": "x", "d": [true, null, 1.5]}]}));
        assert_eq!(second.value, json!({"e": -2}));
        let line = |path: &str| first.line(&Path::default().written(path));
        assert_eq!([line("a"), line("b[0].d"), line("b[0].d[2]")], [Some(1), Some(4), Some(4)]);
        assert_eq!(line("b[0].none.at.all"), line("b[0]"), "what is not there is in something");
        assert_eq!(second.line(&Path::default().key("e")), Some(8));
    }

    #[test]
    fn a_list_is_what_is_in_it() {
        let documents = documents("kind: List\nitems:\n  - a: 1\n  - b: {c: 2}\n    d: 3\n").unwrap();
        let values: Vec<_> = documents.iter().map(|document| document.value.clone()).collect();
        assert_eq!(values, [json!({"a": 1}), json!({"b": {"c": 2}, "d": 3})]);
        assert_eq!(documents[1].line(&Path::default().key("d")), Some(5));
    }

    #[test]
    fn booleans_are_those_of_envoy_and_kubectl() {
        let documents = documents("a: [yes, On, true, no, off]\nb: [\"yes\", yesterday]\n").unwrap();
        assert_eq!(
            documents[0].value,
            json!({"a": [true, true, true, false, false], "b": ["yes", "yesterday"]})
        );
    }

    #[test]
    fn json_is_yaml() {
        let documents = documents("{\"a\": {\n \"b\": \"yes\"}}").unwrap();
        assert_eq!(documents[0].value, json!({"a": {"b": "yes"}}));
        assert_eq!(documents[0].line(&Path::default().written("a.b")), Some(2));
    }

    #[test]
    fn yaml_becomes_json_in_its_order() {
        let text = "b: [1, {c: x}]\na:\n  long: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]\n";
        let expected = r#"{
  "b": [1, {"c": "x"}],
  "a": {
    "long": [
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    ]
  }
}"#;
        assert_eq!(as_json(text), expected);
        assert_eq!(documents(expected).unwrap()[0].value, documents(text).unwrap()[0].value);
        assert_eq!(as_json(""), "");
    }

    #[test]
    fn what_is_no_yaml_has_a_line() {
        let error = documents("a: 1\nb: [\n").unwrap_err();
        assert!(error.line.is_some_and(|line| line >= 2), "{error:?}");
        let problem = "duplicate mapping key: a; a key stands once".to_owned();
        assert_eq!(documents("a: 1\na: 2\n").unwrap_err(), ReadError { line: Some(2), problem });
    }
}
