use crate::abi::headers::decode_pairs;
use crate::stream::{LocalResponse, Window};
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

    /// `proxy_close_stream`: resets the stream after the running callback.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for what is no stream.
    pub fn close_stream(&mut self, kind: u32) -> Hostcall<()> {
        let result = match kind {
            0..=3 => {
                if let Some(stream) = self.contexts.stream_mut().filter(|_| kind < 2) {
                    stream.asked.close = true;
                }
                Ok(())
            }
            _ => Err(unknown_stream(kind)),
        };
        self.note("proxy_close_stream", &[&shown(kind)], result)
    }

    /// `proxy_send_local_response`; `headers` is an encoded block. Envoy answers after the running callback.
    ///
    /// # Errors
    /// None, not even outside a stream, where there is nobody to answer.
    pub fn send_local_response(&mut self, mut reply: LocalResponse, headers: &[u8]) -> Hostcall<()> {
        reply.headers.extend(decode_pairs(headers));
        let shown = (u32::from(reply.status), (reply.details.clone(), reply.body.clone()));
        let (fields, grpc_status) = (reply.headers.clone(), reply.grpc_status);
        let result = match self.contexts.stream_mut() {
            None => Ok(()),
            // Of two replies in one callback the client gets the first, and the access log the details of the second.
            Some(stream) => {
                match &mut stream.asked.reply {
                    Some(first) => first.details = reply.details,
                    none => *none = Some(reply),
                }
                Ok(())
            }
        };
        self.note("proxy_send_local_response", &[&shown, &fields, &grpc_status], result)
    }

    fn resume(&mut self, kind: u32) -> Hostcall<()> {
        let stream = self.contexts.stream_mut();
        match kind {
            0 | 1 => {
                let Some(stream) = stream else { return Ok(()) };
                match kind {
                    0 => stream.asked.continue_request = true,
                    _ => stream.asked.continue_response = true,
                }
                stream.request.close(Window::Resumed);
                Ok(())
            }
            2 => Ok(()),
            3 => Err(Refusal::new(Status::Unimplemented, "Envoy cannot resume the upstream side")),
            _ => Err(unknown_stream(kind)),
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
