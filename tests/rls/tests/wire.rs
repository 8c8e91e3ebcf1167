//! The messages of portcullis_proto::ratelimit are those of Envoy's API, as envoy-types has them.

use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3 as common;
use envoy_types::pb::envoy::service::ratelimit::v3 as envoy;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::SERVICE_NAME;
use envoy_types::pb::envoy::r#type::v3::RateLimitUnit;
use envoy_types::pb::google::protobuf;
use portcullis_proto::ratelimit as ours;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

proptest! {
    #[test]
    fn requests(request in request()) {
        let theirs = their_request(&request);
        prop_assert_eq!(&envoy::RateLimitRequest::decode(&*request.encode_to_vec()).unwrap(), &theirs);
        prop_assert_eq!(ours::RateLimitRequest::decode(&*theirs.encode_to_vec()).unwrap(), request);
    }

    #[test]
    fn responses(response in response()) {
        let mut theirs = their_response(&response);
        prop_assert_eq!(&envoy::RateLimitResponse::decode(&*response.encode_to_vec()).unwrap(), &theirs);
        // What we have no fields for is skipped.
        let quota = envoy::rate_limit_response::Quota { requests: 1, id: "shared".into(), ..Default::default() };
        theirs.quota = Some(quota.clone());
        theirs.dynamic_metadata = Some(protobuf::Struct::default());
        theirs.statuses.iter_mut().for_each(|status| status.quota = Some(quota.clone()));
        prop_assert_eq!(ours::RateLimitResponse::decode(&*theirs.encode_to_vec()).unwrap(), response);
    }
}

#[test]
fn text_that_is_no_utf_8_does_not_cost_the_verdict() {
    let header = ours::HeaderValue { key: b"x-\xff".to_vec(), value: vec![0xff], raw_value: vec![0xff] };
    let limit = ours::rate_limit_response::RateLimit { name: vec![0xff], ..Default::default() };
    let status =
        ours::rate_limit_response::DescriptorStatus { current_limit: Some(limit), ..Default::default() };
    let response = ours::RateLimitResponse {
        overall_code: ours::rate_limit_response::Code::OverLimit as i32,
        statuses: vec![status],
        response_headers_to_add: vec![header],
        ..Default::default()
    };
    let bytes = response.encode_to_vec();
    assert_eq!(ours::RateLimitResponse::decode(&*bytes).unwrap(), response);
    assert!(envoy::RateLimitResponse::decode(&*bytes).is_err());
}

#[test]
fn names_and_numbers_of_enums_and_of_the_service() {
    use ours::rate_limit_response::{Code, rate_limit::Unit};

    assert_eq!(ours::SERVICE, SERVICE_NAME);
    for number in -1..10 {
        let code = Code::try_from(number).ok().map(|code| code.as_str_name());
        let theirs = envoy::rate_limit_response::Code::try_from(number).ok();
        assert_eq!(code, theirs.map(|code| code.as_str_name()));
        let unit = Unit::try_from(number).ok().map(|unit| unit.as_str_name());
        let theirs = envoy::rate_limit_response::rate_limit::Unit::try_from(number).ok();
        assert_eq!(unit, theirs.map(|unit| unit.as_str_name()));
        let unit = ours::RateLimitUnit::try_from(number).ok().map(|unit| unit.as_str_name());
        assert_eq!(unit, RateLimitUnit::try_from(number).ok().map(|unit| unit.as_str_name()));
    }
}

prop_compose! {
    fn entry()(key in text(), value in text()) -> ours::rate_limit_descriptor::Entry {
        ours::rate_limit_descriptor::Entry { key, value }
    }
}

prop_compose! {
    fn limit()(requests_per_unit: u32, unit: i32) -> ours::rate_limit_descriptor::RateLimitOverride {
        ours::rate_limit_descriptor::RateLimitOverride { requests_per_unit, unit }
    }
}

prop_compose! {
    fn descriptor()(
        entries in vec(entry(), 0..4),
        limit in option::of(limit()),
        hits_addend: Option<u64>,
        is_negative_hits: bool,
    ) -> ours::RateLimitDescriptor {
        ours::RateLimitDescriptor { entries, limit, hits_addend, is_negative_hits }
    }
}

prop_compose! {
    fn request()(
        domain in text(),
        descriptors in vec(descriptor(), 0..4),
        hits_addend: u32,
    ) -> ours::RateLimitRequest {
        ours::RateLimitRequest { domain, descriptors, hits_addend }
    }
}

prop_compose! {
    fn current_limit()(name in text(), requests_per_unit: u32, unit: i32) -> ours::rate_limit_response::RateLimit {
        ours::rate_limit_response::RateLimit { name: name.into(), requests_per_unit, unit }
    }
}

prop_compose! {
    fn status()(
        code: i32,
        current_limit in option::of(current_limit()),
        limit_remaining: u32,
        reset: Option<(i64, i32)>,
    ) -> ours::rate_limit_response::DescriptorStatus {
        let duration_until_reset = reset.map(|(seconds, nanos)| ours::Duration { seconds, nanos });
        ours::rate_limit_response::DescriptorStatus { code, current_limit, limit_remaining, duration_until_reset }
    }
}

prop_compose! {
    fn header()(key in text(), value in text(), raw_value: Vec<u8>) -> ours::HeaderValue {
        ours::HeaderValue { key: key.into(), value: value.into(), raw_value }
    }
}

prop_compose! {
    fn response()(
        overall_code: i32,
        statuses in vec(status(), 0..4),
        response_headers_to_add in vec(header(), 0..4),
        request_headers_to_add in vec(header(), 0..4),
        raw_body: Vec<u8>,
    ) -> ours::RateLimitResponse {
        ours::RateLimitResponse { overall_code, statuses, response_headers_to_add, request_headers_to_add, raw_body }
    }
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

fn their_request(request: &ours::RateLimitRequest) -> envoy::RateLimitRequest {
    let entry = |entry: &ours::rate_limit_descriptor::Entry| common::rate_limit_descriptor::Entry {
        key: entry.key.clone(),
        value: entry.value.clone(),
    };
    let limit = |limit: ours::rate_limit_descriptor::RateLimitOverride| {
        common::rate_limit_descriptor::RateLimitOverride {
            requests_per_unit: limit.requests_per_unit,
            unit: limit.unit,
        }
    };
    let descriptor = |descriptor: &ours::RateLimitDescriptor| common::RateLimitDescriptor {
        entries: descriptor.entries.iter().map(entry).collect(),
        limit: descriptor.limit.map(limit),
        hits_addend: descriptor.hits_addend.map(|value| protobuf::UInt64Value { value }),
        is_negative_hits: descriptor.is_negative_hits,
    };
    envoy::RateLimitRequest {
        domain: request.domain.clone(),
        descriptors: request.descriptors.iter().map(descriptor).collect(),
        hits_addend: request.hits_addend,
    }
}

fn their_response(response: &ours::RateLimitResponse) -> envoy::RateLimitResponse {
    let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let limit = |limit: &ours::rate_limit_response::RateLimit| envoy::rate_limit_response::RateLimit {
        name: string(&limit.name),
        requests_per_unit: limit.requests_per_unit,
        unit: limit.unit,
    };
    let duration = |d: ours::Duration| protobuf::Duration { seconds: d.seconds, nanos: d.nanos };
    let status =
        |status: &ours::rate_limit_response::DescriptorStatus| envoy::rate_limit_response::DescriptorStatus {
            code: status.code,
            current_limit: status.current_limit.as_ref().map(limit),
            limit_remaining: status.limit_remaining,
            duration_until_reset: status.duration_until_reset.map(duration),
            quota: None,
        };
    let header = |header: &ours::HeaderValue| core::HeaderValue {
        key: string(&header.key),
        value: string(&header.value),
        raw_value: header.raw_value.clone(),
    };
    envoy::RateLimitResponse {
        overall_code: response.overall_code,
        statuses: response.statuses.iter().map(status).collect(),
        response_headers_to_add: response.response_headers_to_add.iter().map(header).collect(),
        request_headers_to_add: response.request_headers_to_add.iter().map(header).collect(),
        raw_body: response.raw_body.clone(),
        dynamic_metadata: None,
        quota: None,
    }
}
