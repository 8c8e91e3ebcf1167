//! The rate limit service: counters for several proxies (`envoy.service.ratelimit.v3`).

use std::collections::BTreeMap;
use std::time::Duration;

use log::Level;
use portcullis_kit::rules::is_token;
use portcullis_kit::{CallId, Circuit, ConfigError, GrpcAnswer, GrpcCall, Host, StreamId};
use portcullis_proto::rate_limit_descriptor::Entry;
use portcullis_proto::rate_limit_response::{Code, DescriptorStatus};
use portcullis_proto::{
    HeaderValue, METHOD, RateLimitDescriptor, RateLimitRequest, RateLimitResponse, SERVICE,
};
use prost::Message;

use crate::bucket::Level as Fill;
use crate::config::ServiceConfig;
use crate::key::LongHash;

/// gRPC's INTERNAL: what an answer counts as that cannot be read.
const UNREADABLE: u32 = 13;
/// gRPC's UNAVAILABLE.
const UNAVAILABLE: u32 = 14;
/// What a service says, or Envoy for it, that cannot answer anybody: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE.
const OUTAGES: [u32; 4] = [4, 8, UNREADABLE, UNAVAILABLE];
/// What an empty part is called: servers refuse an empty value.
const EMPTY: &str = "-";

/// A validated [`ServiceConfig`].
#[derive(Debug)]
pub(crate) struct Settings {
    cluster: String,
    authority: String,
    domain: String,
    timeout: Duration,
    max_waiting: usize,
}

/// The service as one worker knows it.
#[derive(Debug)]
pub(crate) struct Service {
    settings: Settings,
    circuit: Circuit<u32>,
    calls: BTreeMap<u32, Purpose>,
    verdicts: BTreeMap<StreamId, Verdict>,
}

/// What a call is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// A request waits for the answer.
    Check(StreamId),
    /// Tokens in advance, for a key of a limit.
    Ahead { limit: usize, key: LongHash, tokens: u32 },
    /// What a response has cost. A service that refuses it as a whole has counted nothing; then it is charged what is left.
    Charge(RateLimitDescriptor),
    /// Nobody waits for the answer any more.
    Nothing,
}

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All limits have room.
    Ok(Said),
    /// One has not.
    OverLimit(Said),
    /// Nothing, or nothing that can be understood.
    Failed,
}

/// The parts of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// One for each descriptor, where there are as many.
    pub(crate) statuses: Vec<Status>,
    /// For the response to a client that is denied.
    pub(crate) response_headers: Vec<(String, Vec<u8>)>,
    /// For the request to the upstream.
    pub(crate) request_headers: Vec<(String, Vec<u8>)>,
    /// The body of a denial; empty for ours.
    pub(crate) body: Vec<u8>,
}

/// What it says of one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) is_over: bool,
    /// How many per window, and the window in nanoseconds, where it says so.
    pub(crate) limit: Option<(u64, u64)>,
    /// Whether anything limits the descriptor.
    pub(crate) is_limited: bool,
    pub(crate) fill: Fill,
}

impl Service {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, circuit: Circuit::default(), calls: BTreeMap::new(), verdicts: BTreeMap::new() }
    }

    /// Asks for a verdict on descriptors, each with its tokens; `None` where nobody can be asked.
    pub(crate) fn ask(
        &mut self,
        purpose: Purpose,
        descriptors: Vec<RateLimitDescriptor>,
        host: &mut dyn Host,
    ) -> Option<CallId> {
        if self.calls.len() >= self.settings.max_waiting || self.circuit.admit(host.now()).is_err() {
            return None;
        }
        let request = RateLimitRequest {
            domain: self.settings.domain.clone(),
            hits_addend: same_for_all(&descriptors),
            descriptors,
        };
        let message = request.encode_to_vec();
        let call = GrpcCall {
            cluster: &self.settings.cluster,
            authority: &self.settings.authority,
            service: SERVICE,
            method: METHOD,
            message: &message,
            timeout: self.settings.timeout,
        };
        match host.grpc_call(&call) {
            Ok(call) => {
                self.calls.insert(call.0, purpose);
                Some(call)
            }
            Err(error) => {
                self.failed(UNAVAILABLE, &error.to_string(), host);
                None
            }
        }
    }

    /// Tells the service what a response has cost; nobody waits for its answer. Whether it could be told.
    pub(crate) fn charge(&mut self, descriptor: RateLimitDescriptor, host: &mut dyn Host) -> bool {
        self.ask(Purpose::Charge(descriptor.clone()), vec![descriptor], host).is_some()
    }

    /// Takes an answer; `None` for one to a call that is not ours, or was made for a request that is over.
    pub(crate) fn on_answer(
        &mut self,
        CallId(call): CallId,
        answer: &GrpcAnswer,
        host: &mut dyn Host,
    ) -> Option<(Purpose, Verdict)> {
        let purpose = self.calls.remove(&call)?;
        let verdict = match answer {
            GrpcAnswer::Message(message) => verdict(message),
            GrpcAnswer::Status(_) => Verdict::Failed,
        };
        match (&verdict, answer) {
            (Verdict::Failed, GrpcAnswer::Status(status)) if OUTAGES.contains(status) => {
                self.failed(*status, &format!("gRPC status {status}"), host);
            }
            // It answers, and what it makes of one request is no reason not to ask about others.
            (Verdict::Failed, GrpcAnswer::Status(_)) => self.circuit.succeeded(),
            (Verdict::Failed, _) => self.failed(UNREADABLE, "an answer that cannot be understood", host),
            _ => self.circuit.succeeded(),
        }
        match (&purpose, &verdict) {
            (Purpose::Check(stream), _) => {
                self.verdicts.insert(*stream, verdict.clone());
            }
            (Purpose::Charge(descriptor), Verdict::OverLimit(said)) => self.use_up(descriptor, said, host),
            _ => {}
        }
        Some((purpose, verdict))
    }

    fn use_up(&mut self, descriptor: &RateLimitDescriptor, said: &Said, host: &mut dyn Host) {
        let left = said.statuses.first().map_or(0, |status| status.fill.remaining);
        if left > 0 {
            let rest = RateLimitDescriptor { hits_addend: Some(left), ..descriptor.clone() };
            // What is lost is what the service could not count: it refuses from now on.
            let _ = self.ask(Purpose::Nothing, vec![rest], host);
        }
    }

    /// The verdict that a request has waited for.
    pub(crate) fn take_verdict(&mut self, stream: StreamId) -> Option<Verdict> {
        self.verdicts.remove(&stream)
    }

    /// Forgets a request that is over, and was asked about by this call.
    pub(crate) fn forget(&mut self, stream: StreamId, call: CallId) {
        self.verdicts.remove(&stream);
        if let Some(purpose) = self.calls.get_mut(&call.0) {
            *purpose = Purpose::Nothing;
        }
    }

    /// When to ask again, in nanoseconds: a second at least.
    pub(crate) fn retry_after(&self, host: &dyn Host) -> u64 {
        let wait = self.circuit.wait(host.now()).max(Duration::from_secs(1));
        u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
    }

    fn failed(&mut self, status: u32, what: &str, host: &mut dyn Host) {
        if self.circuit.failed(status, host.now()) {
            let cluster = &self.settings.cluster;
            host.log(Level::Warn, &format!("token-bucket: the rate limit service {cluster:?} fails: {what}"));
        }
    }
}

/// The host in the name of a cluster of Istio, `outbound|8081||ratelimit.infra.svc.cluster.local`, and any other name as it is.
fn authority(cluster: &str) -> &str {
    cluster.rsplit('|').next().unwrap_or(cluster)
}

/// A descriptor with these parts, for so many tokens.
pub(crate) fn descriptor<'a>(
    names: impl Iterator<Item = &'a str>,
    parts: &[Vec<u8>],
    tokens: u64,
) -> RateLimitDescriptor {
    let entries = names.zip(parts).map(|(name, part)| {
        let value = if part.is_empty() { EMPTY.into() } else { String::from_utf8_lossy(part) };
        Entry { key: name.to_owned(), value: value.into_owned() }
    });
    RateLimitDescriptor { entries: entries.collect(), hits_addend: Some(tokens), ..Default::default() }
}

/// Servers that do not know the number of a descriptor read that of the request; those that know it prefer it.
fn same_for_all(descriptors: &[RateLimitDescriptor]) -> u32 {
    let most = descriptors.iter().filter_map(|descriptor| descriptor.hits_addend).max();
    u32::try_from(most.unwrap_or(1)).unwrap_or(u32::MAX)
}

fn verdict(message: &[u8]) -> Verdict {
    let Ok(response) = RateLimitResponse::decode(message) else { return Verdict::Failed };
    let said = Said {
        statuses: response.statuses.iter().map(status).collect(),
        response_headers: headers(&response.response_headers_to_add),
        request_headers: headers(&response.request_headers_to_add),
        body: response.raw_body,
    };
    match Code::try_from(response.overall_code) {
        Ok(Code::Ok) => Verdict::Ok(said),
        Ok(Code::OverLimit) => Verdict::OverLimit(said),
        Ok(Code::Unknown) | Err(_) => Verdict::Failed,
    }
}

fn status(status: &DescriptorStatus) -> Status {
    let current = status.current_limit.as_ref();
    let (is_limited, limit) = (current.is_some(), current);
    let limit = limit.and_then(|limit| Some((limit.requests_per_unit.into(), window(limit.unit)?)));
    let next = status.duration_until_reset.as_ref().and_then(|span| {
        let (seconds, nanos) = (u64::try_from(span.seconds).ok()?, u64::try_from(span.nanos).ok()?);
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    });
    Status {
        is_over: status.code == Code::OverLimit as i32,
        limit,
        is_limited,
        fill: Fill { remaining: status.limit_remaining.into(), next },
    }
}

/// In nanoseconds, as Envoy counts them: a month has 30 days, a year 365.
fn window(unit: i32) -> Option<u64> {
    use portcullis_proto::rate_limit_response::rate_limit::Unit;
    let seconds = match Unit::try_from(unit).ok()? {
        Unit::Unknown => return None,
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
        Unit::Day => 24 * 3600,
        Unit::Week => 7 * 24 * 3600,
        Unit::Month => 30 * 24 * 3600,
        Unit::Year => 365 * 24 * 3600,
    };
    Some(seconds * 1_000_000_000)
}

/// Those that are headers; nothing by which a proxy frames or routes.
fn headers(headers: &[HeaderValue]) -> Vec<(String, Vec<u8>)> {
    const RESERVED: [&str; 11] = [
        "connection",
        "content-length",
        "expect",
        "grpc-status",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let valid = headers.iter().filter_map(|header| {
        let name = std::str::from_utf8(&header.key).ok()?.to_ascii_lowercase();
        let value = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
        let is_value = value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
        (is_token(&name) && is_value && !RESERVED.contains(&name.as_str())).then(|| (name, value.clone()))
    });
    valid.take(64).collect()
}

impl TryFrom<ServiceConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: ServiceConfig) -> Result<Self, ConfigError> {
        for (member, text) in [("cluster", &config.cluster), ("domain", &config.domain)] {
            if text.is_empty() {
                return Err(ConfigError::at(member, "empty; write its name"));
            }
        }
        let timeout = config.timeout.0;
        if timeout < Duration::from_millis(1) || timeout > Duration::from_secs(10) {
            let problem = format!("{}; write a time from 1ms to 10s", config.timeout);
            return Err(ConfigError::at("timeout", problem));
        }
        if config.max_waiting == 0 {
            return Err(ConfigError::at("max_waiting", "0, and nobody could ask; write at least 1"));
        }
        let authority = config.authority.unwrap_or_else(|| authority(&config.cluster).to_owned());
        if authority.is_empty()
            || !authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        {
            let problem = format!(
                "{authority:?} is no host; write the one that the service knows, as in ratelimit.example"
            );
            return Err(ConfigError::at("authority", problem));
        }
        Ok(Self {
            cluster: config.cluster,
            authority,
            domain: config.domain,
            timeout,
            max_waiting: usize::try_from(config.max_waiting).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use portcullis_proto::rate_limit_response::{RateLimit, rate_limit::Unit};

    use super::*;

    fn service() -> Service {
        let cluster = "outbound|8081||rls.example".to_owned();
        let config = ServiceConfig {
            cluster,
            authority: None,
            domain: "shop".to_owned(),
            timeout: portcullis_kit::Span(Duration::from_millis(20)),
            max_waiting: 2,
        };
        Service::new(config.try_into().unwrap())
    }

    fn of_alice(tokens: u64) -> RateLimitDescriptor {
        descriptor(["user", "plan"].into_iter(), &[b"alice".to_vec(), Vec::new()], tokens)
    }

    fn ask(service: &mut Service, stream: u32, host: &mut TestHost) -> bool {
        service.ask(Purpose::Check(StreamId(stream)), vec![of_alice(3)], host).is_some()
    }

    #[test]
    fn a_question_is_a_call_of_the_service() {
        let (mut host, mut service) = (TestHost::at(1000), service());
        assert!(ask(&mut service, 1, &mut host));
        let call = &host.calls[0];
        assert_eq!(call.cluster, "outbound|8081||rls.example");
        assert_eq!(service.settings.authority, "rls.example");
        assert_eq!(call.headers[0].1, "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
        let request = RateLimitRequest::decode(&call.body[..]).unwrap();
        assert_eq!((request.domain.as_str(), request.hits_addend), ("shop", 3));
        let values: Vec<_> = request.descriptors[0].entries.iter().map(|entry| &entry.value[..]).collect();
        assert_eq!(values, ["alice", "-"]);
        assert_eq!(request.descriptors[0].hits_addend, Some(3));
    }

    #[test]
    fn an_answer_is_read_and_what_is_none_is_a_failure() {
        let limit = RateLimit { requests_per_unit: 10, unit: Unit::Minute as i32, name: vec![0xff] };
        let status = DescriptorStatus {
            code: Code::OverLimit as i32,
            current_limit: Some(limit),
            limit_remaining: 4,
            duration_until_reset: Some(portcullis_proto::Duration { seconds: 2, nanos: 5 }),
        };
        let header = |key: &str, value: &[u8]| HeaderValue {
            key: key.into(),
            value: value.to_vec(),
            raw_value: Vec::new(),
        };
        let response = RateLimitResponse {
            overall_code: Code::OverLimit as i32,
            statuses: vec![status],
            response_headers_to_add: vec![
                header("X-A", b"1"),
                header("x-b", b"1\r\nx-c: 2"),
                header(":status", b"200"),
                header("Content-Length", b"0"),
            ],
            ..RateLimitResponse::default()
        };
        let Verdict::OverLimit(said) = verdict(&response.encode_to_vec()) else { panic!() };
        let fill = Fill { remaining: 4, next: Some(2_000_000_005) };
        assert_eq!(
            said.statuses,
            [Status { is_over: true, limit: Some((10, 60_000_000_000)), is_limited: true, fill }]
        );
        assert_eq!(said.response_headers, [("x-a".to_owned(), b"1".to_vec())]);
        for bytes in [&b"\xff"[..], b"", b"\x08\x00", b"\x08\x09"] {
            assert_eq!(verdict(bytes), Verdict::Failed, "{bytes:?}");
        }
    }

    #[test]
    fn a_charge_that_is_refused_uses_up_what_is_left() {
        let (mut host, mut service) = (TestHost::at(1000), service());
        assert!(service.charge(of_alice(60), &mut host));
        let status = DescriptorStatus { limit_remaining: 40, ..DescriptorStatus::default() };
        let overall_code = Code::OverLimit as i32;
        let response = RateLimitResponse { overall_code, statuses: vec![status], ..Default::default() };
        service.on_answer(CallId(4), &GrpcAnswer::Message(response.encode_to_vec()), &mut host);
        let request = RateLimitRequest::decode(&host.calls[1].body[..]).unwrap();
        assert_eq!(request.descriptors, [of_alice(40)]);
        service.on_answer(CallId(8), &GrpcAnswer::Message(response.encode_to_vec()), &mut host);
        assert_eq!(host.calls.len(), 2, "that is that");
    }

    #[test]
    fn few_wait_and_a_service_that_fails_is_spared() {
        let (mut host, mut service) = (TestHost::at(1000), service());
        assert!(ask(&mut service, 1, &mut host) && ask(&mut service, 2, &mut host));
        assert!(!ask(&mut service, 3, &mut host), "two wait already");
        service.on_answer(CallId(4), &GrpcAnswer::Message(b"\x08\x01".to_vec()), &mut host);
        assert!(matches!(service.take_verdict(StreamId(1)), Some(Verdict::Ok(_))));
        assert_eq!(service.take_verdict(StreamId(1)), None);
        service.forget(StreamId(2), CallId(8));
        service.on_answer(CallId(8), &GrpcAnswer::Status(14), &mut host);
        assert_eq!(service.take_verdict(StreamId(2)), None, "nobody waits for it any more");
        for call in 3..7 {
            assert!(ask(&mut service, call, &mut host));
            service.on_answer(CallId(call * 4), &GrpcAnswer::Status(4), &mut host);
        }
        assert!(!ask(&mut service, 9, &mut host), "five failures in a row");
        assert_eq!(service.retry_after(&host), 1_000_000_000);
        host.advance(Duration::from_secs(1));
        assert!(ask(&mut service, 9, &mut host));
        assert!(!ask(&mut service, 10, &mut host), "one is tried");
        // INVALID_ARGUMENT: it is there.
        service.on_answer(CallId(28), &GrpcAnswer::Status(3), &mut host);
        assert!(ask(&mut service, 11, &mut host));
        assert_eq!(service.on_answer(CallId(999), &GrpcAnswer::Status(4), &mut host), None);
    }
}
