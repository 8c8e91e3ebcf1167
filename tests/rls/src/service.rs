//! Questions and answers.

use std::cmp::Reverse;
use std::time::Duration;

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::envoy::r#type::v3::RateLimitUnit;
use envoy_types::pb::google::protobuf;
use tonic::{Request, Response, Status};

use crate::counters::{Counters, State};
use crate::limits::{Counter, Limits};

const DAY: u32 = 24 * 60 * 60;
const UNITS: [(u32, Unit); 7] = [
    (1, Unit::Second),
    (60, Unit::Minute),
    (60 * 60, Unit::Hour),
    (DAY, Unit::Day),
    (7 * DAY, Unit::Week),
    (30 * DAY, Unit::Month),
    (365 * DAY, Unit::Year),
];

/// More than any limit, and small enough for Redis to add.
const MOST_HITS: u64 = 1 << 32;

/// The service.
pub(crate) struct RateLimits {
    limits: Limits,
    counters: Counters,
}

#[tonic::async_trait]
impl RateLimitService for RateLimits {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let request = request.into_inner();
        if request.domain.is_empty() || request.descriptors.is_empty() {
            return Err(Status::invalid_argument("a domain and a descriptor are needed"));
        }
        let wanted = request.descriptors.iter().map(|descriptor| self.counters_of(descriptor, &request));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        let all: Vec<_> = wanted.iter().flatten().cloned().collect();
        let mut states = Vec::new();
        if !all.is_empty() {
            let taken = self.counters.take(&all).await;
            states = taken.map_err(|error| Status::unavailable(format!("Redis: {error}")))?;
        }

        let mut states = states.iter();
        let statuses: Vec<_> = wanted.iter().map(|counters| status(counters, &mut states)).collect();
        let over = statuses.iter().any(|status| status.code == Code::OverLimit as i32);
        let overall_code = if over { Code::OverLimit } else { Code::Ok } as i32;
        Ok(Response::new(RateLimitResponse { overall_code, statuses, ..Default::default() }))
    }
}

impl RateLimits {
    pub(crate) fn new(limits: Limits, counters: Counters) -> Self {
        Self { limits, counters }
    }

    fn counters_of(
        &self,
        descriptor: &RateLimitDescriptor,
        request: &RateLimitRequest,
    ) -> Result<Vec<Counter>, Status> {
        if descriptor.entries.is_empty() || descriptor.entries.iter().any(|entry| entry.key.is_empty()) {
            return Err(Status::invalid_argument("a descriptor needs entries with keys"));
        }
        let hits = match descriptor.hits_addend {
            Some(hits) => hits.value,
            None => u64::from(request.hits_addend.max(1)),
        };
        let hits = hits.min(MOST_HITS).cast_signed();
        let hits = if descriptor.is_negative_hits { -hits } else { hits };
        let Some(limit) = &descriptor.limit else {
            return Ok(self.limits.counters(&request.domain, &descriptor.entries, hits));
        };
        let seconds = seconds(limit.unit())
            .ok_or_else(|| Status::invalid_argument("the limit of a descriptor has no unit"))?;
        let entries: Vec<_> = descriptor.entries.iter().map(|entry| (&entry.key, &entry.value)).collect();
        Ok(vec![Counter {
            key: format!("rls:override:{:?}", (&request.domain, seconds, entries)),
            name: String::new(),
            max: limit.requests_per_unit,
            seconds,
            hits,
        }])
    }
}

/// The verdict on one descriptor: that of the strictest of its limits.
fn status<'a>(counters: &[Counter], states: &mut impl Iterator<Item = &'a State>) -> DescriptorStatus {
    let left = |counter: &Counter, state: &State| u64::from(counter.max).saturating_sub(state.value);
    let strictest = counters.iter().zip(states).min_by_key(|(c, s)| (Reverse(s.over), left(c, s)));
    let Some((counter, state)) = strictest else {
        return DescriptorStatus { code: Code::Ok as i32, ..Default::default() };
    };
    let ends_in = state.ends_in.unwrap_or_else(|| Duration::from_secs(counter.seconds.into()));
    // A window that is no unit has none; the field cannot say "10 seconds".
    let unit = UNITS.iter().find(|(seconds, _)| *seconds == counter.seconds).map(|(_, unit)| *unit);
    DescriptorStatus {
        code: if state.over { Code::OverLimit } else { Code::Ok } as i32,
        current_limit: Some(RateLimit {
            name: counter.name.clone(),
            requests_per_unit: counter.max,
            unit: unit.unwrap_or_default() as i32,
        }),
        limit_remaining: u32::try_from(left(counter, state)).unwrap_or(u32::MAX),
        duration_until_reset: Some(protobuf::Duration {
            seconds: ends_in.as_secs().cast_signed(),
            nanos: ends_in.subsec_nanos().cast_signed(),
        }),
        quota: None,
    }
}

fn seconds(unit: RateLimitUnit) -> Option<u32> {
    match unit {
        RateLimitUnit::Unknown => None,
        RateLimitUnit::Second => Some(1),
        RateLimitUnit::Minute => Some(60),
        RateLimitUnit::Hour => Some(60 * 60),
        RateLimitUnit::Day => Some(DAY),
        RateLimitUnit::Month => Some(30 * DAY),
        RateLimitUnit::Year => Some(365 * DAY),
    }
}
