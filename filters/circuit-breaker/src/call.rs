//! What a call comes to.

use portcullis_kit::{Headers, Host, StreamId, retry_after};

use crate::breaker::Moment;
use crate::config::Measure;
use crate::filter::{CircuitBreaker, Stream};
use crate::policy::{Rule, Stage, Verdict, as_nanos};
use crate::state::{Outcome, Probe};

/// gRPC's DEADLINE_EXCEEDED.
const DEADLINE_EXCEEDED: &[u8] = b"4";
/// Envoy's response flag UT: the router has given up waiting for the upstream.
const UPSTREAM_REQUEST_TIMEOUT: u64 = 1 << 2;

/// A request that has passed, until it is known what it has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) place: usize,
    probe: Option<Probe>,
    generation: u32,
    /// When the response headers came.
    answered: Option<u64>,
    /// What the trailers say.
    verdict: Option<Verdict>,
    /// Whether all of the response has come.
    pub(crate) is_complete: bool,
    is_decided: bool,
    /// Whether its client has set a deadline that is much shorter than ours.
    pub(crate) has_client_deadline: bool,
}

impl Call {
    pub(crate) fn new(place: usize, probe: Option<Probe>, generation: u32) -> Self {
        Self {
            place,
            probe,
            generation,
            answered: None,
            verdict: None,
            is_complete: false,
            is_decided: false,
            has_client_deadline: false,
        }
    }
}

impl CircuitBreaker {
    /// Looks at the status of a response. One that is bad needs no look at the rest. Whether the upstream has sent it.
    pub(crate) fn on_status(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        (status, is_last): (u16, bool),
        (moment, host): (Moment, &mut dyn Host),
    ) -> bool {
        let is_kept = stream.capture.is_some();
        let Some(call) = &mut stream.call else { return false };
        let Some(breaker) = self.breakers.get_mut(call.place) else { return false };
        let Some(rule) = self.policy.rules.get(breaker.rule) else { return false };
        let stage = breaker.on_its_way.stage(id);
        call.answered = Some(moment.now);
        call.is_complete = is_last;
        // All there is of a failed gRPC call may be its headers (gRPC over HTTP/2, "Trailers-Only").
        let grpc_status = match status {
            200 if is_last => host.property(&["response", "headers", "grpc-status"]),
            _ => None,
        };
        let said = grpc_status
            .as_ref()
            .map_or_else(|| rule.outcomes.of_status(status), |it| rule.outcomes.of_grpc(it));
        // Whose it is costs an attribute, and matters where it is no success, or where a success makes a difference.
        let is_plain = said == Verdict::Success
            && status < 400
            && call.probe.is_none()
            && !is_kept
            && !breaker.has_bad();
        let mut verdict = if is_plain { said } else { rule.outcomes.unless_local(said, stage, host) };
        if verdict == Verdict::Error && gave_up(call, rule, grpc_status.as_deref(), host) {
            verdict = Verdict::ClientGone;
        }
        let is_good = verdict == Verdict::Success;
        if is_good && rule.measure == Measure::Headers {
            breaker.on_its_way.in_time(id);
        }
        let is_over = match rule.measure {
            Measure::End => !is_good,
            // Its trailers may still say otherwise. A probe cannot wait for the end of what may be a long response.
            Measure::Headers => !is_good || is_last || (call.probe.is_some() && !is_grpc(host)),
        };
        if is_over {
            self.decide((id, stream), verdict, (moment, host));
        }
        verdict != Verdict::NotAsked
    }

    /// Looks at the status of a gRPC call.
    pub(crate) fn on_trailers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        trailers: &Headers,
        (moment, host): (Moment, &mut dyn Host),
    ) {
        let Some(call) = &mut stream.call else { return };
        call.is_complete = true;
        let Some(rule) = self.breakers.get(call.place).and_then(|it| self.policy.rules.get(it.rule)) else {
            return;
        };
        let Some(status) = trailers.first("grpc-status") else { return };
        let mut verdict = rule.outcomes.of_grpc(status);
        if verdict == Verdict::Error && status == DEADLINE_EXCEEDED && gave_up(call, rule, Some(status), host)
        {
            verdict = Verdict::ClientGone;
        }
        call.verdict = Some(verdict);
        if rule.measure == Measure::Headers {
            self.decide((id, stream), verdict, (moment, host));
        }
    }

    /// Decides what a call has come to that is over.
    pub(crate) fn on_call_end(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        (moment, host): (Moment, &mut dyn Host),
    ) {
        let Some(call) = stream.call else { return };
        let Some(breaker) = self.breakers.get(call.place) else { return };
        let Some(rule) = self.policy.rules.get(breaker.rule) else { return };
        if !call.is_decided {
            let verdict = match call.verdict {
                Some(verdict) => verdict,
                None if call.is_complete => Verdict::Success,
                None => {
                    let stage =
                        Stage { is_answered: call.answered.is_some(), ..breaker.on_its_way.stage(id) };
                    match rule.outcomes.of_break(stage, host) {
                        // The upstream had answered in time.
                        Verdict::ClientGone if stage.is_answered && rule.measure == Measure::Headers => {
                            Verdict::Success
                        }
                        verdict => verdict,
                    }
                }
            };
            self.decide((id, stream), verdict, (moment, host));
        }
        self.with(call.place, |breaker, _| breaker.on_its_way.forget(id));
    }

    fn decide(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        verdict: Verdict,
        (moment, host): (Moment, &mut dyn Host),
    ) {
        let Some(call) = stream.call.as_mut().filter(|call| !call.is_decided) else { return };
        call.is_decided = true;
        let call = *call;
        let retry_at = match verdict {
            Verdict::Error if call.answered.is_some() => retry_at(moment.now, host),
            _ => 0,
        };
        self.with(call.place, |breaker, rule| {
            let end = match rule.measure {
                Measure::Headers => call.answered.unwrap_or(moment.now),
                Measure::End => moment.now,
            };
            // As long as the client is still sending, the upstream cannot be late.
            let latency = breaker.on_its_way.sent_at(id).map(|sent| end.saturating_sub(sent));
            let is_slow = rule.max_latency.zip(latency).is_some_and(|(most, latency)| latency > most);
            let counts = verdict.counts(is_slow);
            breaker.tell_call((id, verdict), latency, is_slow && counts, host);
            let outcome = Outcome { is_error: verdict == Verdict::Error, is_slow };
            match call.probe {
                Some(probe) => {
                    breaker.end(probe, (verdict.probe_end(is_slow), retry_at), (rule, moment, host));
                }
                None if counts => {
                    breaker.count((id, call.generation), outcome, retry_at, (rule, moment, host));
                }
                None => {}
            }
            breaker.on_its_way.decided(id);
        });
    }
}

/// Whether it is a deadline of the client's own that is over. Where the rule has no timeout, nobody has looked at it before.
fn gave_up(call: &Call, rule: &Rule, grpc_status: Option<&[u8]>, host: &mut dyn Host) -> bool {
    let flags = host.property(&["response", "flags"]).and_then(|flags| flags.try_into().ok());
    let is_over = grpc_status == Some(DEADLINE_EXCEEDED)
        || flags.is_some_and(|flags| u64::from_le_bytes(flags) & UPSTREAM_REQUEST_TIMEOUT != 0);
    let mut of_grpc = || host.property(&["request", "headers", "grpc-timeout"]).is_some();
    is_over && (call.has_client_deadline || (rule.timeout.is_none() && of_grpc()))
}

/// Whether a response is one of gRPC, whose status comes last.
fn is_grpc(host: &mut dyn Host) -> bool {
    let kind = host.property(&["response", "headers", "content-type"]);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Until when the upstream wants to be left alone; 0 where it does not say.
fn retry_at(now: u64, host: &mut dyn Host) -> u64 {
    let value = host.property(&["response", "headers", "retry-after"]);
    let span = value.and_then(|value| retry_after(&value, host.now()));
    span.map_or(0, |span| now.saturating_add(as_nanos(span)))
}
