use crate::stream::{Message, Window};
use crate::{Hostcall, Refusal, Sim};

/// The buffers, as the ABI numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum BufferType {
    /// The request body.
    RequestBody = 0,
    /// The response body.
    ResponseBody = 1,
    /// TCP data from the client.
    DownstreamData = 2,
    /// TCP data from the upstream.
    UpstreamData = 3,
    /// The body of the answer to an HTTP call-out.
    HttpCallResponseBody = 4,
    /// A message from a gRPC call-out.
    GrpcReceive = 5,
    /// The bytes of `proxy_on_vm_start`.
    VmConfiguration = 6,
    /// The bytes of `proxy_on_configure`.
    PluginConfiguration = 7,
    /// The arguments of a foreign function.
    ForeignFunctionArguments = 8,
}

impl BufferType {
    fn of(id: u32) -> Hostcall<Self> {
        Ok(match id {
            0 => Self::RequestBody,
            1 => Self::ResponseBody,
            2 => Self::DownstreamData,
            3 => Self::UpstreamData,
            4 => Self::HttpCallResponseBody,
            5 => Self::GrpcReceive,
            6 => Self::VmConfiguration,
            7 => Self::PluginConfiguration,
            8 => Self::ForeignFunctionArguments,
            _ => return Err(Refusal::bad_argument(format!("{id} is not a buffer; 0 to 8 are"))),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::RequestBody => "request body",
            Self::ResponseBody => "response body",
            Self::DownstreamData => "downstream data",
            Self::UpstreamData => "upstream data",
            Self::HttpCallResponseBody => "http_call response body",
            Self::GrpcReceive => "gRPC message",
            Self::VmConfiguration => "VM configuration",
            Self::PluginConfiguration => "plugin configuration",
            Self::ForeignFunctionArguments => "foreign function arguments",
        }
    }
}

fn shown(buffer: u32) -> String {
    BufferType::of(buffer).map_or_else(|_| buffer.to_string(), |buffer| buffer.name().to_owned())
}

impl Sim {
    /// `proxy_get_buffer_status`: the length; the flags that go with it are always 0 in Envoy.
    ///
    /// # Errors
    /// `NOT_FOUND` where the buffer does not exist now, `BAD_ARGUMENT` for one that never does.
    pub fn buffer_status(&mut self, buffer: u32) -> Hostcall<u32> {
        let result = self.buffer(buffer).map(|bytes| bytes.len() as u32);
        self.note("proxy_get_buffer_status", &[&shown(buffer)], result)
    }

    /// `proxy_get_buffer_bytes`: at most `size` bytes from `start`, none beyond the end.
    ///
    /// # Errors
    /// As [`buffer_status`](Self::buffer_status).
    pub fn buffer_bytes(&mut self, buffer: u32, start: u32, size: u32) -> Hostcall<Vec<u8>> {
        let result = self.buffer(buffer).map(|bytes| {
            let start = start as usize;
            let end = start.saturating_add(size as usize).min(bytes.len());
            bytes.get(start..end).unwrap_or_default().to_vec()
        });
        self.note("proxy_get_buffer_bytes", &[&shown(buffer), &start, &size], result)
    }

    /// `proxy_set_buffer_bytes`: replaces the first `size` bytes, or appends where `start` is the end or beyond.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` in the middle, outside the body's callback, and for buffers that cannot be changed.
    pub fn set_buffer_bytes(&mut self, buffer: u32, start: u32, size: u32, bytes: &[u8]) -> Hostcall<()> {
        let result =
            self.changeable(buffer).and_then(|body| splice(body, start as usize, size as usize, bytes));
        self.note("proxy_set_buffer_bytes", &[&shown(buffer), &start, &size, &bytes], result)
    }

    fn buffer(&self, id: u32) -> Hostcall<&[u8]> {
        let buffer = BufferType::of(id)?;
        let body = |message: &Message| if message.body_window == Window::Open { 0..usize::MAX } else { 0..0 };
        let stream = self.contexts.stream();
        match buffer {
            BufferType::VmConfiguration => Ok(&[]),
            BufferType::PluginConfiguration if self.configuration_open => Ok(&self.configuration),
            BufferType::PluginConfiguration => Err(Refusal::not_found(
                "the plugin configuration can be read only inside on_configure and the root context's on_context_create",
            )),
            // Outside its callback a body reads as empty, and that is no error.
            BufferType::RequestBody
            | BufferType::ResponseBody
            | BufferType::DownstreamData
            | BufferType::UpstreamData => {
                let message = match buffer {
                    BufferType::RequestBody => stream.map(|stream| &stream.request),
                    BufferType::ResponseBody => stream.map(|stream| &stream.response),
                    _ => None,
                };
                let open = message.filter(|message| !body(message).is_empty());
                Ok(open.map(Message::body).unwrap_or_default())
            }
            _ => Err(Refusal::not_found(format!("there is no {} outside its callback", buffer.name()))),
        }
    }

    fn changeable(&mut self, id: u32) -> Hostcall<&mut Vec<u8>> {
        let buffer = BufferType::of(id)?;
        let stream = self.contexts.stream_mut();
        let message = match buffer {
            BufferType::RequestBody => stream.map(|stream| &mut stream.request),
            BufferType::ResponseBody => stream.map(|stream| &mut stream.response),
            _ => return Err(Refusal::bad_argument(format!("the {} cannot be changed", buffer.name()))),
        };
        let name = buffer.name();
        let no_stream = || {
            Refusal::bad_argument(format!(
                "there is no {name} here: this is not the context of an HTTP stream"
            ))
        };
        let message = message.ok_or_else(no_stream)?;
        if message.body_window != Window::Open {
            let why = message.body_window.why();
            return Err(Refusal::bad_argument(format!(
                "the {name} can be changed only inside its own callback: {why}"
            )));
        }
        Ok(message.body_mut())
    }
}

fn splice(body: &mut Vec<u8>, start: usize, size: usize, bytes: &[u8]) -> Hostcall<()> {
    if start == 0 {
        // Draining more than there is, is tolerated.
        body.splice(..size.min(body.len()), bytes.iter().copied());
        return Ok(());
    }
    if start < body.len() {
        let reason =
            format!("Envoy can only replace from 0 or append; {start} lies inside the {} bytes", body.len());
        return Err(Refusal::bad_argument(reason));
    }
    body.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::contexts::Context;
    use crate::stream::Stream;

    fn with_body(body: &[u8], window: Window) -> Sim {
        let mut sim = Sim::new(0);
        let mut stream = Stream::default();
        stream.request.chunk = body.to_vec();
        stream.request.body_window = window;
        let id = sim.contexts.create(Context::Stream(Box::new(stream)));
        sim.contexts.enter(id);
        sim
    }

    #[test]
    fn setting_prepends_replaces_or_appends_but_not_in_the_middle() {
        for (start, size, expected) in [
            (0, 0, &b"+abcd"[..]),
            (0, 2, b"+cd"),
            (0, 4, b"+"),
            (0, 99, b"+"),
            (4, 0, b"abcd+"),
            (9, 9, b"abcd+"),
        ] {
            let mut sim = with_body(b"abcd", Window::Open);
            sim.set_buffer_bytes(0, start, size, b"+").unwrap();
            assert_eq!(sim.buffer_bytes(0, 0, 99).unwrap(), expected, "{start} {size}");
        }
        let mut sim = with_body(b"abcd", Window::Open);
        assert_eq!(sim.set_buffer_bytes(0, 1, 1, b"+").unwrap_err().status, Status::BadArgument);
    }

    #[test]
    fn a_body_outside_its_callback_reads_as_empty_and_cannot_be_set() {
        let mut sim = with_body(b"abcd", Window::Continued);
        assert_eq!(sim.buffer_bytes(0, 0, 99), Ok(vec![]));
        assert_eq!(sim.buffer_status(0), Ok(0));
        assert_eq!(sim.set_buffer_bytes(0, 0, 0, b"+").unwrap_err().status, Status::BadArgument);
    }

    #[test]
    fn reading_is_clamped_to_the_end() {
        let mut sim = with_body(b"abcd", Window::Open);
        assert_eq!(sim.buffer_bytes(0, 2, u32::MAX), Ok(b"cd".to_vec()));
        assert_eq!(sim.buffer_bytes(0, 9, 1), Ok(vec![]));
        assert_eq!(sim.buffer_status(0), Ok(4));
    }

    #[test]
    fn configurations_have_their_times() {
        let mut sim = Sim::new(0);
        assert_eq!(sim.buffer_bytes(6, 0, 9), Ok(vec![]));
        assert_eq!(sim.buffer_bytes(7, 0, 9).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.buffer_bytes(4, 0, 9).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.buffer_bytes(9, 0, 9).unwrap_err().status, Status::BadArgument);
    }
}
