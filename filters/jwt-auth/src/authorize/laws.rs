//! Laws of conditions over any claims.

use portcullis_kit::Headers;
use portcullis_kit::testing::TestHost;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{
    BoxedStrategy, Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{Condition, ConditionConfig, Refusal};

const NAMES: [&str; 4] = ["a", "b", "c", "scope"];

fn check(condition: &Value, payload: &Map<String, Value>) -> Result<(), Refusal> {
    let config: ConditionConfig = serde_json::from_value(condition.clone()).unwrap();
    let headers = Headers::from_iter([(":path", "/x/1"), (":authority", "y"), ("h", "x")]);
    Condition::try_from(config).unwrap().check(payload, &headers, &mut TestHost::default())
}

fn passes(condition: &Value, payload: &Map<String, Value>) -> bool {
    check(condition, payload).is_ok()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        select(vec!["x", "y", "x y", "1", ""]).prop_map(Into::into),
        (-1..3_i64).prop_map(Into::into),
        select(vec![1.0, 1.5]).prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
    ]
    .boxed()
}

fn claim() -> BoxedStrategy<Value> {
    let inner = prop_oneof![4 => scalar(), 1 => Just(Value::Null)];
    prop_oneof![
        4 => inner.clone(),
        2 => vec(inner.clone(), 0..3).prop_map(Into::into),
        1 => inner.prop_map(|value| json!({"a": value})),
    ]
    .boxed()
}

fn payload() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(select(NAMES.as_slice()).prop_map(str::to_owned), claim(), 0..4)
        .prop_map(|members| members.into_iter().collect())
}

fn operator() -> BoxedStrategy<Value> {
    let many = vec(scalar(), 1..3);
    let text = select(vec!["x", "y", "1"]);
    let request = select(vec![
        json!({"path_segment": 1}),
        json!({"path_segment": 2}),
        json!({"header": "h"}),
        json!({"host": true}),
        json!({"client_certificate": "subject"}),
    ]);
    prop_oneof![
        scalar().prop_map(|value| json!({"equals": value})),
        many.clone().prop_map(|values| json!({"in": values})),
        scalar().prop_map(|value| json!({"contains": value})),
        many.clone().prop_map(|values| json!({"contains_any": values})),
        many.prop_map(|values| json!({"contains_all": values})),
        text.clone().prop_map(|text| json!({"contains_words": text})),
        text.clone().prop_map(|text| json!({"prefix": text})),
        text.clone().prop_map(|text| json!({"suffix": text})),
        text.prop_map(|text| json!({"regex": format!("{text}.*")})),
        (-1..3_i64).prop_map(|number| json!({"at_least": number})),
        (-1..3_i64).prop_map(|number| json!({"at_most": number})),
        request.clone().prop_map(|value| json!({"equals_request": value})),
        request.prop_map(|value| json!({"contains_request": value})),
    ]
    .boxed()
}

fn scope() -> BoxedStrategy<Value> {
    vec(select(vec!["x", "y", "z"]), 1..3).prop_map(|scopes| json!({"scope": scopes})).boxed()
}

fn claim_test(operator: BoxedStrategy<Value>, names: &'static [&'static str]) -> BoxedStrategy<Value> {
    let place = prop_oneof![
        4 => select(names).prop_map(|name| json!({"name": name})),
        1 => select(names).prop_map(|name| json!({"path": [name, "a"]})),
    ];
    let test = (place, operator).prop_map(|(mut test, operator)| {
        test.as_object_mut().unwrap().extend(operator.as_object().unwrap().clone());
        json!({"claim": test})
    });
    test.boxed()
}

fn tree(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    // Two levels below the greatest depth, for laws that wrap what they are given.
    let tree = leaf.prop_recursive(5, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|list| json!({"all": list})),
            vec(inner.clone(), 1..4).prop_map(|list| json!({"any": list})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    });
    tree.boxed()
}

/// Any condition but those with `exists`.
fn condition() -> BoxedStrategy<Value> {
    tree(prop_oneof![1 => scope(), 4 => claim_test(operator(), &NAMES)].boxed())
}

/// Any condition.
fn condition_with_exists() -> BoxedStrategy<Value> {
    let exists = any::<bool>().prop_map(|exists| json!({"exists": exists})).boxed();
    tree(
        prop_oneof![1 => scope(), 3 => claim_test(operator(), &NAMES), 1 => claim_test(exists, &NAMES)]
            .boxed(),
    )
}

/// A condition without `not` that looks at scopes by `scope` alone.
fn positive() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![3 => scope(), 1 => claim_test(operator(), NAMES.split_at(3).0)];
    let tree = leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|list| json!({"all": list})),
            vec(inner, 1..4).prop_map(|list| json!({"any": list})),
        ]
    });
    tree.boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn leaving_a_claim_out_never_opens_a_door(
        condition in condition(), payload in payload(), name in select(NAMES.as_slice()), claim in claim(),
    ) {
        let mut without = payload.clone();
        without.remove(name);
        let mut null = without.clone();
        null.insert(name.to_owned(), Value::Null);
        let mut with = without.clone();
        with.insert(name.to_owned(), claim);
        prop_assert_eq!(passes(&condition, &without), passes(&condition, &null));
        if passes(&condition, &without) {
            prop_assert!(passes(&condition, &with));
        }
    }

    #[test]
    fn nobody_passes_both_a_condition_and_its_opposite(
        condition in condition_with_exists(), payload in payload(),
    ) {
        let opposite = json!({"not": condition});
        prop_assert!(!(passes(&condition, &payload) && passes(&opposite, &payload)));
        prop_assert_eq!(passes(&condition, &payload), passes(&json!({"not": opposite}), &payload));
    }

    #[test]
    fn de_morgan(list in vec(condition_with_exists(), 1..3), payload in payload()) {
        let negated: Vec<_> = list.iter().map(|condition| json!({"not": condition})).collect();
        for (one, other) in [("all", "any"), ("any", "all")] {
            let not_all = json!({"not": {one: list}});
            prop_assert_eq!(passes(&not_all, &payload), passes(&json!({other: negated}), &payload));
        }
    }

    #[test]
    fn the_order_is_all_the_same(mut list in vec(condition_with_exists(), 1..5), payload in payload()) {
        let before = ["all", "any"].map(|kind| passes(&json!({kind: list}), &payload));
        list.reverse();
        list.rotate_left(1);
        prop_assert_eq!(before, ["all", "any"].map(|kind| passes(&json!({kind: list}), &payload)));
    }

    #[test]
    fn the_scope_that_is_asked_for_is_enough(condition in positive(), mut payload in payload()) {
        if let Err(Refusal::Unmet { scope: Some(scope) }) = check(&condition, &payload) {
            payload.insert("scope".to_owned(), scope.into());
            prop_assert!(passes(&condition, &payload));
        }
    }
}
