use std::sync::{Arc, Mutex, PoisonError};

use log::Level;
use portcullis_kit::{
    Action, CallId, ConfigError, GrpcAnswer, Headers, Host, HttpAnswer, HttpFilter, LocalReply, Reads,
    StreamId, domain, parse_config,
};

use crate::config::{TraceInjectionConfig, TraceResponse, Treatment};
use crate::context::{Context, Decision};
use crate::dialect::{self, Dialect, traceparent};
use crate::export::{self, Exporter};
use crate::ids::SpanId;
use crate::metrics::{Counts, Metrics};
use crate::policy::{Incoming, Policy};
use crate::random::Ids;
use crate::sampling::erase_inconsistent;
use crate::span::Recording;
use crate::tracestate::TraceState;
use crate::tries::Before;

/// How often counts are told to the proxy, and looked whether spans are due.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);

/// The filter: gives every request its place in a trace.
#[derive(Debug)]
pub struct TraceInjection {
    policy: Policy,
    /// With a slash behind it.
    entries: String,
    ids: Option<Ids>,
    /// What an instance of the filter leaves to the next one in its VM. A VM has one thread: nobody ever waits for the lock.
    exporter: Option<Arc<Mutex<Exporter>>>,
    /// Which of those that share the exporter this one is.
    instance: u32,
    is_stopped: bool,
    metrics: Metrics,
    counts: Counts,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    recording: Option<Box<Recording>>,
    /// The value of `traceresponse`.
    response: Option<String>,
}

/// The trace that a request is in from here on.
struct Outgoing {
    context: Context,
    /// The span before this one.
    parent: Option<SpanId>,
    /// A trace that this one is not part of.
    link: Option<Context>,
    /// Whether it differs from what the request says.
    is_new: bool,
    /// Whether it begins here, or is decided about here.
    is_started: bool,
}

impl HttpFilter for TraceInjection {
    const NAME: &'static str = "trace-injection";
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let policy = Policy::try_from(parse_config::<TraceInjectionConfig>(configuration)?)?;
        Ok(Self {
            policy,
            entries: String::new(),
            ids: None,
            exporter: None,
            instance: 0,
            is_stopped: false,
            metrics: Metrics::default(),
            counts: Counts::default(),
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        if self.policy.has_rate() {
            let domain = domain(self.policy.domain.as_deref(), Self::NAME, host);
            self.entries = format!("portcullis/trace-injection/{domain}/");
        }
        let ids = Ids::new(host);
        if !ids.is_random {
            host.log(Level::Warn, "trace-injection: the proxy has no randomness: ids come from its clock");
        }
        self.ids = Some(ids);
        self.metrics = Metrics::new(&self.policy.stat_prefix, self.policy.export.is_some(), host);
        if let Some(settings) = self.policy.export.clone() {
            let mut exporter = Exporter::new(settings, host);
            self.instance = exporter.join();
            self.exporter = Some(Arc::new(Mutex::new(exporter)));
        }
        let delay = self.policy.export.as_ref().map_or(TICK, |settings| settings.delay);
        host.set_tick(TICK.min(delay));
    }

    fn inherit(&mut self, former: &Self) {
        // Other plugins are in the same VM.
        let is_its = former.policy.stat_prefix == self.policy.stat_prefix && !former.is_stopped;
        if let (Some(settings), Some(shared), true) = (&self.policy.export, &former.exporter, is_its) {
            let mut exporter = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if exporter.is_like(settings) {
                self.instance = exporter.join();
                self.exporter = Some(Arc::clone(shared));
            }
        }
    }

    fn on_request_headers(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        let incoming = self.policy.incoming(request);
        if self.policy.complements {
            self.convert(&incoming, request);
            return Ok(Action::Continue);
        }
        let Some(outgoing) = self.outgoing(incoming.clone(), request, host) else {
            return Ok(Action::Continue);
        };
        let Outgoing { context, parent, link, is_new, is_started } = &outgoing;
        let source = incoming.context.as_ref().filter(|_| !is_new).map(|(dialect, _)| *dialect);
        self.write(context, source, request);
        let Some(span_id) = context.span_id else { return Ok(Action::Continue) };
        let is_told = match self.policy.traceresponse {
            TraceResponse::Never => false,
            TraceResponse::Started => *is_started,
            TraceResponse::Always => true,
        };
        stream.response = is_told.then(|| traceparent::render(context.trace_id, span_id, context));
        if self.policy.filter_state {
            tell(context, span_id, host);
        }
        if self.records(context) {
            let times = (&*request, host.now().as_nanos());
            let recording =
                Recording::begin((context, span_id), (*parent, link.as_ref()), &self.policy.spans, times);
            stream.recording = Some(Box::new(recording));
        }
        Ok(Action::Continue)
    }

    fn watches(&self, stream: &Stream) -> bool {
        stream.recording.is_some() || stream.response.is_some()
    }

    fn reads_response(&self, stream: &Stream) -> Reads {
        match &stream.recording {
            None => Reads::Nothing,
            Some(_) if !self.policy.spans.response_headers.is_empty() => Reads::All,
            Some(recording) if recording.is_grpc() => Reads::Only(&[":status", "grpc-status"]),
            Some(_) => Reads::Only(&[":status"]),
        }
    }

    fn on_response_headers(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        response: &mut Headers,
        host: &mut dyn Host,
    ) {
        if let Some(recording) = &mut stream.recording {
            recording.answered(response, &self.policy.spans, host.now().as_nanos());
        }
        if let Some(value) = stream.response.take() {
            response.set("traceresponse", value.as_bytes());
        }
    }

    fn on_response_body(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        (_, is_last): (&[u8], bool),
        _: &mut dyn Host,
    ) {
        if let (Some(recording), true) = (&mut stream.recording, is_last) {
            recording.complete();
        }
    }

    fn on_response_trailers(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        trailers: &Headers,
        _: &mut dyn Host,
    ) {
        if let Some(recording) = &mut stream.recording {
            recording.trailed(trailers);
        }
    }

    fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        self.with_exporter(|exporter, _| exporter.on_http_answer(call, answer, host));
        Vec::new()
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        self.with_exporter(|exporter, _| exporter.on_grpc_answer(call, answer, host));
        Vec::new()
    }

    fn on_end(&mut self, (_, stream): (StreamId, Stream), host: &mut dyn Host) {
        let Some(recording) = stream.recording else { return };
        let now = host.now().as_nanos();
        if let Some(span) = recording.end(&self.policy.spans, now, host) {
            // The calls of a plugin that is out are not heard of again.
            let is_stopped = self.is_stopped;
            self.with_exporter(|exporter, instance| match is_stopped {
                true => exporter.keep(span, host),
                false => exporter.push(span, instance, host),
            });
        }
        if self.is_stopped {
            self.report(host);
        }
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        self.with_exporter(|exporter, instance| exporter.send_what_is_due(instance, host));
        self.report(host);
        Vec::new()
    }

    fn on_stop(&mut self, host: &mut dyn Host) {
        self.with_exporter(Exporter::leave);
        self.is_stopped = true;
        self.report(host);
    }
}

impl TraceInjection {
    /// Finds the trace that a request is in from here on. `None` before the filter has started.
    fn outgoing(
        &mut self,
        incoming: Incoming,
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Option<Outgoing> {
        if self.policy.each_try
            && let Some(before) = Before::of(host)
        {
            return self.next_try(before);
        }
        let Incoming { mut context, mut decision, is_invalid } = incoming;
        let brings_something = self.policy.trust.is_asked()
            && request.iter().any(|(name, _)| name == b"baggage" || dialect::is_of_a_trace(name));
        let treatment =
            if brings_something { self.policy.trust.of(request, host) } else { Treatment::Continue };
        let is_trusted = treatment == Treatment::Continue;
        let baggage = if is_trusted { &self.policy.trusted } else { &self.policy.untrusted };
        self.counts.baggage_cut += u32::from(baggage.limit(request));
        self.counts.invalid += u32::from(is_invalid);
        self.counts.untrusted += u32::from(context.is_some() && !is_trusted);
        if !is_trusted {
            decision = Decision::Deferred;
            dialect::remove_all(request);
        }
        let link = context.take_if(|_| !is_trusted).map(|(_, context)| context);
        let link = link.filter(|_| treatment == Treatment::Link);
        let ids = self.ids.as_mut()?;
        let is_begun = context.is_none();
        let is_rewritten = matches!(context, Some((Dialect::W3c, _))) && !traceparent::is_current(request);
        let mut context = context.map_or_else(
            || {
                let (trace_id, is_random) = (ids.trace(), ids.is_random);
                Context { trace_id, span_id: None, decision, is_random, state: TraceState::default() }
            },
            |(_, context)| context,
        );
        if is_begun {
            self.policy.inject.iter().for_each(|dialect| dialect.forget(request));
        }
        self.counts.started += u32::from(is_begun);
        self.counts.continued += u32::from(!is_begun);
        let (parent, before, state) = (context.span_id, context.decision, context.state.clone());
        if let Some(sampling) = self.policy.sampling(request, host) {
            let now = u64::try_from(host.monotonic().as_nanos()).unwrap_or(u64::MAX);
            sampling.decide(&mut context, &self.entries, now, host);
        }
        let is_started = is_begun || before == Decision::Deferred;
        if self.policy.each_try {
            let before = Before { context, link, is_started };
            before.remember(host);
            return self.next_try(before);
        }
        let is_changed = context.decision != before || context.state != state;
        let is_new = is_rewritten || parent.is_none() || is_changed || self.records(&context);
        if is_new {
            erase_inconsistent(&mut context);
            context.span_id = self.ids.as_mut().map(Ids::span);
        }
        Some(Outgoing { context, parent, link, is_new, is_started })
    }

    /// A try has an id of its own, and the parent and the decision of the first.
    fn next_try(&mut self, before: Before) -> Option<Outgoing> {
        let Before { mut context, link, is_started } = before;
        let parent = context.span_id.replace(self.ids.as_mut()?.span());
        erase_inconsistent(&mut context);
        Some(Outgoing { context, parent, link, is_new: true, is_started })
    }

    /// Whether there may be a span of a request.
    fn records(&self, context: &Context) -> bool {
        self.exporter.is_some() && (context.decision.is_sampled() || self.policy.errors)
    }

    /// Writes the headers; those of `source` say it already.
    fn write(&self, context: &Context, source: Option<Dialect>, request: &mut Headers) {
        for dialect in &self.policy.inject {
            if source != Some(*dialect) || !dialect.is_plain(request) {
                dialect.inject(context, request);
            }
        }
        self.policy.remove_others(request);
    }

    /// Says in other dialects what the request says, beside Envoy's own tracer.
    fn convert(&mut self, incoming: &Incoming, request: &mut Headers) {
        self.counts.baggage_cut += u32::from(self.policy.trusted.limit(request));
        self.counts.invalid += u32::from(incoming.is_invalid);
        self.counts.continued += u32::from(incoming.context.is_some());
        match &incoming.context {
            Some((source, context)) => {
                let is_deferred = context.decision == Decision::Deferred;
                for dialect in self.policy.inject.iter().filter(|dialect| *dialect != source) {
                    match is_deferred && !dialect.can_defer() {
                        // It would say no.
                        true => dialect.remove(request),
                        false => dialect.inject(context, request),
                    }
                }
            }
            // What the request says there was not read, and is not what Envoy's tracer says.
            None => self.policy.written_only().for_each(|dialect| dialect.remove(request)),
        }
    }

    fn with_exporter(&mut self, act: impl FnOnce(&mut Exporter, u32)) {
        if let Some(exporter) = &self.exporter {
            act(&mut exporter.lock().unwrap_or_else(PoisonError::into_inner), self.instance);
        }
    }

    fn report(&mut self, host: &mut dyn Host) {
        let mut spans = export::Counts::default();
        self.with_exporter(|exporter, _| spans = std::mem::take(&mut exporter.counts));
        self.metrics.report(&mut self.counts, &mut spans, host);
    }
}

/// Tells filters behind this one, and access logs, which trace a request is in.
fn tell(context: &Context, span_id: SpanId, host: &mut dyn Host) {
    let sampled: &[u8] = if context.decision.is_sampled() { b"1" } else { b"0" };
    let (trace_id, span_id) = (context.trace_id.to_string(), span_id.to_string());
    for (name, value) in [
        ("portcullis.trace_id", trace_id.as_bytes()),
        ("portcullis.span_id", span_id.as_bytes()),
        ("portcullis.sampled", sampled),
    ] {
        if let Err(error) = host.set_property(name, value) {
            host.log(Level::Debug, &format!("trace-injection: filter state {name}: {error}"));
        }
    }
}
