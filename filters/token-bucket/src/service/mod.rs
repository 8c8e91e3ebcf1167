//! The rate limit service: counters for several proxies (`envoy.service.ratelimit.v3`).

use std::collections::BTreeMap;
use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Circuit, GrpcAnswer, GrpcCall, Host, StreamId};
use portcullis_proto::ratelimit::{METHOD, RateLimitDescriptor, RateLimitRequest, SERVICE};
use prost::Message;

use crate::key::LongHash;

mod settings;
mod wire;

pub(crate) use settings::Settings;
pub(crate) use wire::{Said, Status, Verdict, descriptor};

/// gRPC's INTERNAL: what an answer counts as that cannot be read.
const UNREADABLE: u32 = 13;
/// gRPC's UNAVAILABLE.
const UNAVAILABLE: u32 = 14;
/// What a service says, or Envoy for it, that cannot answer anybody: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE.
const OUTAGES: [u32; 4] = [4, 8, UNREADABLE, UNAVAILABLE];
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
            hits_addend: wire::same_for_all(&descriptors),
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
            GrpcAnswer::Message(message) => wire::verdict(message),
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

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use portcullis_proto::ratelimit::RateLimitResponse;
    use portcullis_proto::ratelimit::rate_limit_response::{Code, DescriptorStatus};

    use super::*;
    use crate::config::ServiceConfig;

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
