//! What is recorded of a request, and the span that becomes of it.

mod attributes;
mod end;
mod grpc;
mod settings;

use portcullis_kit::{Headers, Host};
use portcullis_proto::trace::Span;
use portcullis_proto::trace::span::{Link, SpanKind};
use prost::Message;

use crate::attribute::{Attributes, text};
use crate::context::Context;
use crate::ids::SpanId;
use attributes::{add_header, add_the_end, of_request};
pub(crate) use settings::SpanPolicy;

/// Flags of spans and links beside those of the trace (`SpanFlags`): whether it is known if the parent is another process, and that it is.
const REMOTE: u32 = 0x100 | 0x200;

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Recording {
    /// What there is to say but for the attributes.
    span: Span,
    attributes: Attributes,
    is_grpc: bool,
    /// Whether it asks for a tunnel.
    is_connect: bool,
    /// Whether its trace is recorded; if not, only a failure is.
    is_sampled: bool,
    status: Option<u16>,
    grpc_status: Option<Vec<u8>>,
    /// When the response headers came.
    answered_at: u64,
    is_complete: bool,
}

impl Recording {
    /// Begins the span of a request at `now`, in nanoseconds since the epoch.
    pub(crate) fn begin(
        (context, span_id): (&Context, SpanId),
        (parent, link): (Option<SpanId>, Option<&Context>),
        policy: &SpanPolicy,
        (request, now): (&Headers, u64),
    ) -> Self {
        let is_grpc = portcullis_kit::rules::is_grpc(request);
        let kind = if policy.is_client { SpanKind::Client } else { SpanKind::Server };
        let (name, attributes) = of_request(policy, request, is_grpc);
        let span = Span {
            trace_id: context.trace_id.bytes().to_vec(),
            span_id: span_id.bytes().to_vec(),
            trace_state: text(&context.state.render()).into_owned(),
            parent_span_id: parent.map(|parent| parent.bytes().to_vec()).unwrap_or_default(),
            name,
            kind: kind.into(),
            start_time_unix_nano: now,
            links: link.and_then(linked).into_iter().collect(),
            flags: flags(context) | if parent.is_some() { REMOTE } else { 0x100 },
            ..Span::default()
        };
        Self {
            span,
            attributes,
            is_grpc,
            is_connect: request.first(":method") == Some(b"CONNECT"),
            is_sampled: context.decision.is_sampled(),
            status: None,
            grpc_status: None,
            answered_at: now,
            is_complete: false,
        }
    }

    pub(crate) fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// Takes note of the response headers.
    pub(crate) fn answered(&mut self, response: &Headers, policy: &SpanPolicy, now: u64) {
        self.answered_at = now;
        let status = response.first(":status");
        self.status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.note_grpc_status(response);
        // A tunnel is there as soon as it is granted, and however it ends, it has been one.
        let is_tunnel =
            self.status.is_some_and(|status| status == 101 || (self.is_connect && status / 100 == 2));
        self.is_complete = response.is_last || is_tunnel;
        for (name, key) in &policy.response_headers {
            add_header(&mut self.attributes, response, name, key);
        }
    }

    /// Takes note of the response trailers.
    pub(crate) fn trailed(&mut self, trailers: &Headers) {
        self.is_complete = true;
        self.note_grpc_status(trailers);
    }

    fn note_grpc_status(&mut self, headers: &Headers) {
        if let (true, Some(status)) = (self.is_grpc, headers.first("grpc-status")) {
            self.grpc_status = Some(status.to_vec());
        }
    }

    /// Takes note of the end of the response body.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Ends the span at `now`, as a message of OTLP; `None` where it is not to be sent.
    pub(crate) fn end(mut self, policy: &SpanPolicy, now: u64, host: &mut dyn Host) -> Option<Vec<u8>> {
        let is_error = self.finish(policy, host);
        if !self.is_sampled && !is_error {
            return None;
        }
        self.span.end_time_unix_nano = now.max(self.span.start_time_unix_nano);
        add_the_end(&mut self.attributes, policy, host);
        // The fields of a message may come in any order.
        let mut message = Vec::with_capacity(self.span.encoded_len() + self.attributes.encoded().len());
        self.span.encode(&mut message).ok()?;
        message.extend_from_slice(self.attributes.encoded());
        Some(message)
    }
}

fn flags(context: &Context) -> u32 {
    u32::from(context.decision.is_sampled()) | (u32::from(context.is_random) << 1)
}

fn linked(context: &Context) -> Option<Link> {
    Some(Link {
        trace_id: context.trace_id.bytes().to_vec(),
        span_id: context.span_id?.bytes().to_vec(),
        trace_state: text(&context.state.render()).into_owned(),
        flags: flags(context) | REMOTE,
        ..Link::default()
    })
}
