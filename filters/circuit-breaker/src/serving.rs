//! The way through the fallbacks of a request that does not pass.

use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{Headers, Host, LocalReply};

use crate::breaker::Moment;
use crate::denial::{Denial, Reason};
use crate::fallback::snapshot::{self, Capture};
use crate::fallback::{Kind, Situation};
use crate::filter::{CircuitBreaker, Stream};
use crate::state::State;

/// A request that was sent elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rerouted {
    rule: usize,
    fallback: usize,
}

/// The value of the header that names a breaker: a token and a parameter (RFC 9651).
pub(crate) fn shown(breaker: &str, state: State) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let name: String = breaker.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("{name};state={}", state.name())
}

impl CircuitBreaker {
    /// Serves a request that does not pass: by the first fallback that fits and can, else plainly. `Ok` where it goes elsewhere.
    pub(crate) fn serve(
        &mut self,
        (place, reason, wait): (usize, Reason, u64),
        stream: &mut Stream,
        request: &mut Headers,
        (moment, host): (Moment, &mut dyn Host),
    ) -> Result<(), LocalReply> {
        let Some(breaker) = self.breakers.get(place) else { return Ok(()) };
        let Some(rule) = self.policy.rules.get(breaker.rule) else { return Ok(()) };
        let metrics = breaker.metrics;
        host.add(metrics.denied, 1);
        let is_grpc = is_grpc_request(request, self.policy.reads_request, host);
        let state = if reason == Reason::ForcedOpen { State::Open } else { breaker.state() };
        let denial = Denial { reason, breaker: &breaker.name, state, wait };
        let (time_open, now) = (breaker.time_away(moment.now), moment.now);
        let situation = Situation { time_open, in_flight: self.in_flight };
        let header =
            self.policy.state_header.as_ref().map(|header| (&header.name, shown(&breaker.name, state)));
        let mut served = None;
        for (index, fallback) in rule.fallbacks.iter().enumerate() {
            if !fallback.fits(&situation, request, host) {
                continue;
            }
            let budget = format!("{}{}/budget/{index}", self.entries, rule.name);
            match &fallback.kind {
                Kind::Snapshot(settings) => {
                    let Some(Some(snapshots)) = self.snapshots.get(breaker.rule) else { continue };
                    let code = "portcullis_circuit_snapshot";
                    let found = snapshot::serve(settings, (snapshots, &breaker.name), request, code, now);
                    let Some(reply) = found.filter(|_| !is_grpc && fallback.spend(&budget, now, host)) else {
                        continue;
                    };
                    host.add(metrics.fallback_snapshot, 1);
                    served = Some(reply);
                }
                Kind::Reroute(reroute) => {
                    if !fallback.spend(&budget, now, host) {
                        continue;
                    }
                    host.add(metrics.fallback_reroute, 1);
                    request.set(&reroute.header, reroute.value.as_bytes());
                    // Envoy 1.40 chooses the route anew by itself, after a module of this ABI has changed a header; others have to be asked.
                    // There is nothing to be done where it cannot: the route that it has is then the one that the client gets.
                    let _ = host.foreign("clear_route_cache", b"");
                    stream.rerouted = Some(Rerouted { rule: breaker.rule, fallback: index });
                    stream.shown = header.map(|(_, value)| value);
                    return Ok(());
                }
                Kind::Static(fixed) => {
                    if !fallback.spend(&budget, now, host) {
                        continue;
                    }
                    host.add(metrics.fallback_static, 1);
                    served = Some(fixed.render(&denial, is_grpc));
                }
            }
            break;
        }
        let mut reply = served.unwrap_or_else(|| self.policy.reply.render(&denial, is_grpc));
        if let Some((name, value)) = header {
            reply.headers.push((name.clone().into(), value.into_bytes()));
        }
        Err(reply)
    }

    /// Warns of an upstream that does not exist: no fallback of this kind will ever work.
    pub(crate) fn on_rerouted_status(
        &mut self,
        stream: &Stream,
        status: u16,
        (_, host): (Moment, &mut dyn Host),
    ) {
        let Some(Rerouted { rule, fallback }) = stream.rerouted else { return };
        if status < 500
            || host.property(&["response", "code_details"]).as_deref() != Some(b"cluster_not_found")
        {
            return;
        }
        let Some(rule) = self.policy.rules.get(rule) else { return };
        let name = &rule.name;
        host.log(
            Level::Warn,
            &format!("circuit-breaker: {name}: fallback[{fallback}].reroute: Envoy has no such cluster; define it, or write another value"),
        );
    }

    /// Begins to keep the response to a request that has passed.
    pub(crate) fn begin_capture(&self, place: usize, request: &Headers, now: u64) -> Option<Box<Capture>> {
        let breaker = self.breakers.get(place)?;
        let snapshots = self.snapshots.get(breaker.rule)?.as_ref()?;
        let settings = self.policy.rules.get(breaker.rule)?.snapshot()?;
        Capture::begin(settings, (snapshots, &breaker.name), request, now)
    }

    pub(crate) fn capture_headers(&self, stream: &mut Stream, response: &Headers, status: u16, now: u64) {
        self.capture(stream, response.is_last, |capture, settings| {
            capture.on_headers(settings, response, status, now)
        });
    }

    pub(crate) fn capture_body(&self, stream: &mut Stream, piece: &[u8], is_last: bool) {
        self.capture(stream, is_last, |capture, settings| capture.on_body(settings, piece));
    }

    /// Goes on with a response as long as it is kept, and keeps it when it is complete.
    fn capture(
        &self,
        stream: &mut Stream,
        is_last: bool,
        step: impl FnOnce(&mut Capture, &snapshot::Settings) -> bool,
    ) {
        let rule =
            stream.call.as_ref().and_then(|call| self.breakers.get(call.place)).map(|breaker| breaker.rule);
        let Some((mut capture, rule)) = stream.capture.take().zip(rule) else { return };
        let Some(settings) = self.policy.rules.get(rule).and_then(|rule| rule.snapshot()) else { return };
        if !step(&mut capture, settings) {
            return;
        }
        match (is_last, self.snapshots.get(rule)) {
            (true, Some(Some(snapshots))) => capture.finish(snapshots, settings),
            _ => stream.capture = Some(capture),
        }
    }
}

/// Whether a client is told in the words of gRPC.
fn is_grpc_request(request: &Headers, is_read: bool, host: &mut dyn Host) -> bool {
    if is_read {
        return is_grpc(request);
    }
    let kind = host.property(&["request", "headers", "content-type"]);
    is_grpc(&Headers::from_iter(kind.map(|kind| ("content-type", kind))))
}
