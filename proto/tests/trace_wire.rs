//! The messages of portcullis_proto::trace are those of OTLP, as opentelemetry-proto has them.

use opentelemetry_proto::DESCRIPTORS;
use opentelemetry_proto::tonic::collector::trace::v1 as collector;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use portcullis_proto::trace as ours;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use protox::prost_reflect::DescriptorPool;

proptest! {
    #[test]
    fn requests(request in request()) {
        let mut theirs = their_request(&request);
        let decoded = collector::ExportTraceServiceRequest::decode(&*request.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &theirs);
        let decoded = ours::ExportTraceServiceRequest::decode(&*theirs.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &request);
        // What we have no fields for is skipped.
        theirs.resource_spans.iter_mut().for_each(say_more);
        let decoded = ours::ExportTraceServiceRequest::decode(&*theirs.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &request);
    }

    #[test]
    fn responses(response in response()) {
        let theirs = their_response(&response);
        let decoded = collector::ExportTraceServiceResponse::decode(&*response.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &theirs);
        let mut bytes = theirs.encode_to_vec();
        let decoded = ours::ExportTraceServiceResponse::decode(&*bytes).unwrap();
        prop_assert_eq!(&decoded, &response);
        // A field that OTLP may get one day is skipped: number 15, a varint.
        bytes.extend([15 << 3, 1]);
        let decoded = ours::ExportTraceServiceResponse::decode(&*bytes).unwrap();
        prop_assert_eq!(&decoded, &response);
    }
}

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
fn text_that_is_no_utf_8_does_not_cost_the_number_of_refused_spans() {
    let partial = ours::ExportTracePartialSuccess { rejected_spans: 3, error_message: vec![0xff] };
    let response = ours::ExportTraceServiceResponse { partial_success: Some(partial) };
    let bytes = response.encode_to_vec();
    assert_eq!(ours::ExportTraceServiceResponse::decode(&*bytes).unwrap(), response);
    assert!(collector::ExportTraceServiceResponse::decode(&*bytes).is_err());
}

#[test]
fn names_and_numbers_of_enums_and_of_the_service() {
    use ours::span::SpanKind;
    use ours::status::StatusCode;

    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let service = pool.get_service_by_name(ours::SERVICE).unwrap();
    let methods: Vec<_> = service.methods().map(|method| method.name().to_owned()).collect();
    assert_eq!(methods, [ours::METHOD]);
    for number in -1..10 {
        let kind = SpanKind::try_from(number).ok().map(|kind| kind.as_str_name());
        assert_eq!(kind, otlp::span::SpanKind::try_from(number).ok().map(|kind| kind.as_str_name()));
        let code = StatusCode::try_from(number).ok().map(|code| code.as_str_name());
        assert_eq!(code, otlp::status::StatusCode::try_from(number).ok().map(|code| code.as_str_name()));
    }
}

fn value() -> impl Strategy<Value = ours::AnyValue> {
    use ours::any_value::Value;

    let single = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
    ];
    let any = option::of(single).prop_map(|value| ours::AnyValue { value });
    any.prop_recursive(2, 8, 4, |value| {
        let array = vec(value, 0..4).prop_map(|values| Value::ArrayValue(ours::ArrayValue { values }));
        array.prop_map(|value| ours::AnyValue { value: Some(value) })
    })
}

prop_compose! {
    fn attribute()(key in text(), value in option::of(value())) -> ours::KeyValue {
        ours::KeyValue { key, value }
    }
}

prop_compose! {
    fn event()(
        time_unix_nano: u64,
        name in text(),
        attributes in vec(attribute(), 0..3),
    ) -> ours::span::Event {
        ours::span::Event { time_unix_nano, name, attributes }
    }
}

prop_compose! {
    fn link()(
        trace_id in bytes(),
        span_id in bytes(),
        trace_state in text(),
        attributes in vec(attribute(), 0..3),
        flags: u32,
    ) -> ours::span::Link {
        ours::span::Link { trace_id, span_id, trace_state, attributes, flags }
    }
}

prop_compose! {
    fn status()(message in text(), code: i32) -> ours::Status {
        ours::Status { message, code }
    }
}

prop_compose! {
    fn span()(
        (trace_id, span_id, parent_span_id) in (bytes(), bytes(), bytes()),
        (trace_state, name) in (text(), text()),
        kind: i32,
        start_time_unix_nano: u64,
        end_time_unix_nano: u64,
        attributes in vec(attribute(), 0..3),
        dropped_attributes_count: u32,
        events in vec(event(), 0..3),
        links in vec(link(), 0..3),
        status in option::of(status()),
        flags: u32,
    ) -> ours::Span {
        ours::Span {
            trace_id, span_id, trace_state, parent_span_id, name, kind, start_time_unix_nano, end_time_unix_nano,
            attributes, dropped_attributes_count, events, links, status, flags,
        }
    }
}

prop_compose! {
    fn scope()(name in text(), version in text()) -> ours::InstrumentationScope {
        ours::InstrumentationScope { name, version }
    }
}

prop_compose! {
    fn scope_spans()(
        scope in option::of(scope()),
        spans in vec(span(), 0..3),
        schema_url in text(),
    ) -> ours::ScopeSpans {
        ours::ScopeSpans { scope, spans, schema_url }
    }
}

prop_compose! {
    fn resource_spans()(
        attributes in option::of(vec(attribute(), 0..3)),
        scope_spans in vec(scope_spans(), 0..3),
        schema_url in text(),
    ) -> ours::ResourceSpans {
        let resource = attributes.map(|attributes| ours::Resource { attributes });
        ours::ResourceSpans { resource, scope_spans, schema_url }
    }
}

prop_compose! {
    fn request()(resource_spans in vec(resource_spans(), 0..3)) -> ours::ExportTraceServiceRequest {
        ours::ExportTraceServiceRequest { resource_spans }
    }
}

prop_compose! {
    fn partial_success()(rejected_spans: i64, error_message in text()) -> ours::ExportTracePartialSuccess {
        ours::ExportTracePartialSuccess { rejected_spans, error_message: error_message.into() }
    }
}

prop_compose! {
    fn response()(partial_success in option::of(partial_success())) -> ours::ExportTraceServiceResponse {
        ours::ExportTraceServiceResponse { partial_success }
    }
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..17)
}

fn their_value(value: &ours::AnyValue) -> common::AnyValue {
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

fn their_attributes(attributes: &[ours::KeyValue]) -> Vec<common::KeyValue> {
    let attribute = |attribute: &ours::KeyValue| common::KeyValue {
        key: attribute.key.clone(),
        value: attribute.value.as_ref().map(their_value),
        key_strindex: 0,
    };
    attributes.iter().map(attribute).collect()
}

fn their_span(span: &ours::Span) -> otlp::Span {
    let event = |event: &ours::span::Event| otlp::span::Event {
        time_unix_nano: event.time_unix_nano,
        name: event.name.clone(),
        attributes: their_attributes(&event.attributes),
        dropped_attributes_count: 0,
    };
    let link = |link: &ours::span::Link| otlp::span::Link {
        trace_id: link.trace_id.clone(),
        span_id: link.span_id.clone(),
        trace_state: link.trace_state.clone(),
        attributes: their_attributes(&link.attributes),
        dropped_attributes_count: 0,
        flags: link.flags,
    };
    let status = |status: &ours::Status| otlp::Status { message: status.message.clone(), code: status.code };
    otlp::Span {
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        trace_state: span.trace_state.clone(),
        parent_span_id: span.parent_span_id.clone(),
        flags: span.flags,
        name: span.name.clone(),
        kind: span.kind,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        attributes: their_attributes(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: 0,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: 0,
        status: span.status.as_ref().map(status),
    }
}

fn their_request(request: &ours::ExportTraceServiceRequest) -> collector::ExportTraceServiceRequest {
    let scope = |scope: &ours::InstrumentationScope| common::InstrumentationScope {
        name: scope.name.clone(),
        version: scope.version.clone(),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
    };
    let scope_spans = |spans: &ours::ScopeSpans| otlp::ScopeSpans {
        scope: spans.scope.as_ref().map(scope),
        spans: spans.spans.iter().map(their_span).collect(),
        schema_url: spans.schema_url.clone(),
    };
    let resource = |resource: &ours::Resource| resource::Resource {
        attributes: their_attributes(&resource.attributes),
        dropped_attributes_count: 0,
        entity_refs: Vec::new(),
    };
    let resource_spans = |spans: &ours::ResourceSpans| otlp::ResourceSpans {
        resource: spans.resource.as_ref().map(resource),
        scope_spans: spans.scope_spans.iter().map(scope_spans).collect(),
        schema_url: spans.schema_url.clone(),
    };
    let resource_spans = request.resource_spans.iter().map(resource_spans).collect();
    collector::ExportTraceServiceRequest { resource_spans }
}

/// Sets what we have no fields for.
fn say_more(spans: &mut otlp::ResourceSpans) {
    let more = |attributes: &mut [common::KeyValue]| {
        attributes.iter_mut().for_each(|attribute| attribute.key_strindex = 1);
    };
    if let Some(resource) = &mut spans.resource {
        more(&mut resource.attributes);
        resource.dropped_attributes_count = 1;
        resource.entity_refs = vec![common::EntityRef { r#type: "service".into(), ..Default::default() }];
    }
    for spans in &mut spans.scope_spans {
        if let Some(scope) = &mut spans.scope {
            scope.attributes = vec![common::KeyValue::default()];
            scope.dropped_attributes_count = 1;
        }
        for span in &mut spans.spans {
            more(&mut span.attributes);
            span.dropped_events_count = 1;
            span.dropped_links_count = 1;
            for event in &mut span.events {
                more(&mut event.attributes);
                event.dropped_attributes_count = 1;
            }
            for link in &mut span.links {
                more(&mut link.attributes);
                link.dropped_attributes_count = 1;
            }
        }
    }
}

fn their_response(response: &ours::ExportTraceServiceResponse) -> collector::ExportTraceServiceResponse {
    let partial = |partial: &ours::ExportTracePartialSuccess| collector::ExportTracePartialSuccess {
        rejected_spans: partial.rejected_spans,
        error_message: String::from_utf8(partial.error_message.clone()).unwrap(),
    };
    collector::ExportTraceServiceResponse { partial_success: response.partial_success.as_ref().map(partial) }
}
