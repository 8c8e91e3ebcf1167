//! What happens to a request, callback by callback.

use std::time::Duration;

use log::Level;
use portcullis_kit::export::Exporter;
use portcullis_kit::{
    Action, CallId, ConfigError, GrpcAnswer, Headers, Host, HttpAnswer, HttpFilter, LocalReply, Reads,
    StreamId, domain, parse_config,
};

use crate::config::{TraceInjectionConfig, TraceResponse};
use crate::context::Context;
use crate::dialect::w3c;
use crate::export::{Spans, exporter};
use crate::generator::IdGenerator;
use crate::ids::SpanId;
use crate::metrics::{Counts, Metrics};
use crate::place::Place;
use crate::policy::Policy;
use crate::span::Recording;

/// How often counts are told to the proxy, and looked whether spans are due; more often where `delay` is shorter.
const TICK: Duration = Duration::from_secs(1);

/// The filter: gives every request its place in a trace.
#[derive(Debug)]
pub struct TraceInjection {
    pub(crate) policy: Policy,
    /// Where the buckets of its samplers with a rate begin in the shared data, with a slash behind it; empty without any.
    pub(crate) entries: String,
    pub(crate) ids: IdGenerator,
    exporter: Option<Exporter<Spans>>,
    is_stopped: bool,
    metrics: Metrics,
    pub(crate) counts: Counts,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    recording: Option<Box<Recording>>,
    /// The value of `traceresponse`.
    response: Option<String>,
}

impl HttpFilter for TraceInjection {
    const NAME: &'static str = "trace-injection";
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let policy = Policy::try_from(parse_config::<TraceInjectionConfig>(configuration)?)?;
        Ok(Self {
            policy,
            entries: String::new(),
            ids: IdGenerator::unseeded(),
            exporter: None,
            is_stopped: false,
            metrics: Metrics::default(),
            counts: Counts::default(),
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        if self.policy.has_rate {
            let domain = domain(self.policy.domain.as_deref(), Self::NAME, host);
            self.entries = format!("portcullis/trace-injection/{domain}/");
        }
        self.ids = IdGenerator::new(host);
        if !self.ids.is_random {
            host.log(Level::Warn, "trace-injection: the proxy has no randomness: ids come from its clock");
        }
        self.metrics = Metrics::new(&self.policy.stat_prefix, self.policy.export.is_some(), host);
        self.exporter = self.policy.export.as_ref().map(|export| exporter(export, host));
    }

    fn tick(&self) -> Duration {
        self.policy.export.as_ref().map_or(TICK, |export| export.settings.delay().min(TICK))
    }

    fn inherit(&mut self, former: &Self) {
        // Other plugins may be in the same VM; the one whose metrics are ours is what this one was before.
        let is_its = former.policy.stat_prefix == self.policy.stat_prefix && !former.is_stopped;
        if let (Some(exporter), true) =
            (&former.exporter, is_its && self.policy.export == former.policy.export)
        {
            self.exporter = Some(exporter.share());
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
        let Place { context, parent, link, source, is_started } = self.place(incoming, request, host);
        self.write(&context, source, request);
        let Some(span_id) = context.span_id else { return Ok(Action::Continue) };
        let is_told = match self.policy.traceresponse {
            TraceResponse::Never => false,
            TraceResponse::Started => is_started,
            TraceResponse::Always => true,
        };
        stream.response = is_told.then(|| w3c::render(context.trace_id, span_id, &context));
        if self.policy.filter_state {
            tell(&context, span_id, host);
        }
        if self.records(&context) {
            let times = (&*request, host.now().as_nanos());
            let recording =
                Recording::begin((&context, span_id), (parent, link.as_ref()), &self.policy.spans, times);
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
        if let Some(exporter) = &self.exporter {
            exporter.on_http_answer(call, answer, host);
        }
        Vec::new()
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        if let Some(exporter) = &self.exporter {
            exporter.on_grpc_answer(call, answer, host);
        }
        Vec::new()
    }

    fn on_end(&mut self, (_, stream): (StreamId, Stream), host: &mut dyn Host) {
        let Some(recording) = stream.recording else { return };
        let now = host.now().as_nanos();
        if let Some(span) = recording.end(&self.policy.spans, now, host)
            && let Some(exporter) = &self.exporter
        {
            // What comes back has been counted.
            let _ = exporter.enqueue(span, host);
            if exporter.is_full() {
                exporter.send_what_is_due(host);
            }
        }
        if self.is_stopped {
            self.report(host);
        }
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        if let Some(exporter) = &self.exporter {
            exporter.send_what_is_due(host);
        }
        self.report(host);
        Vec::new()
    }

    fn on_stop(&mut self, host: &mut dyn Host) {
        if let Some(exporter) = &mut self.exporter {
            exporter.leave();
        }
        self.is_stopped = true;
        self.report(host);
    }
}

impl TraceInjection {
    /// Whether there may be a span of a request.
    pub(crate) fn records(&self, context: &Context) -> bool {
        self.exporter.is_some() && (context.decision.is_sampled() || self.policy.errors)
    }

    fn report(&mut self, host: &mut dyn Host) {
        let spans = self.exporter.as_ref().map(Exporter::take_counts).unwrap_or_default();
        self.metrics.report(&mut self.counts, spans, host);
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
