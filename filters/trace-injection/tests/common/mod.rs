//! A filter with a collector that is never there, whose spans can be looked at.

use std::time::Duration;

use portcullis_kit::testing::TestHost;
use portcullis_kit::{Headers, HttpFilter, StreamId};
use portcullis_proto::trace::{ExportTraceServiceRequest, Span};
use portcullis_trace_injection::{Stream, TraceInjection};
use prost::Message;
use serde_json::Value;

pub(crate) struct World {
    pub(crate) host: TestHost,
    pub(crate) filter: TraceInjection,
    next: u32,
}

impl World {
    /// With these members; they are YAML.
    pub(crate) fn new(config: &str) -> Self {
        let value: Value = serde_saphyr::from_str(config).unwrap();
        let mut filter = TraceInjection::configure(value.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{config}: {error}"));
        let mut host = TestHost::at(1_800_000_000);
        filter.start(&mut host);
        Self { host, filter, next: 1 }
    }

    /// Sends a request and gives back its headers as the upstream gets them, and what is kept of it.
    pub(crate) fn request(&mut self, headers: &[(&str, &str)]) -> (Headers, Sent) {
        let (id, mut stream) = (StreamId(self.next), Stream::default());
        self.next += 1;
        let mut request: Headers = headers.iter().copied().collect();
        self.filter.on_request_headers((id, &mut stream), &mut request, &mut self.host).unwrap();
        (request, Sent { id, stream })
    }

    /// The response headers as the client gets them; the response ends with them.
    pub(crate) fn respond(&mut self, sent: &mut Sent, headers: &[(&str, &str)], is_last: bool) -> Headers {
        let mut response: Headers = headers.iter().copied().collect();
        response.is_last = is_last;
        if self.filter.watches(&sent.stream) {
            let stream = (sent.id, &mut sent.stream);
            self.filter.on_response_headers(stream, &mut response, &mut self.host);
        }
        response
    }

    pub(crate) fn end(&mut self, sent: Sent) {
        if self.filter.watches(&sent.stream) {
            self.filter.on_end((sent.id, sent.stream), &mut self.host);
        }
    }

    /// A request that is answered with this status.
    pub(crate) fn round_trip(&mut self, headers: &[(&str, &str)], status: &str) -> Headers {
        let (request, mut sent) = self.request(headers);
        self.host.advance(Duration::from_millis(7));
        self.respond(&mut sent, &[(":status", status)], true);
        self.end(sent);
        request
    }

    /// The spans of the last call.
    pub(crate) fn sent(&self) -> Vec<Span> {
        let body = &self.host.calls.last().expect("a call").body;
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        request.resource_spans[0].scope_spans[0].spans.clone()
    }

    pub(crate) fn metric(&self, what: &str) -> u64 {
        self.host.metrics[&format!("portcullis_trace_injection_{what}_total")]
    }
}

pub(crate) struct Sent {
    pub(crate) id: StreamId,
    pub(crate) stream: Stream,
}
