//! What the signals have in common.

use opentelemetry_proto::DESCRIPTORS;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::resource::v1 as resource;
use portcullis_proto::{common as ours, trace};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use protox::prost_reflect::DescriptorPool;
use serde_json::json;

#[test]
fn a_value_of_another_type_is_read_as_empty() {
    use common::any_value::Value;

    for value in [
        Value::KvlistValue(common::KeyValueList::default()),
        Value::BytesValue(vec![1]),
        Value::StringValueStrindex(1),
    ] {
        let value = Some(common::AnyValue { value: Some(value) });
        let theirs = common::KeyValue { key: "key".into(), value, ..Default::default() };
        let read = ours::KeyValue::decode(&*theirs.encode_to_vec()).unwrap();
        assert_eq!(read, ours::KeyValue { key: "key".into(), value: Some(ours::AnyValue::default()) });
    }
}

#[test]
fn json_has_texts_for_what_is_no_number() {
    use ours::any_value::Value;

    for (number, expected) in [
        (f64::NAN, json!("NaN")),
        (f64::INFINITY, json!("Infinity")),
        (f64::NEG_INFINITY, json!("-Infinity")),
        (-0.5, json!(-0.5)),
    ] {
        let value = Some(ours::AnyValue { value: Some(Value::DoubleValue(number)) });
        let attributes = vec![ours::KeyValue { key: "key".to_owned(), value }];
        let resource = Some(ours::Resource { attributes });
        let spans = vec![trace::ResourceSpans { resource, ..Default::default() }];
        let written =
            portcullis_proto::json::trace(&trace::ExportTraceServiceRequest { resource_spans: spans });
        let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
        let attribute = &read["resourceSpans"][0]["resource"]["attributes"][0];
        assert_eq!(attribute["value"], json!({ "doubleValue": expected }));
    }
}

/// Whether OTLP has this service, with this method alone.
pub(crate) fn assert_service(service: &str, method: &str) {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let service = pool.get_service_by_name(service).unwrap();
    let methods: Vec<_> = service.methods().map(|method| method.name().to_owned()).collect();
    assert_eq!(methods, [method]);
}

pub(crate) fn value() -> impl Strategy<Value = ours::AnyValue> {
    use ours::any_value::Value;

    let single = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        double().prop_map(Value::DoubleValue),
    ];
    let any = option::of(single).prop_map(|value| ours::AnyValue { value });
    any.prop_recursive(2, 8, 4, |value| {
        let array = vec(value, 0..4).prop_map(|values| Value::ArrayValue(ours::ArrayValue { values }));
        array.prop_map(|value| ours::AnyValue { value: Some(value) })
    })
}

prop_compose! {
    pub(crate) fn attribute()(key in text(), value in option::of(value())) -> ours::KeyValue {
        ours::KeyValue { key, value }
    }
}

prop_compose! {
    pub(crate) fn scope()(name in text(), version in text()) -> ours::InstrumentationScope {
        ours::InstrumentationScope { name, version }
    }
}

prop_compose! {
    pub(crate) fn resource()(attributes in vec(attribute(), 0..3)) -> ours::Resource {
        ours::Resource { attributes }
    }
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..17)
}

/// Those that any reader of JSON reads exactly.
fn double() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|number| f64::from(number) / 8.0)
}

pub(crate) fn their_value(value: &ours::AnyValue) -> common::AnyValue {
    use common::any_value::Value as Theirs;
    use ours::any_value::Value;

    let value = value.value.as_ref().map(|value| match value {
        Value::StringValue(text) => Theirs::StringValue(text.clone()),
        Value::BoolValue(is) => Theirs::BoolValue(*is),
        Value::IntValue(number) => Theirs::IntValue(*number),
        Value::DoubleValue(number) => Theirs::DoubleValue(*number),
        Value::ArrayValue(array) => {
            Theirs::ArrayValue(common::ArrayValue { values: array.values.iter().map(their_value).collect() })
        }
    });
    common::AnyValue { value }
}

pub(crate) fn their_attributes(attributes: &[ours::KeyValue]) -> Vec<common::KeyValue> {
    let attribute = |attribute: &ours::KeyValue| common::KeyValue {
        key: attribute.key.clone(),
        value: attribute.value.as_ref().map(their_value),
        key_strindex: 0,
    };
    attributes.iter().map(attribute).collect()
}

pub(crate) fn their_scope(scope: &ours::InstrumentationScope) -> common::InstrumentationScope {
    common::InstrumentationScope {
        name: scope.name.clone(),
        version: scope.version.clone(),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
    }
}

pub(crate) fn their_resource(resource: &ours::Resource) -> resource::Resource {
    resource::Resource {
        attributes: their_attributes(&resource.attributes),
        dropped_attributes_count: 0,
        entity_refs: Vec::new(),
    }
}

/// Sets what we have no fields for.
pub(crate) fn say_more_of_attributes(attributes: &mut [common::KeyValue]) {
    attributes.iter_mut().for_each(|attribute| attribute.key_strindex = 1);
}

/// Likewise.
pub(crate) fn say_more_of_resource(resource: &mut resource::Resource) {
    say_more_of_attributes(&mut resource.attributes);
    resource.dropped_attributes_count = 1;
    resource.entity_refs = vec![common::EntityRef { r#type: "service".into(), ..Default::default() }];
}

/// Likewise.
pub(crate) fn say_more_of_scope(scope: &mut common::InstrumentationScope) {
    scope.attributes = vec![common::KeyValue::default()];
    scope.dropped_attributes_count = 1;
}
