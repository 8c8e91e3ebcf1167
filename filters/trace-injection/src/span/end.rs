//! What a request has come to.

use portcullis_kit::Host;
use portcullis_proto::trace::Status;
use portcullis_proto::trace::span::Event;
use portcullis_proto::trace::status::StatusCode;

use super::attributes::{NAMELESS, OTHER};
use super::{Recording, SpanPolicy, grpc};
use crate::attribute::{string, text};
use crate::config::Decisions;

/// Envoy's response flag DC: the client has gone.
const CLIENT_GONE: u64 = 1 << 14;

impl Recording {
    /// Says what has become of the request. Whether it has failed.
    pub(super) fn finish(&mut self, policy: &SpanPolicy, host: &mut dyn Host) -> bool {
        // The router drops the body of a response after which it tries again.
        let is_retried = policy.each_try && self.status.is_some_and(|status| status >= 400);
        let error = match (self.is_grpc, self.status) {
            _ if !self.is_complete && !is_retried => {
                self.add_method();
                self.broken_off(policy, host)
            }
            (true, status) => self.of_call(policy, status.unwrap_or_default()),
            (false, status) => of_response(policy, status.unwrap_or_default()),
        };
        if let Some(status) = self.status.filter(|_| !self.is_grpc) {
            self.attributes.number("http.response.status_code", status.into());
        }
        if let Some(error) = &error {
            self.attributes.string("error.type", error);
            self.span.status = Some(Status { code: StatusCode::Error.into(), ..Status::default() });
        }
        self.add_decision(policy.decisions, host);
        error.is_some()
    }

    /// A call says itself how it has ended; who does not has not ended it well, and the status of HTTP may tell why.
    fn of_call(&mut self, policy: &SpanPolicy, status: u16) -> Option<String> {
        let (name, is_error) = match (&self.grpc_status, status) {
            (Some(said), _) => grpc::status(said, policy.is_client),
            (None, status) => grpc::status(grpc::of_http(status), policy.is_client),
        };
        if name == grpc::UNIMPLEMENTED {
            self.forget_method();
        }
        self.add_method();
        self.attributes.string("rpc.response.status_code", name);
        is_error.then(|| name.to_owned())
    }

    /// A method that is none has been thought of by a client, which may think of many.
    fn forget_method(&mut self) {
        let name = std::mem::replace(&mut self.span.name, NAMELESS.to_owned());
        if name != NAMELESS {
            self.attributes.string("rpc.method", OTHER);
            self.attributes.string("rpc.method_original", &name);
        }
    }

    /// The method of a call is the name of its span.
    fn add_method(&mut self) {
        if self.is_grpc && self.span.name != NAMELESS {
            self.attributes.string("rpc.method", &self.span.name);
        }
    }

    /// A response that is not there, or not all of it. That the client did not wait for it is nobody's failure on the server's side.
    fn broken_off(&self, policy: &SpanPolicy, host: &mut dyn Host) -> Option<String> {
        let flags = host
            .property(&["response", "flags"])
            .and_then(|flags| flags.try_into().ok())
            .map(u64::from_le_bytes);
        let is_gone = flags.is_some_and(|flags| flags & CLIENT_GONE != 0);
        if is_gone && !policy.is_client {
            return None;
        }
        let details = match policy.each_try {
            // They are those of the request, and not of one try.
            true => String::new(),
            false => code_details(host),
        };
        // What follows in braces differs from time to time.
        let details = details.split('{').next().unwrap_or_default();
        Some(if details.is_empty() { "no_response".to_owned() } else { details.to_owned() })
    }

    /// Notes that another filter of ours has answered in the upstream's place.
    fn add_decision(&mut self, decisions: Decisions, host: &mut dyn Host) {
        let is_denial = self.status.is_some_and(|status| status >= 400)
            || (self.is_grpc && self.grpc_status.as_deref() != Some(b"0"));
        if !is_denial && decisions == Decisions::Denials {
            return;
        }
        let details = code_details(host);
        if details.starts_with("portcullis_") {
            let name = if is_denial { "portcullis.denied" } else { "portcullis.answered" }.to_owned();
            let attributes = vec![string("portcullis.code", &details)];
            self.span.events.push(Event { time_unix_nano: self.answered_at, name, attributes });
        }
    }
}

/// A client that is told that it has made a mistake has failed, but not the server that tells it.
fn of_response(policy: &SpanPolicy, status: u16) -> Option<String> {
    let first = if policy.is_client { 400 } else { 500 };
    (status >= first).then(|| status.to_string())
}

fn code_details(host: &mut dyn Host) -> String {
    text(&host.property(&["response", "code_details"]).unwrap_or_default()).into_owned()
}
