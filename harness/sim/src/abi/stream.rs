use crate::abi::headers::decode_pairs;
use crate::stream::{LocalResponse, Side, Window};
use crate::vm::{Asked, Context};
use crate::{Hostcall, Refusal, Sim, Status};

impl Sim {
    /// `proxy_continue_stream`; Envoy resumes after the running callback, and both ways close the request's maps at once.
    ///
    /// # Errors
    /// `UNIMPLEMENTED` for the upstream's TCP side, `BAD_ARGUMENT` for what is no stream.
    pub fn continue_stream(&mut self, kind: u32) -> Hostcall<()> {
        let result = self.resume(kind);
        self.note("proxy_continue_stream", &[&shown(kind)], result)
    }

    /// `proxy_continue_request` of ABI 0.1.0.
    ///
    /// # Errors
    /// As [`continue_stream`](Self::continue_stream).
    pub fn continue_request(&mut self) -> Hostcall<()> {
        let result = self.resume(0);
        self.note("proxy_continue_request", &[], result)
    }

    /// `proxy_continue_response` of ABI 0.1.0.
    ///
    /// # Errors
    /// As [`continue_stream`](Self::continue_stream).
    pub fn continue_response(&mut self) -> Hostcall<()> {
        let result = self.resume(1);
        self.note("proxy_continue_response", &[], result)
    }

    /// `proxy_close_stream`: resets the stream, or closes the connection, after the running callback.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for what is no stream.
    pub fn close_stream(&mut self, kind: u32) -> Hostcall<()> {
        let context = self.context_id();
        let asked = match (kind, self.context()) {
            (0 | 1, Some(Context::Stream { .. })) => Some(Asked::Close { context }),
            (2 | 3, Some(Context::Connection { .. })) => Some(Asked::CloseConnection { context }),
            _ => None,
        };
        let result = if kind > 3 { Err(unknown_stream(kind)) } else { Ok(()) };
        self.ask(asked);
        self.note("proxy_close_stream", &[&shown(kind)], result)
    }

    /// `proxy_send_local_response`; `headers` is an encoded block. Envoy answers after the running callback.
    ///
    /// # Errors
    /// None, not even outside a stream, where there is nobody to answer.
    pub fn send_local_response(&mut self, mut reply: LocalResponse, headers: &[u8]) -> Hostcall<()> {
        self.lint_reply();
        reply.headers.extend(decode_pairs(headers));
        let shown = (u32::from(reply.status), (reply.details.clone(), reply.body.clone()));
        let (fields, grpc_status) = (reply.headers.clone(), reply.grpc_status);
        if let Some(Context::Stream { .. }) = self.context() {
            let context = self.context_id();
            self.ask(Some(Asked::Reply { context, reply }));
            if let Some(vm) = self.vm_mut() {
                vm.has_replied = true;
            }
        }
        self.note("proxy_send_local_response", &[&shown, &fields, &grpc_status], Ok(()))
    }

    fn resume(&mut self, kind: u32) -> Hostcall<()> {
        let context = self.context_id();
        let side = match kind {
            0 => Side::Request,
            1 => Side::Response,
            2 => {
                let is_connection = matches!(self.context(), Some(Context::Connection { .. }));
                self.ask(is_connection.then_some(Asked::ResumeConnection { context }));
                return Ok(());
            }
            3 => return Err(Refusal::new(Status::Unimplemented, "Envoy cannot resume the upstream side")),
            _ => return Err(unknown_stream(kind)),
        };
        self.lint_resume(side);
        let Some((stream, filter)) = self.stream_mut() else { return Ok(()) };
        if let Some(filter) = stream.filters.get_mut(filter) {
            filter.request.close(Window::Resumed);
        }
        self.ask(Some(Asked::Resume { context, side }));
        Ok(())
    }

    fn ask(&mut self, asked: Option<Asked>) {
        if let Some(vm) = self.vm_mut() {
            vm.asked.extend(asked);
        }
    }
}

/// How a stream type is shown in the journal.
fn shown(kind: u32) -> String {
    let name = ["request", "response", "downstream", "upstream"].get(kind as usize);
    name.map_or_else(|| kind.to_string(), |name| (*name).to_owned())
}

fn unknown_stream(kind: u32) -> Refusal {
    Refusal::bad_argument(format!("{kind} is not a stream type; 0 to 3 are"))
}
