//! Any rules over any claims: no panic, and who passes also passes a second evaluation, which asks of each test apart whether it
//! holds and whether it fails. And any bytes as a list of revocations.

use portcullis_jwt_auth::{Condition, ConditionConfig, Refusal, Revoked};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, json, parse_config};
use serde_json::{Map, Value, json};

/// Choices out of the bytes of a fuzzer; zeros when they have run out.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first) % end
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn several<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = 1 + self.below(3);
        (0..count).map(|_| one(self)).collect()
    }

    fn scalar(&mut self) -> Value {
        self.of(&[
            json!("x"),
            json!("xy"),
            json!("y x"),
            json!(""),
            json!(-1),
            json!(1),
            json!(2),
            json!(true),
        ])
    }

    fn claim(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!({"x": self.scalar()}),
            2 => json!([]),
            3 | 4 => self.several(Self::scalar).into(),
            _ => self.scalar(),
        }
    }

    fn payload(&mut self) -> Map<String, Value> {
        let names = ["a", "b", "scope", "scp"];
        (0..self.below(5)).map(|_| (self.of(&names).to_owned(), self.claim())).collect()
    }

    fn rule(&mut self, depth: usize) -> Value {
        match self.below(if depth > 1 { 7 } else { 4 }) {
            0 => json!({"scope": self.several(|choices| choices.of(&["x", "y", "z"]))}),
            4 => json!({"all": self.several(|choices| choices.rule(depth - 1))}),
            5 => json!({"any": self.several(|choices| choices.rule(depth - 1))}),
            6 => json!({"not": self.rule(depth - 1)}),
            _ => json!({"claim": self.test()}),
        }
    }

    fn test(&mut self) -> Value {
        let operator = self.of(&OPERATORS);
        let value = match operator {
            "in" | "contains_any" | "contains_all" => self.several(Self::scalar).into(),
            "prefix" | "suffix" => self.of(&["x", "y", "xy"]).into(),
            "exists" => (self.below(2) == 1).into(),
            "at_least" | "at_most" => self.of(&[-1, 0, 1, 2]).into(),
            "equals_request" => self.of(&[json!({"path_segment": 1}), json!({"header": "h"})]),
            _ => self.scalar(),
        };
        let mut test = self.of(&[json!({"name": "a"}), json!({"name": "b"}), json!({"path": ["a", "x"]})]);
        test[operator] = value;
        test
    }
}

const OPERATORS: [&str; 11] = [
    "equals",
    "in",
    "contains",
    "contains_any",
    "contains_all",
    "prefix",
    "suffix",
    "exists",
    "at_least",
    "at_most",
    "equals_request",
];

/// Whether a rule is certain to have this answer.
fn is(rule: &Value, answer: bool, payload: &Map<String, Value>) -> bool {
    let (kind, inner) = rule.as_object().unwrap().iter().next().unwrap();
    let list = || inner.as_array().unwrap().iter();
    match (kind.as_str(), answer) {
        ("not", _) => is(inner, !answer, payload),
        ("all", true) | ("any", false) => list().all(|rule| is(rule, answer, payload)),
        ("all", false) | ("any", true) => list().any(|rule| is(rule, answer, payload)),
        ("scope", _) => scopes(payload)
            .is_some_and(|granted| list().all(|scope| granted.contains(&scope.as_str().unwrap())) == answer),
        _ => test_is(inner, answer, payload),
    }
}

fn scopes(payload: &Map<String, Value>) -> Option<Vec<&str>> {
    let words = |name: &str| match payload.get(name)? {
        Value::String(text) => Some(text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()),
        Value::Array(list) => {
            list.iter().map(|item| item.as_str().filter(|s| matches!(*s, "x" | "xy"))).collect()
        }
        _ => None,
    };
    let subset = |a: &[&str], b: &[&str]| a.iter().all(|word| b.contains(word));
    match (payload.contains_key("scope"), payload.contains_key("scp")) {
        (true, true) => {
            let (scope, scp) = (words("scope")?, words("scp")?);
            (subset(&scope, &scp) && subset(&scp, &scope)).then_some(scope)
        }
        (scope, _) => words(if scope { "scope" } else { "scp" }),
    }
}

fn test_is(test: &Value, answer: bool, payload: &Map<String, Value>) -> bool {
    let operator = OPERATORS.into_iter().find(|name| test.get(name).is_some()).unwrap();
    let wanted = &test[operator];
    let claim = match test.get("name") {
        Some(name) => payload.get(name.as_str().unwrap()),
        // A claim in a claim that is no object is not missing either.
        None => match payload.get("a") {
            Some(Value::Object(outer)) => outer.get("x"),
            Some(_) => return false,
            None => None,
        },
    };
    let Some(claim) = claim.filter(|claim| !claim.is_null()) else {
        return operator == "exists" && claim.is_none() && (*wanted == false) == answer;
    };
    let same = |a: &Value, b: &Value| std::mem::discriminant(a) == std::mem::discriminant(b);
    let equal = |a: &Value, b: &Value| same(a, b) && (a == b) == answer;
    let single = [claim.clone()];
    let items = claim.as_array().map_or(&single[..], Vec::as_slice);
    let contains = |wanted: &Value| match answer {
        true => items.contains(wanted),
        false => items.iter().all(|item| equal(item, wanted)),
    };
    let each = |holds: &dyn Fn(&Value) -> bool, all: bool| {
        let list = wanted.as_array().unwrap();
        if all == answer { list.iter().all(holds) } else { list.iter().any(holds) }
    };
    let text = |holds: fn(&str, &str) -> bool| {
        claim.as_str().is_some_and(|claim| holds(claim, wanted.as_str().unwrap()) == answer)
    };
    let number = |holds: fn(&i64, &i64) -> bool| {
        claim.as_i64().is_some_and(|claim| holds(&claim, &wanted.as_i64().unwrap()) == answer)
    };
    match operator {
        "equals" => equal(claim, wanted),
        "in" => each(&|wanted| equal(claim, wanted), false),
        "contains" => contains(wanted),
        "contains_any" => each(&contains, false),
        "contains_all" => each(&contains, true),
        "prefix" => text(|claim, wanted| claim.starts_with(wanted)),
        "suffix" => text(|claim, wanted| claim.ends_with(wanted)),
        "exists" => (*wanted == true) == answer,
        "at_least" => number(i64::ge),
        "at_most" => number(i64::le),
        // Path and header both say 1.
        _ => (claim.is_string() || claim.is_i64()) && (*claim == 1) == answer,
    }
}

fn check(rule: Value, payload: &Map<String, Value>, headers: &Headers) -> Result<(), Refusal> {
    let config: ConditionConfig = serde_json::from_value(rule).unwrap();
    Condition::try_from(config).unwrap().check(payload, headers, &mut TestHost::default())
}

#[test]
fn any_choice_of_rules() {
    let headers = Headers::from_iter([(":path", "/1"), ("h", "1")]);
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut choices = Choices(bytes);
        let (payload, rule) = (choices.payload(), choices.rule(5));
        let (holds, fails) = (is(&rule, true, &payload), is(&rule, false, &payload));
        assert!(!(holds && fails));
        assert_eq!(check(rule.clone(), &payload, &headers).is_ok(), holds, "{rule} {payload:?}");
        assert_eq!(check(json!({"not": rule}), &payload, &headers).is_ok(), fails, "not {rule} {payload:?}");
    });
}

/// A line each for the rules, the payload and the path.
#[test]
fn any_rules() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
        let (rules, payload, path) = (lines.next(), lines.next(), lines.next());
        let Ok(config) = parse_config::<ConditionConfig>(rules.unwrap_or_default()) else { return };
        let Ok(condition) = Condition::try_from(config) else { return };
        let Ok(Value::Object(payload)) = json::parse_strict(payload.unwrap_or_default()) else { return };
        let headers = Headers::from_iter([(":path", path.unwrap_or_default())]);
        if let Err(Refusal::Unmet { scope: Some(scope) }) =
            condition.check(&payload, &headers, &mut TestHost::default())
        {
            // It stands in a quoted string of the challenge.
            assert!(scope.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')));
        }
    });
}

#[test]
fn any_list() {
    bolero::check!().for_each(|document: &[u8]| {
        let Ok(revoked) = Revoked::from_document(document) else { return };
        let list = json::parse_strict(document).unwrap();
        for jti in list["jti"].as_array().into_iter().flatten() {
            let payload = Map::from_iter([("jti".to_owned(), jti.clone())]);
            assert!(revoked.refuses(Some("another"), &payload));
        }
    });
}
