use std::time::Duration;

use hashbrown::HashMap;
use log::Level;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{
    Action, ConfigError, Headers, Host, HttpFilter, LocalReply, Reads, StreamId, domain, parse_config,
};

use crate::breaker::{Breaker, Moment, fold_seed};
use crate::call::Call;
use crate::config::{CircuitBreakerConfig, Mode};
use crate::deadline;
use crate::denial::{Denial, Reason};
use crate::directory::Directory;
use crate::fallback::snapshot::{Capture, Snapshots};
use crate::metrics::{Metrics, as_name};
use crate::policy::{LONGEST_KEY, Policy, Rule, as_nanos};
use crate::serving::{Rerouted, shown};
use crate::state::{Admission, Probe, State};

/// The filter: spares upstreams that fail or are slow.
#[derive(Debug)]
pub struct CircuitBreaker {
    pub(crate) policy: Policy,
    /// With a slash behind it.
    pub(crate) entries: String,
    pub(crate) breakers: Vec<Breaker>,
    /// Where the breaker of each rule and value of its key is; the empty one is that of all other values.
    places: Vec<HashMap<Vec<u8>, usize>>,
    /// By rule.
    directories: Vec<Directory>,
    /// By rule, where it has any.
    pub(crate) snapshots: Vec<Option<Snapshots>>,
    /// Fallbacks whose cluster Envoy does not know, by rule and number, and until when they are left out.
    pub(crate) unknown: HashMap<(usize, usize), u64>,
    random: fastrand::Rng,
    /// Whether there are no more ticks: then everything is told at once.
    is_stopped: bool,
    /// How many requests are on their way through this worker.
    pub(crate) in_flight: usize,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    pub(crate) call: Option<Call>,
    pub(crate) capture: Option<Box<Capture>>,
    pub(crate) rerouted: Option<Rerouted>,
    /// The value of the header that names the breaker.
    pub(crate) shown: Option<String>,
}

/// The breaker of a request.
#[derive(Debug)]
pub(crate) struct Found {
    /// Which one.
    pub(crate) place: usize,
    /// The key, all of it: several may share a breaker.
    pub(crate) key: Vec<u8>,
}

impl HttpFilter for CircuitBreaker {
    const NAME: &'static str = "circuit-breaker";
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let policy = Policy::try_from(parse_config::<CircuitBreakerConfig>(configuration)?)?;
        Ok(Self {
            entries: String::new(),
            breakers: Vec::new(),
            places: policy.rules.iter().map(|_| HashMap::new()).collect(),
            directories: Vec::new(),
            snapshots: policy.rules.iter().map(|rule| rule.snapshot().map(|_| Snapshots::new())).collect(),
            unknown: HashMap::new(),
            random: fastrand::Rng::with_seed(0),
            is_stopped: false,
            in_flight: 0,
            policy,
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        let domain = domain(self.policy.domain.as_deref(), Self::NAME, host);
        self.entries = format!("portcullis/circuit-breaker/{domain}/");
        let entry = |rule: &Rule| format!("{}{}/keys/{:?}", self.entries, rule.name, rule.keys.parts);
        self.directories =
            self.policy.rules.iter().map(|rule| Directory::new(entry(rule), rule.keys.max)).collect();
        match host.random() {
            Some(seed) => self.random = fastrand::Rng::with_seed(fold_seed(seed)),
            None => host
                .log(Level::Warn, "circuit-breaker: the proxy has no randomness: all workers throttle alike"),
        }
    }

    fn tick(&self) -> Duration {
        self.policy.sync
    }

    fn inherit(&mut self, former: &Self) {
        // Other plugins are in the same VM, and have other users.
        if self.entries != former.entries {
            return;
        }
        for (rule, snapshots) in self.policy.rules.iter().zip(&mut self.snapshots) {
            let mut theirs = former.policy.rules.iter().zip(&former.snapshots);
            if let (Some(ours), Some((_, Some(kept)))) = (snapshots, theirs.find(|(it, _)| it.keeps_as(rule)))
            {
                *ours = kept.clone();
            }
        }
    }

    fn reads_request(&self) -> bool {
        self.policy.reads_request
    }

    fn on_request_headers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        self.forget_reserved(request, host)?;
        let Some(rule) = self.rule(request, host) else { return Ok(Action::Continue) };
        let Some(found) = self.found(rule, request, host) else { return Ok(Action::Continue) };
        let place = found.place;
        let moment = self.moment(host);
        match self.refusal(place, request.is_last, (moment, host)) {
            Err((reason, wait)) if !self.is_metrics_only(rule) => {
                self.serve((&found, reason, wait), stream, request, (moment, host))?;
            }
            Err(_) => {
                self.with(place, |breaker, _| host.add(breaker.metrics.shadow_denied, 1));
                self.pass((id, stream), &found, None, request, moment);
            }
            Ok(probe) => {
                if probe.is_some() {
                    self.with(place, |breaker, _| host.add(breaker.metrics.probes, 1));
                }
                self.pass((id, stream), &found, probe, request, moment);
            }
        }
        if let Some(timeout) = self.policy.rules.get(rule).and_then(|rule| rule.timeout) {
            let has_client_deadline = deadline::limit(request, timeout);
            if let Some(call) = &mut stream.call {
                call.has_client_deadline = has_client_deadline;
            }
        }
        self.in_flight += usize::from(self.watches(stream));
        Ok(Action::Continue)
    }

    fn watches(&self, stream: &Stream) -> bool {
        stream.call.is_some() || stream.rerouted.is_some()
    }

    fn on_request_end(&mut self, (id, stream): (StreamId, &mut Stream), host: &mut dyn Host) {
        let now = self.moment(host).now;
        if let Some(call) = &stream.call {
            self.with(call.place, |breaker, _| breaker.on_its_way.sent(id, now));
        }
    }

    fn reads_response(&self, stream: &Stream) -> Reads {
        if stream.capture.is_some() { Reads::All } else { Reads::Only(&[":status"]) }
    }

    fn on_response_headers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        response: &mut Headers,
        host: &mut dyn Host,
    ) {
        let status = response.first(":status").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let moment = self.moment(host);
        if let Some(status) = status {
            self.on_rerouted(stream, (moment, &mut *host));
            let is_upstreams = self.on_status((id, stream), (status, response.is_last), (moment, host));
            if is_upstreams {
                self.capture_headers(stream, response, status, moment.now);
            } else {
                stream.capture = None;
            }
        }
        if let (Some(value), Some(header)) = (stream.shown.take(), &self.policy.state_header) {
            response.set(&header.name, value.as_bytes());
        }
    }

    fn reads_body(&self, stream: &Stream) -> bool {
        stream.capture.is_some()
    }

    fn on_response_body(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        (piece, is_last): (&[u8], bool),
        _: &mut dyn Host,
    ) {
        self.capture_body(stream, piece, is_last);
        if let (Some(call), true) = (&mut stream.call, is_last) {
            call.is_complete = true;
        }
    }

    fn on_response_trailers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        trailers: &Headers,
        host: &mut dyn Host,
    ) {
        // Trailers may be left out by whoever keeps a response (RFC 9110 section 6.5.1).
        self.capture_body(stream, b"", true);
        let moment = self.moment(host);
        self.on_trailers((id, stream), trailers, (moment, host));
    }

    fn on_end(&mut self, (id, mut stream): (StreamId, Stream), host: &mut dyn Host) {
        self.in_flight = self.in_flight.saturating_sub(usize::from(self.watches(&stream)));
        let moment = self.moment(host);
        self.on_call_end((id, &mut stream), (moment, &mut *host));
        if self.is_stopped {
            self.on_tick(host);
        }
    }

    fn on_stop(&mut self, host: &mut dyn Host) {
        self.on_tick(host);
        self.is_stopped = true;
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let moment = self.moment(host);
        for breaker in &mut self.breakers {
            if let Some(rule) = self.policy.rules.get(breaker.rule) {
                breaker.on_tick(rule, moment, host);
            }
        }
        Vec::new()
    }
}

impl CircuitBreaker {
    /// Takes out the headers by which the filter alone chooses routes: clients must not. Envoy has chosen a route by then, and says until the
    /// filter is done that it is this one; where the breaker depends on it, there is none for such a request.
    fn forget_reserved(&self, request: &mut Headers, host: &mut dyn Host) -> Result<(), LocalReply> {
        let is_there = |name: &&String| request.first(name).is_some();
        let found: Vec<_> = self.policy.reserved.iter().filter(is_there).collect();
        if found.is_empty() {
            return Ok(());
        }
        if self.policy.is_by_route {
            let (reason, state) = (Reason::ReservedHeader, State::Closed);
            let denial = Denial { reason, breaker: "", state, wait: 0 };
            return Err(self.policy.reply.render(&denial, is_grpc(request)));
        }
        found.into_iter().for_each(|name| request.remove(name));
        // Envoy 1.40 chooses anew by itself after a header was changed; others have to be asked.
        let _ = host.foreign("clear_route_cache", b"");
        Ok(())
    }

    pub(crate) fn moment(&mut self, host: &mut dyn Host) -> Moment {
        Moment {
            now: as_nanos(host.monotonic()),
            random: self.random.u32(..),
            sync: if self.is_stopped { 0 } else { as_nanos(self.policy.sync) },
        }
    }

    /// What a breaker and its rule have to say.
    pub(crate) fn with<T>(&mut self, place: usize, act: impl FnOnce(&mut Breaker, &Rule) -> T) -> Option<T> {
        let breaker = self.breakers.get_mut(place)?;
        let rule = self.policy.rules.get(breaker.rule)?;
        Some(act(breaker, rule))
    }

    /// The first rule that a request fits, unless it is exempt from that or the rule is off.
    fn rule(&self, request: &Headers, host: &mut dyn Host) -> Option<usize> {
        let fits =
            |rule: &Rule, host: &mut dyn Host| rule.when.as_ref().is_none_or(|when| when.fits(request, host));
        let (index, rule) = self.policy.rules.iter().enumerate().find(|(_, rule)| fits(rule, host))?;
        let is_exempt =
            rule.mode == Mode::Disabled || rule.exempt.iter().any(|when| when.fits(request, host));
        (!is_exempt).then_some(index)
    }

    /// Its breaker, and what it goes by.
    fn found(&mut self, index: usize, request: &Headers, host: &mut dyn Host) -> Option<Found> {
        let rule = self.policy.rules.get(index)?;
        let key = rule.keys.of(request, host);
        // Most requests are under a breaker that is known.
        let short = key.get(..LONGEST_KEY).unwrap_or(&key);
        if let Some(place) = self.places.get(index)?.get(short) {
            return Some(Found { place: *place, key });
        }
        let number = match rule.keys.has_own(short) {
            true => self.directories.get_mut(index)?.number(short, host),
            false => None,
        };
        let short = if number.is_some() { short } else { b"" };
        if let Some(place) = self.places.get(index)?.get(short) {
            return Some(Found { place: *place, key });
        }
        let breaker = self.new_breaker(index, number, short, host)?;
        let place = self.breakers.len();
        self.places.get_mut(index)?.insert(short.to_vec(), place);
        self.breakers.push(breaker);
        Some(Found { place, key })
    }

    /// A breaker that this worker has not had before.
    fn new_breaker(
        &self,
        index: usize,
        number: Option<usize>,
        key: &[u8],
        host: &mut dyn Host,
    ) -> Option<Breaker> {
        let rule = self.policy.rules.get(index)?;
        let key = String::from_utf8_lossy(key);
        let (name, metric) = match (number, rule.keys.parts.is_empty()) {
            (Some(_), _) => (format!("{}/{key}", rule.name), format!("{}_{key}", rule.name)),
            (None, true) => (rule.name.clone(), rule.name.clone()),
            (None, false) => (format!("{}/other", rule.name), format!("{}_other", rule.name)),
        };
        let number = number.map_or_else(|| "other".to_owned(), |number| number.to_string());
        let entry = format!("{}{}/{:?}/{number}", self.entries, rule.name, rule.keys.parts);
        let metrics = Metrics::new(&self.policy.stat_prefix, &as_name(&metric), host);
        let breaker = Breaker::new(entry, name, index, metrics, host);
        metrics.show(if rule.mode == Mode::ForcedOpen { State::Open } else { breaker.state() }, host);
        Some(breaker)
    }

    /// The permit of a request, if it needs one; or why it does not pass, and in how many nanoseconds it may come again.
    fn refusal(
        &mut self,
        place: usize,
        is_sent: bool,
        (moment, host): (Moment, &mut dyn Host),
    ) -> Result<Option<Probe>, (Reason, u64)> {
        const SECOND: u64 = 1_000_000_000;
        let chance = f64::from(moment.random) / (f64::from(u32::MAX) + 1.0);
        let decided = self.with(place, |breaker, rule| {
            if rule.mode == Mode::ForcedOpen {
                return Err((Reason::ForcedOpen, rule.settings.backoff.duration));
            }
            if rule.throttle.is_some() {
                let is_denied = chance < breaker.rejection(rule, moment, host);
                return if is_denied { Err((Reason::Throttled, SECOND)) } else { Ok(None) };
            }
            match breaker.admit(rule, is_sent, moment, host) {
                Admission::Pass if chance >= breaker.ramp(rule.ramp_up, moment.now) => {
                    Err((Reason::RampUp, SECOND))
                }
                Admission::Pass => Ok(None),
                Admission::Probe(probe) => Ok(Some(probe)),
                Admission::Denied(wait) if breaker.state() == State::HalfOpen => {
                    Err((Reason::HalfOpen, wait))
                }
                Admission::Denied(wait) => Err((Reason::Open, wait)),
            }
        });
        decided.unwrap_or(Ok(None))
    }

    fn is_metrics_only(&self, rule: usize) -> bool {
        self.policy.rules.get(rule).is_some_and(|rule| rule.mode == Mode::MetricsOnly)
    }

    /// Lets a request pass, and keeps what is needed to see what becomes of it.
    fn pass(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        found: &Found,
        probe: Option<Probe>,
        request: &Headers,
        moment: Moment,
    ) {
        let is_shown = self.policy.state_header.as_ref().is_some_and(|header| header.is_always);
        let place = found.place;
        let passed = self.with(place, |breaker, rule| {
            let of = (probe, breaker.generation());
            breaker.on_its_way.begin(id, of, request.is_last, moment.now);
            let shown = is_shown.then(|| shown(&breaker.name, breaker.state()));
            (Call::new(place, probe, breaker.generation()), shown, rule.snapshot().is_some())
        });
        let Some((call, shown, keeps)) = passed else { return };
        stream.call = Some(call);
        stream.shown = shown;
        if keeps {
            stream.capture = self.begin_capture(found, request, moment.now);
        }
    }
}
