//! How a request finds its place in a trace, and how the next hop is told.

use portcullis_kit::{Headers, Host};

use crate::config::Treatment;
use crate::context::{Context, Decision};
use crate::dialect::{self, Dialect, w3c};
use crate::filter::TraceInjection;
use crate::ids::SpanId;
use crate::policy::Incoming;
use crate::sampling::{Outcome, erase_inconsistent};
use crate::tracestate::TraceState;
use crate::tries::FirstTry;

/// The place of a request from here on.
pub(crate) struct Place {
    pub(crate) context: Context,
    /// The span before this one.
    pub(crate) parent: Option<SpanId>,
    /// A trace that this one is not part of.
    pub(crate) link: Option<Context>,
    /// Whose headers say it already, if any do.
    pub(crate) source: Option<Dialect>,
    /// Whether the trace begins here, or is decided about here.
    pub(crate) is_started: bool,
}

/// What a request brings along and may keep.
struct Admitted {
    context: Option<(Dialect, Context)>,
    decision: Decision,
    link: Option<Context>,
}

impl TraceInjection {
    /// Settles the place of a request, and takes out of it what must not go on.
    pub(crate) fn place(&mut self, incoming: Incoming, request: &mut Headers, host: &mut dyn Host) -> Place {
        if self.policy.each_try
            && let Some(first) = FirstTry::recall(host)
        {
            return self.next_try(first);
        }
        let Admitted { context: sent, decision, link } = self.admit(incoming, request, host);
        let source = sent.as_ref().map(|(dialect, _)| *dialect);
        let is_rewritten = source == Some(Dialect::W3c) && !w3c::is_current(request);
        let mut context = match sent {
            Some((_, context)) => context,
            None => self.begin(decision, request),
        };
        let outcome = self.policy.sampling(request, host).decide(&mut context, &self.entries, host);
        let is_started = source.is_none() || outcome != Outcome::Stands;
        if self.policy.each_try {
            let first = FirstTry { context, link, is_started };
            first.remember(host);
            return self.next_try(first);
        }
        let parent = context.span_id;
        let is_as_sent = source.is_some() && outcome != Outcome::Changed;
        if is_as_sent && parent.is_some() && !is_rewritten && !self.records(&context) {
            return Place { context, parent, link, source, is_started };
        }
        erase_inconsistent(&mut context);
        context.span_id = Some(self.ids.span());
        Place { context, parent, link, source: None, is_started }
    }

    /// Keeps of what a request brings along what its sender is trusted with.
    fn admit(&mut self, incoming: Incoming, request: &mut Headers, host: &mut dyn Host) -> Admitted {
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
        self.counts.continued += u32::from(context.is_some() && is_trusted);
        let link = context.take_if(|_| !is_trusted).map(|(_, context)| context);
        Admitted { context, decision, link: link.filter(|_| treatment == Treatment::Link) }
    }

    /// Begins a trace, of which it may be decided already whether it is recorded.
    fn begin(&mut self, decision: Decision, request: &mut Headers) -> Context {
        self.policy.inject.iter().for_each(|dialect| dialect.forget(request));
        self.counts.started += 1;
        let (trace_id, is_random) = (self.ids.trace(), self.ids.is_random);
        Context { trace_id, span_id: None, decision, is_random, state: TraceState::default() }
    }

    /// A try has an id of its own, and the parent and the decision of the first.
    fn next_try(&mut self, first: FirstTry) -> Place {
        let FirstTry { mut context, link, is_started } = first;
        let parent = context.span_id.replace(self.ids.span());
        erase_inconsistent(&mut context);
        Place { context, parent, link, source: None, is_started }
    }

    /// Writes the headers, but for those that say it already.
    pub(crate) fn write(&self, context: &Context, source: Option<Dialect>, request: &mut Headers) {
        for dialect in &self.policy.inject {
            if source != Some(*dialect) || !dialect.is_plain(context, request) {
                dialect.inject(context, request);
            }
        }
        self.policy.remove_others(request);
    }

    /// Says in other dialects what the request says, beside Envoy's own tracer.
    pub(crate) fn convert(&mut self, incoming: &Incoming, request: &mut Headers) {
        self.counts.baggage_cut += u32::from(self.policy.trusted.limit(request));
        self.counts.invalid += u32::from(incoming.is_invalid);
        self.counts.continued += u32::from(incoming.context.is_some());
        let Some((source, context)) = &incoming.context else {
            // What the request says there was not read, and is not what Envoy's tracer says.
            return self.policy.written_only().for_each(|dialect| dialect.remove(request));
        };
        let is_deferred = context.decision == Decision::Deferred;
        for dialect in self.policy.inject.iter().filter(|dialect| *dialect != source) {
            match is_deferred && !dialect.can_defer() {
                // It would say no.
                true => dialect.remove(request),
                false => dialect.inject(context, request),
            }
        }
    }
}
