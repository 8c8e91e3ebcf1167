//! What a call comes to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_kit::{Headers, Host, StreamId};

use crate::breaker::Moment;
use crate::config::Measure;
use crate::filter::{CircuitBreaker, Stream};
use crate::policy::Verdict;
use crate::state::{Outcome, Probe, ProbeEnd};

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
    /// Whether its client has set a deadline that is shorter than ours.
    pub(crate) is_hurried: bool,
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
            is_hurried: false,
        }
    }

    /// Until when it has taken, or takes still.
    fn until(&self, measure: Measure, now: u64) -> u64 {
        match measure {
            Measure::Headers => self.answered.unwrap_or(now),
            Measure::End => now,
        }
    }
}

type World<'a> = (Moment, &'a mut dyn Host);

impl CircuitBreaker {
    /// Looks at the status of a response. One that the upstream is not to blame for, or that is bad, needs no look at the rest.
    pub(crate) fn on_status(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        (status, is_last): (u16, bool),
        (moment, host): World<'_>,
    ) {
        self.on_rerouted_status(stream, status, (moment, &mut *host));
        let Some(call) = &mut stream.call else { return };
        call.answered = Some(moment.now);
        call.is_complete = is_last;
        let Some(rule) = self.breakers.get(call.place).and_then(|it| self.policy.rules.get(it.rule)) else {
            return;
        };
        let verdict = match status {
            // All there is of a failed gRPC call may be its headers (gRPC over HTTP/2, "Trailers-Only").
            200 if is_last => match host.property(&["response", "headers", "grpc-status"]) {
                Some(status) => rule.outcomes.of_grpc(&status, host),
                None => Verdict::Success,
            },
            status => rule.outcomes.of_status(status, host),
        };
        let is_over = match (verdict, rule.measure) {
            (Verdict::Success, Measure::End) => false,
            // Its trailers may still say otherwise. A probe cannot wait for the end of what may be a long response.
            (Verdict::Success, Measure::Headers) => is_last || (call.probe.is_some() && !is_grpc(host)),
            _ => true,
        };
        if is_over {
            self.decide((id, stream), verdict, (moment, host));
        }
    }

    /// Looks at the status of a gRPC call.
    pub(crate) fn on_trailers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        trailers: &Headers,
        (moment, host): World<'_>,
    ) {
        let Some(call) = &mut stream.call else { return };
        call.is_complete = true;
        let Some(rule) = self.breakers.get(call.place).and_then(|it| self.policy.rules.get(it.rule)) else {
            return;
        };
        call.verdict = trailers.first("grpc-status").map(|status| rule.outcomes.of_grpc(status, host));
        if let (Some(verdict), Measure::Headers) = (call.verdict, rule.measure) {
            self.decide((id, stream), verdict, (moment, host));
        }
    }

    /// Decides what a call has come to that is over.
    pub(crate) fn on_call_end(&mut self, (id, stream): (StreamId, &mut Stream), (moment, host): World<'_>) {
        let Some(call) = &stream.call else { return };
        let (place, is_complete, is_answered, said) =
            (call.place, call.is_complete, call.answered.is_some(), call.verdict);
        if !call.is_decided {
            let Some(rule) = self.breakers.get(place).and_then(|it| self.policy.rules.get(it.rule)) else {
                return;
            };
            let verdict = match said {
                Some(verdict) => verdict,
                None if is_complete => Verdict::Success,
                None => match rule.outcomes.of_break(host) {
                    // The upstream had answered in time.
                    Verdict::Impatient if is_answered && rule.measure == Measure::Headers => Verdict::Success,
                    verdict => verdict,
                },
            };
            self.decide((id, stream), verdict, (moment, host));
        }
        self.with(place, |breaker, _| breaker.forget(id));
    }

    fn decide(&mut self, (id, stream): (StreamId, &mut Stream), verdict: Verdict, (moment, host): World<'_>) {
        let Some(call) = &mut stream.call else { return };
        if std::mem::replace(&mut call.is_decided, true) {
            return;
        }
        let call = *call;
        let verdict = if call.is_hurried && is_timeout(host) { Verdict::Impatient } else { verdict };
        let retry_at = match verdict {
            Verdict::Error if call.answered.is_some() => retry_at(moment.now, host),
            _ => 0,
        };
        self.with(call.place, |breaker, rule| {
            let until = call.until(rule.measure, moment.now);
            // As long as the client is still sending, the upstream cannot be late.
            let began = breaker.began(id, call.answered.is_some()).unwrap_or(until);
            let latency = until.saturating_sub(began);
            let is_slow = rule.max_latency.is_some_and(|most| latency > most);
            let was_slow = breaker.is_counted(id);
            let (metrics, untold) = (breaker.metrics, &mut breaker.untold);
            let counts = match verdict {
                Verdict::Success | Verdict::Error => true,
                // A client that leaves after a call has become slow does not make it less so.
                Verdict::Impatient => is_slow,
                Verdict::Ignored | Verdict::Silent => false,
            };
            if counts || verdict == Verdict::Ignored {
                host.record(metrics.latency, latency / 1_000_000);
            }
            if counts && is_slow && !was_slow {
                host.add(metrics.calls_slow, 1);
            }
            match verdict {
                Verdict::Success => untold.successes += 1,
                Verdict::Error => host.add(metrics.calls_error, 1),
                Verdict::Ignored | Verdict::Impatient | Verdict::Silent => untold.ignored += 1,
            }
            let outcome = Outcome { is_error: verdict == Verdict::Error, is_slow };
            if let Some(probe) = call.probe {
                let end = match (counts, verdict) {
                    (true, _) if outcome.is_error || is_slow => ProbeEnd::Failed,
                    (true, _) | (false, Verdict::Ignored) => ProbeEnd::Succeeded,
                    (false, _) => ProbeEnd::Unused,
                };
                breaker.end(probe, end, (rule, moment, host));
            } else if counts {
                breaker.count((id, call.generation), outcome, retry_at, (rule, moment, host));
            }
        });
    }
}

/// Whether Envoy has given up waiting for the upstream (the response flag UT).
fn is_timeout(host: &mut dyn Host) -> bool {
    let flags = host.property(&["response", "flags"]).and_then(|flags| flags.try_into().ok());
    flags.is_some_and(|flags| u64::from_le_bytes(flags) & 1 << 2 != 0)
}

/// Whether a response is one of gRPC, whose status comes last.
fn is_grpc(host: &mut dyn Host) -> bool {
    let kind = host.property(&["response", "headers", "content-type"]);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Until when the upstream wants to be left alone (RFC 9110 section 10.2.3); 0 where it does not say.
fn retry_at(now: u64, host: &mut dyn Host) -> u64 {
    let Some(text) = host.property(&["response", "headers", "retry-after"]) else { return 0 };
    let Ok(text) = std::str::from_utf8(&text) else { return 0 };
    let wall = UNIX_EPOCH + Duration::from_nanos(host.now().as_nanos());
    let span = match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            httpdate::parse_http_date(text).ok().and_then(|date: SystemTime| date.duration_since(wall).ok())
        }
    };
    span.map_or(0, |span| now.saturating_add(crate::policy::as_nanos(span)))
}
