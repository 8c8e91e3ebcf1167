//! The way through the fallbacks of a request that does not pass.

use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{Headers, Host, LocalReply};

use crate::breaker::{Breaker, Moment};
use crate::denial::{Denial, Reason};
use crate::fallback::snapshot::{self, Capture};
use crate::fallback::{Fallback, Kind, Situation, plain};
use crate::filter::{CircuitBreaker, Found, Stream};
use crate::policy::{Rule, StateHeader};
use crate::state::State;

/// A request that was sent elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Rerouted {
    rule: usize,
    fallback: usize,
    /// The cluster that it would have gone to.
    spared: Option<Vec<u8>>,
}

/// The value of the header that names a breaker: a token and a parameter (RFC 9651).
pub(crate) fn shown(breaker: &str, state: State) -> String {
    format!("{};state={}", plain(breaker), state.name())
}

/// For how long a fallback is left out that has led nowhere, in nanoseconds.
const UNKNOWN: u64 = 60_000_000_000;

/// A request that does not pass.
struct Refused<'a> {
    breaker: &'a Breaker,
    rule: &'a Rule,
    /// The key of the breaker, all of it.
    key: &'a [u8],
    denial: Denial<'a>,
    is_grpc: bool,
    now: u64,
}

/// What a fallback has made of it.
enum Served {
    Answered(LocalReply),
    Rerouted,
}

impl CircuitBreaker {
    /// Serves a request that does not pass: by the first fallback that fits and can, else plainly. `Ok` where it goes elsewhere.
    pub(crate) fn serve(
        &mut self,
        (Found { place, key }, reason, wait): (&Found, Reason, u64),
        stream: &mut Stream,
        request: &mut Headers,
        (moment, host): (Moment, &mut dyn Host),
    ) -> Result<(), LocalReply> {
        let Some(breaker) = self.breakers.get(*place) else { return Ok(()) };
        let Some(rule) = self.policy.rules.get(breaker.rule) else { return Ok(()) };
        host.add(breaker.metrics.denied, 1);
        let state = if reason == Reason::ForcedOpen { State::Open } else { breaker.state() };
        let refused = Refused {
            denial: Denial { reason, breaker: &breaker.name, state, wait },
            is_grpc: is_grpc_request(request, self.policy.reads_request, host),
            now: moment.now,
            breaker,
            rule,
            key,
        };
        let situation =
            Situation { time_open: breaker.not_closed_for(moment.now), in_flight: self.in_flight };
        let shown = self.policy.state_header.as_ref().map(|header| (header, shown(&breaker.name, state)));
        for (index, fallback) in rule.fallbacks.iter().enumerate() {
            if !fallback.fits(&situation, request, host) {
                continue;
            }
            match self.attempt(&refused, (index, fallback), request, host) {
                None => {}
                Some(Served::Answered(reply)) => return Err(with_header(reply, shown)),
                Some(Served::Rerouted) => {
                    let spared = host.property(&["xds", "cluster_name"]);
                    stream.rerouted = Some(Rerouted { rule: breaker.rule, fallback: index, spared });
                    stream.shown = shown.map(|(_, value)| value);
                    return Ok(());
                }
            }
        }
        let reply = self.policy.reply.render(&refused.denial, refused.is_grpc);
        Err(with_header(reply, shown))
    }

    /// Lets a fallback serve a request, if it can and has the budget.
    fn attempt(
        &self,
        refused: &Refused<'_>,
        (index, fallback): (usize, &Fallback),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Option<Served> {
        let Refused { breaker, rule, key, denial, is_grpc, now } = refused;
        let (served, counter) = match &fallback.kind {
            Kind::Snapshot(settings) => {
                let snapshots = self.snapshots.get(breaker.rule)?.as_ref().filter(|_| !is_grpc)?;
                let reply = snapshot::serve(settings, (snapshots, key), request, *now)?;
                (Served::Answered(reply), breaker.metrics.fallback_snapshot)
            }
            Kind::Reroute(_) if self.unknown.get(&(breaker.rule, index)).is_some_and(|until| now < until) => {
                return None;
            }
            Kind::Reroute(_) => (Served::Rerouted, breaker.metrics.fallback_reroute),
            Kind::Static(fixed) => {
                (Served::Answered(fixed.render(denial, *is_grpc)), breaker.metrics.fallback_static)
            }
        };
        let budget = || format!("{}{}/budget/{index}", self.entries, rule.name);
        if !fallback.spend(budget, *now, host) {
            return None;
        }
        if let Kind::Reroute(reroute) = &fallback.kind {
            reroute.apply(request, host);
        }
        host.add(counter, 1);
        Some(served)
    }

    /// Leaves out, for a while, a fallback that has led nowhere: Envoy knows no such cluster, or has chosen the one that is spared.
    pub(crate) fn on_rerouted(&mut self, stream: &Stream, (moment, host): (Moment, &mut dyn Host)) {
        let Some(Rerouted { rule: index, fallback, spared }) = &stream.rerouted else { return };
        let details = host.property(&["response", "code_details"]);
        let is_spared = spared.is_some() && host.property(&["xds", "cluster_name"]) == *spared;
        let problem = match (details.as_deref(), is_spared) {
            (Some(b"cluster_not_found"), _) => "Envoy has no such cluster; define it, or write another value",
            (_, true) => {
                "Envoy has chosen the same cluster; write a route for the header before the usual one"
            }
            _ => return,
        };
        let former = self.unknown.insert((*index, *fallback), moment.now.saturating_add(UNKNOWN));
        let is_news = former.is_none_or(|former| former <= moment.now);
        let Some(rule) = self.policy.rules.get(*index).filter(|_| is_news) else { return };
        host.log(
            Level::Warn,
            &format!("circuit-breaker: {}: fallback[{fallback}].reroute: {problem}", rule.name),
        );
    }

    /// Begins to keep the response to a request that has passed.
    pub(crate) fn begin_capture(&self, found: &Found, request: &Headers, now: u64) -> Option<Box<Capture>> {
        let breaker = self.breakers.get(found.place)?;
        let snapshots = self.snapshots.get(breaker.rule)?.as_ref()?;
        let settings = self.policy.rules.get(breaker.rule)?.snapshot()?;
        Capture::begin(settings, (snapshots, &found.key), request, now)
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
        match is_last {
            true => capture.finish(settings),
            false => stream.capture = Some(capture),
        }
    }
}

fn with_header(mut reply: LocalReply, shown: Option<(&StateHeader, String)>) -> LocalReply {
    if let Some((header, value)) = shown {
        reply.headers.push((header.name.clone().into(), value.into_bytes()));
    }
    reply
}

/// Whether a client is told in the words of gRPC.
fn is_grpc_request(request: &Headers, is_read: bool, host: &mut dyn Host) -> bool {
    if is_read {
        return is_grpc(request);
    }
    let kind = host.property(&["request", "headers", "content-type"]);
    is_grpc(&Headers::from_iter(kind.map(|kind| ("content-type", kind))))
}
