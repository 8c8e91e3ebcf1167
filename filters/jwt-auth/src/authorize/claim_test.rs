use portcullis_kit::ConfigError;
use portcullis_kit::rules::{Text, TextMatch};
use serde_json::{Map, Number, Value};

use super::config::{ClaimTestConfig, OneOrMany, RequestValueConfig, Scalar};

use super::request::{Request, RequestValue};
use super::verdict::Verdict;
use super::words;
use crate::claim_path::{ClaimPath, Found};
use crate::exact::Exact;

/// A validated [`ClaimTestConfig`].
#[derive(Debug)]
pub(super) struct ClaimTest {
    claim: ClaimPath,
    test: Test,
}

#[derive(Debug)]
enum Test {
    In(Vec<Operand>),
    ContainsAny(Vec<Operand>),
    ContainsAll(Vec<Operand>),
    ContainsWords(Vec<String>),
    Text(Text),
    Suffix(String),
    Exists(bool),
    AtLeast(Exact),
    AtMost(Exact),
    EqualsRequest(RequestValue),
    ContainsRequest(RequestValue),
}

/// A validated [`Scalar`].
#[derive(Debug)]
enum Operand {
    Text(String),
    Number(Exact),
    Boolean(bool),
}

impl TryFrom<ClaimTestConfig> for ClaimTest {
    type Error = ConfigError;

    fn try_from(config: ClaimTestConfig) -> Result<Self, ConfigError> {
        let claim = ClaimPath::new("name", config.name.clone(), config.path.clone())?;
        let mut given = tests(config).into_iter().filter_map(|(member, test)| Some((member, test?)));
        match (given.next(), given.next()) {
            (Some((member, test)), None) => {
                Ok(Self { claim, test: test.map_err(|error| error.under(member))? })
            }
            (Some((one, _)), Some((two, _))) => {
                let problem = format!("both {one} and {two}; write two tests in a list under all or any");
                Err(ConfigError::at("", problem))
            }
            (None, _) => Err(ConfigError::at("", "no test; write one such as equals: VALUE or exists: true")),
        }
    }
}

type Given = (&'static str, Option<Result<Test, ConfigError>>);

fn tests(config: ClaimTestConfig) -> [Given; 14] {
    let request = |value: RequestValueConfig| RequestValue::try_from(value);
    [
        ("equals", config.equals.map(|value| operands(vec![value], false).map(Test::In))),
        ("in", config.is_in.map(|values| operands(values, true).map(Test::In))),
        ("contains", config.contains.map(|value| operands(vec![value], false).map(Test::ContainsAny))),
        ("contains_any", config.contains_any.map(|values| operands(values, true).map(Test::ContainsAny))),
        ("contains_all", config.contains_all.map(|values| operands(values, true).map(Test::ContainsAll))),
        ("contains_words", config.contains_words.map(contained_words)),
        ("prefix", config.prefix.map(|text| text_test(TextMatch::Prefix(not_empty(text)?)))),
        ("suffix", config.suffix.map(|text| not_empty(text).map(Test::Suffix))),
        ("regex", config.regex.map(|text| text_test(TextMatch::Regex(text)))),
        ("exists", config.exists.map(|exists| Ok(Test::Exists(exists)))),
        ("at_least", config.at_least.map(|number| exact(&number).map(Test::AtLeast))),
        ("at_most", config.at_most.map(|number| exact(&number).map(Test::AtMost))),
        ("equals_request", config.equals_request.map(|value| request(value).map(Test::EqualsRequest))),
        ("contains_request", config.contains_request.map(|value| request(value).map(Test::ContainsRequest))),
    ]
}

fn operands(values: Vec<Scalar>, in_list: bool) -> Result<Vec<Operand>, ConfigError> {
    if values.is_empty() {
        return Err(ConfigError::at("", "empty; write at least one value"));
    }
    let operands = values.into_iter().enumerate().map(|(index, value)| {
        let path = if in_list { format!("[{index}]") } else { String::new() };
        Operand::new(value).map_err(|error| error.under(&path))
    });
    operands.collect()
}

fn contained_words(words: OneOrMany) -> Result<Test, ConfigError> {
    words::checked(words.into(), words::is_word, "write words without white space").map(Test::ContainsWords)
}

fn text_test(config: TextMatch) -> Result<Test, ConfigError> {
    // The member is called as the kind of match is, and stands in the path already.
    Text::new(config).map(Test::Text).map_err(|error| ConfigError::at("", error.problem))
}

fn not_empty(text: String) -> Result<String, ConfigError> {
    match text.is_empty() {
        true => Err(ConfigError::at("", "empty, which any text satisfies; write some text, or exists: true")),
        false => Ok(text),
    }
}

fn exact(number: &Number) -> Result<Exact, ConfigError> {
    let problem = || format!("{number} has lost digits; write an integer of at most 64 bits, or a text");
    Exact::new(number).ok_or_else(|| ConfigError::at("", problem()))
}

impl From<OneOrMany> for Vec<String> {
    fn from(texts: OneOrMany) -> Self {
        match texts {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

impl ClaimTest {
    /// How many values it compares with.
    pub(super) fn size(&self) -> usize {
        match &self.test {
            Test::In(values) | Test::ContainsAny(values) | Test::ContainsAll(values) => values.len(),
            Test::ContainsWords(words) => words.len(),
            _ => 1,
        }
    }

    pub(super) const fn request_value(&self) -> Option<&RequestValue> {
        match &self.test {
            Test::EqualsRequest(value) | Test::ContainsRequest(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn verdict(&self, payload: &Map<String, Value>, request: &mut Request<'_>) -> Verdict {
        match (&self.test, self.claim.find(payload)) {
            (_, Found::Obstructed | Found::Value(Value::Null)) => Verdict::Unknown,
            (Test::Exists(exists), Found::Missing) => (!exists).into(),
            (Test::Exists(exists), Found::Value(_)) => (*exists).into(),
            (_, Found::Missing) => Verdict::Unknown,
            (test, Found::Value(claim)) => test.verdict(claim, request),
        }
    }
}

impl Test {
    fn verdict(&self, claim: &Value, request: &mut Request<'_>) -> Verdict {
        match self {
            Self::In(values) => Verdict::any(values.iter().map(|value| value.equals(claim))),
            Self::ContainsAny(values) => Verdict::any(values.iter().map(|value| value.is_in(claim))),
            Self::ContainsAll(values) => Verdict::all(values.iter().map(|value| value.is_in(claim))),
            Self::ContainsWords(wanted) => words::words(claim).map_or(Verdict::Unknown, |words| {
                wanted.iter().all(|word| words.contains(&word.as_str())).into()
            }),
            Self::Text(expected) => of_text(claim, |text| expected.matches(text.as_bytes())),
            Self::Suffix(suffix) => of_text(claim, |text| text.ends_with(suffix)),
            Self::AtLeast(least) => of_number(claim, |number| number >= *least),
            Self::AtMost(most) => of_number(claim, |number| number <= *most),
            Self::EqualsRequest(value) => value.is_any_of(std::slice::from_ref(claim), request),
            Self::ContainsRequest(value) => value.is_any_of(items(claim), request),
            // Its answer does not depend on the value.
            Self::Exists(exists) => (*exists).into(),
        }
    }
}

impl Operand {
    fn new(value: Scalar) -> Result<Self, ConfigError> {
        Ok(match value {
            Scalar::Text(text) => Self::Text(text),
            Scalar::Number(number) => Self::Number(exact(&number)?),
            Scalar::Boolean(boolean) => Self::Boolean(boolean),
        })
    }

    fn equals(&self, claim: &Value) -> Verdict {
        match (self, claim) {
            (Self::Text(text), Value::String(claim)) => (text == claim).into(),
            (Self::Number(number), Value::Number(claim)) => {
                Exact::new(claim).map_or(Verdict::Unknown, |claim| (*number == claim).into())
            }
            (Self::Boolean(boolean), Value::Bool(claim)) => (boolean == claim).into(),
            _ => Verdict::Unknown,
        }
    }

    fn is_in(&self, claim: &Value) -> Verdict {
        Verdict::any(items(claim).iter().map(|item| self.equals(item)))
    }
}

/// A list, or the list of one that is written without brackets, as `aud` may be (RFC 7519 section 4.1.3).
fn items(claim: &Value) -> &[Value] {
    match claim {
        Value::Array(list) => list,
        single => std::slice::from_ref(single),
    }
}

fn of_text(claim: &Value, holds: impl FnOnce(&str) -> bool) -> Verdict {
    claim.as_str().map_or(Verdict::Unknown, |text| holds(text).into())
}

fn of_number(claim: &Value, holds: impl FnOnce(Exact) -> bool) -> Verdict {
    let number = if let Value::Number(number) = claim { Exact::new(number) } else { None };
    number.map_or(Verdict::Unknown, |number| holds(number).into())
}

#[cfg(test)]
mod tests {
    use portcullis_kit::Headers;
    use portcullis_kit::testing::TestHost;
    use serde_json::json;

    use super::*;
    use Verdict::{Fails, Holds, Unknown};

    fn test(config: Value) -> Result<ClaimTest, ConfigError> {
        serde_json::from_value::<ClaimTestConfig>(config).unwrap().try_into()
    }

    /// The verdict on claim `c`.
    fn verdict(operator: &Value, payload: Value) -> Verdict {
        let mut config = json!({"name": "c"});
        config.as_object_mut().unwrap().extend(operator.as_object().unwrap().clone());
        let headers = Headers::from_iter([(":path", "/a/b"), (":authority", "h")]);
        let mut host = TestHost::default();
        let mut request = Request::new(&headers, &mut host, (true, true)).unwrap();
        test(config).unwrap().verdict(payload.as_object().unwrap(), &mut request)
    }

    fn operators() -> Vec<Value> {
        vec![
            json!({"equals": "a"}),
            json!({"equals": 1}),
            json!({"equals": true}),
            json!({"in": ["a", "b"]}),
            json!({"contains": "a"}),
            json!({"contains_any": ["a", "b"]}),
            json!({"contains_all": ["a", "b"]}),
            json!({"contains_words": "a"}),
            json!({"prefix": "a"}),
            json!({"suffix": "a"}),
            json!({"regex": "a"}),
            json!({"at_least": 1}),
            json!({"at_most": 1}),
            json!({"equals_request": {"path_segment": 1}}),
            json!({"contains_request": {"path_segment": 1}}),
        ]
    }

    #[test]
    fn a_claim_that_is_missing_null_or_an_object_is_no_answer() {
        for operator in operators() {
            for payload in [json!({}), json!({"c": null}), json!({"c": {"a": 1}}), json!({"c": [{}]})] {
                assert_eq!(verdict(&operator, payload.clone()), Unknown, "{operator} of {payload}");
            }
        }
    }

    #[test]
    fn exists_alone_knows_what_is_missing() {
        for (exists, there, missing) in [(true, Holds, Fails), (false, Fails, Holds)] {
            let operator = json!({"exists": exists});
            assert_eq!(verdict(&operator, json!({})), missing);
            for claim in [json!(0), json!(""), json!(false), json!([]), json!({})] {
                assert_eq!(verdict(&operator, json!({"c": claim})), there);
            }
            assert_eq!(verdict(&operator, json!({"c": null})), Unknown);
        }
    }

    #[test]
    fn each_operator_has_its_types() {
        let big = 18_446_744_073_709_551_615_u64;
        for (operator, claim, expected) in [
            (json!({"equals": "1"}), json!("1"), Holds),
            (json!({"equals": "1"}), json!(1), Unknown),
            (json!({"equals": 1}), json!("1"), Unknown),
            (json!({"equals": 1}), json!(true), Unknown),
            (json!({"equals": true}), json!(1), Unknown),
            (json!({"equals": true}), json!(false), Fails),
            (json!({"equals": 1}), json!(1.0), Holds),
            (json!({"equals": "a"}), json!("A"), Fails),
            (json!({"equals": "a"}), json!(["a"]), Unknown),
            (json!({"in": ["a", "b"]}), json!("b"), Holds),
            (json!({"in": ["a", "b"]}), json!("c"), Fails),
            (json!({"in": ["a", 1]}), json!("c"), Unknown),
            (json!({"contains": "a"}), json!(["b", "a"]), Holds),
            (json!({"contains": "a"}), json!("a"), Holds),
            (json!({"contains": "a"}), json!("not a"), Fails),
            (json!({"contains": "a"}), json!([]), Fails),
            (json!({"contains": "a"}), json!(["b", 1]), Unknown),
            (json!({"contains": "a"}), json!(["a", 1]), Holds),
            (json!({"contains": 1}), json!([1, 2]), Holds),
            (json!({"contains_any": ["a", "b"]}), json!(["b"]), Holds),
            (json!({"contains_any": ["a", "b"]}), json!(["c"]), Fails),
            (json!({"contains_all": ["a", "b"]}), json!(["b", "a", "c"]), Holds),
            (json!({"contains_all": ["a", "b"]}), json!(["b"]), Fails),
            (json!({"contains_all": ["a", "b"]}), json!([]), Fails),
            (json!({"contains_words": ["a", "b"]}), json!("b c a"), Holds),
            (json!({"contains_words": ["a", "b"]}), json!(["a", "b"]), Holds),
            (json!({"contains_words": "a"}), json!("ab"), Fails),
            (json!({"contains_words": "a"}), json!("a\tb"), Unknown),
            (json!({"prefix": "a"}), json!("ab"), Holds),
            (json!({"prefix": "a"}), json!("ba"), Fails),
            (json!({"prefix": "a"}), json!(["a"]), Unknown),
            (json!({"suffix": "@x.example"}), json!("a@x.example"), Holds),
            (json!({"suffix": "@x.example"}), json!("a@x.example.org"), Fails),
            (json!({"regex": "a|b"}), json!("b"), Holds),
            (json!({"regex": "a|b"}), json!("ab"), Fails),
            (json!({"regex": ".*"}), json!("a\nb"), Fails),
            (json!({"at_least": 3}), json!(3), Holds),
            (json!({"at_least": 3}), json!(2.5), Fails),
            (json!({"at_least": 3}), json!("4"), Unknown),
            (json!({"at_most": 3}), json!(3), Holds),
            (json!({"at_most": 3}), json!(3.5), Fails),
            (json!({"at_least": big}), json!(big), Holds),
            (json!({"at_least": big}), json!(big - 1), Fails),
            (json!({"at_least": 1}), json!(1e300), Unknown),
            (json!({"equals": 9_007_199_254_740_993_u64}), json!(9_007_199_254_740_992.0), Unknown),
            (json!({"equals_request": {"path_segment": 2}}), json!("b"), Holds),
            (json!({"equals_request": {"path_segment": 2}}), json!(["b"]), Unknown),
            (json!({"contains_request": {"path_segment": 2}}), json!(["a", "b"]), Holds),
            (json!({"contains_request": {"path_segment": 2}}), json!("b"), Holds),
            (json!({"contains_request": {"path_segment": 2}}), json!(["a"]), Fails),
            (json!({"contains_request": {"path_segment": 3}}), json!(["a"]), Unknown),
        ] {
            assert_eq!(verdict(&operator, json!({"c": claim.clone()})), expected, "{operator} of {claim}");
        }
    }

    #[test]
    fn mistakes_have_a_path_and_a_remedy() {
        for (config, problem) in [
            (json!({"name": "c"}), "no test; write one such as equals: VALUE or exists: true"),
            (json!({"equals": 1}), "the claim is not named once; "),
            (json!({"name": "c", "equals": 1, "in": [1]}), "both equals and in; write two tests in a list"),
            (json!({"name": "c", "in": []}), "in: empty; "),
            (json!({"name": "c", "in": ["a", 1e300]}), "in[1]: 1e+300 has lost digits; "),
            (json!({"name": "c", "at_most": 1e16}), "at_most: 1e+16 has lost digits; "),
            (json!({"name": "c", "prefix": ""}), "prefix: empty, "),
            (json!({"name": "c", "suffix": ""}), "suffix: empty, "),
            (json!({"name": "c", "regex": "("}), "regex: \"(\" is not an expression: "),
            (json!({"name": "c", "contains_words": "a b"}), "contains_words: \"a b\"; "),
            (json!({"name": "c", "contains_words": []}), "contains_words: empty; "),
        ] {
            let error = test(config.clone()).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{config}: {error}");
        }
    }
}
