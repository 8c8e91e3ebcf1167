//! Spans.

use opentelemetry_proto::tonic::collector::trace::v1 as collector;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use portcullis_proto::{json, trace as ours};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use crate::common::{
    assert_service, attribute, bytes, resource, say_more_of_attributes, say_more_of_resource,
    say_more_of_scope, scope, text, their_attributes, their_resource, their_scope,
};

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
    fn requests_in_json(request in request()) {
        let mut theirs = their_request(&request);
        // Nobody can tell a status that is not there from one that says nothing.
        let spans = theirs.resource_spans.iter_mut().flat_map(|spans| &mut spans.scope_spans).flat_map(|spans| &mut spans.spans);
        spans.for_each(|span| span.status = Some(span.status.take().unwrap_or_default()));
        let read: collector::ExportTraceServiceRequest = serde_json::from_slice(&json::trace(&request)).unwrap();
        prop_assert_eq!(&read, &theirs);
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

    assert_service(ours::SERVICE, ours::METHOD);
    for number in -1..10 {
        let kind = SpanKind::try_from(number).ok().map(|kind| kind.as_str_name());
        assert_eq!(kind, otlp::span::SpanKind::try_from(number).ok().map(|kind| kind.as_str_name()));
        let code = StatusCode::try_from(number).ok().map(|code| code.as_str_name());
        assert_eq!(code, otlp::status::StatusCode::try_from(number).ok().map(|code| code.as_str_name()));
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
        resource in option::of(resource()),
        scope_spans in vec(scope_spans(), 0..3),
        schema_url in text(),
    ) -> ours::ResourceSpans {
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
    let scope_spans = |spans: &ours::ScopeSpans| otlp::ScopeSpans {
        scope: spans.scope.as_ref().map(their_scope),
        spans: spans.spans.iter().map(their_span).collect(),
        schema_url: spans.schema_url.clone(),
    };
    let resource_spans = |spans: &ours::ResourceSpans| otlp::ResourceSpans {
        resource: spans.resource.as_ref().map(their_resource),
        scope_spans: spans.scope_spans.iter().map(scope_spans).collect(),
        schema_url: spans.schema_url.clone(),
    };
    let resource_spans = request.resource_spans.iter().map(resource_spans).collect();
    collector::ExportTraceServiceRequest { resource_spans }
}

/// Sets what we have no fields for.
fn say_more(spans: &mut otlp::ResourceSpans) {
    spans.resource.iter_mut().for_each(say_more_of_resource);
    for spans in &mut spans.scope_spans {
        spans.scope.iter_mut().for_each(say_more_of_scope);
        for span in &mut spans.spans {
            say_more_of_attributes(&mut span.attributes);
            span.dropped_events_count = 1;
            span.dropped_links_count = 1;
            for event in &mut span.events {
                say_more_of_attributes(&mut event.attributes);
                event.dropped_attributes_count = 1;
            }
            for link in &mut span.links {
                say_more_of_attributes(&mut link.attributes);
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
