use crate::stream::{Side, Stream, Window};
use crate::vm::Context;
use crate::{Hostcall, Refusal, Shown, Sim};

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

/// How a buffer is shown in the journal.
struct Buffer(u32);

impl Shown for Buffer {
    fn show(&self, line: &mut String) {
        match BufferType::of(self.0) {
            Ok(buffer) => line.push_str(buffer.name()),
            Err(_) => self.0.show(line),
        }
    }
}

impl Sim {
    /// `proxy_get_buffer_status`: the length; the flags that go with it are always 0 in Envoy.
    ///
    /// # Errors
    /// `NOT_FOUND` where the buffer does not exist now, `BAD_ARGUMENT` for one that never does.
    pub fn buffer_status(&mut self, buffer: u32) -> Hostcall<u32> {
        let result = self.buffer(buffer).map(|bytes| bytes.len() as u32);
        self.note("proxy_get_buffer_status", &[&Buffer(buffer)], result)
    }

    /// `proxy_get_buffer_bytes`: at most `size` bytes from `start`, none beyond the end.
    ///
    /// # Errors
    /// As [`buffer_status`](Self::buffer_status); to the specification it is a `BAD_ARGUMENT` to begin beyond the end.
    pub fn buffer_bytes(&mut self, buffer: u32, start: u32, size: u32) -> Hostcall<Vec<u8>> {
        let spec = self.follows_spec();
        let result = self.buffer(buffer).and_then(|bytes| {
            if spec && (start as usize > bytes.len() || start.checked_add(size).is_none()) {
                return Err(beyond(start, size, bytes.len()));
            }
            let start = start as usize;
            let end = start.saturating_add(size as usize).min(bytes.len());
            Ok(bytes.get(start..end).unwrap_or_default().to_vec())
        });
        self.note("proxy_get_buffer_bytes", &[&Buffer(buffer), &start, &size], result)
    }

    /// `proxy_set_buffer_bytes`: replaces the first `size` bytes, or appends where `start` is the end or beyond.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` in the middle, outside the body's callback, and for buffers that cannot be changed. The specification
    /// allows the middle, and has `NOT_FOUND` outside.
    pub fn set_buffer_bytes(&mut self, buffer: u32, start: u32, size: u32, bytes: &[u8]) -> Hostcall<()> {
        let spec = self.follows_spec();
        let result =
            self.changeable(buffer).and_then(|body| splice(body, start as usize, size as usize, bytes, spec));
        self.note("proxy_set_buffer_bytes", &[&Buffer(buffer), &start, &size, &bytes], result)
    }

    /// Whether there is such a buffer now, be it empty, and be it one that cannot be changed.
    pub fn has_buffer(&self, buffer: u32) -> bool {
        self.buffer(buffer).is_ok()
    }

    /// `proxy_get_configuration` of ABI 0.1.0: that of the plugin while it can be read, and else that of the VM.
    ///
    /// # Errors
    /// None.
    pub fn configuration(&mut self) -> Hostcall<Vec<u8>> {
        let plugin = self.configuring.and_then(|plugin| self.setup.plugins.get(plugin));
        let of_plugin = plugin.map(|plugin| plugin.configuration.clone());
        let configuration =
            of_plugin.or_else(|| self.vm().map(|vm| vm.configuration.clone())).unwrap_or_default();
        self.note("proxy_get_configuration", &[], Ok(configuration))
    }

    fn buffer(&self, id: u32) -> Hostcall<&[u8]> {
        let buffer = BufferType::of(id)?;
        let found = match buffer {
            BufferType::VmConfiguration => self.vm_configuration(),
            BufferType::PluginConfiguration => return self.plugin_configuration(),
            BufferType::RequestBody => self.body(Side::Request),
            BufferType::ResponseBody => self.body(Side::Response),
            BufferType::DownstreamData | BufferType::UpstreamData => self.flow(buffer),
            BufferType::ForeignFunctionArguments => None,
            BufferType::HttpCallResponseBody | BufferType::GrpcReceive => self.received(buffer),
        };
        match found {
            // Outside its callback any other buffer reads as empty in Envoy, and that is no error.
            None if self.follows_spec() || buffer == BufferType::HttpCallResponseBody => Err(outside(buffer)),
            found => Ok(found.unwrap_or_default()),
        }
    }

    fn vm_configuration(&self) -> Option<&[u8]> {
        let vm = self.vm().filter(|_| self.is_vm_start() || !self.follows_spec())?;
        Some(&vm.configuration)
    }

    fn plugin_configuration(&self) -> Hostcall<&[u8]> {
        let plugin = self.configuring.and_then(|plugin| self.setup.plugins.get(plugin));
        plugin.map(|plugin| plugin.configuration.as_slice()).ok_or_else(|| {
            if self.follows_spec() {
                return outside(BufferType::PluginConfiguration);
            }
            Refusal::not_found(
                "the plugin configuration can be read only inside on_configure and the root context's on_context_create",
            )
        })
    }

    fn received(&self, buffer: BufferType) -> Option<&[u8]> {
        self.vm()?.calls.received.buffer(buffer)
    }

    fn body(&self, side: Side) -> Option<&[u8]> {
        let (stream, filter) = self.stream()?;
        let half = filter.half(side);
        match half.body_window {
            Window::Open if half.buffering => Some(stream.message(side).held.as_deref().unwrap_or_default()),
            Window::Open => Some(&half.chunk),
            _ => None,
        }
    }

    fn flow(&self, buffer: BufferType) -> Option<&[u8]> {
        let Some(Context::Connection { connection, filter }) = self.context() else { return None };
        let connection = self.connections.get(connection)?;
        let filter = connection.filters.get(*filter)?;
        let (is_open, data) = match buffer {
            BufferType::DownstreamData => (filter.downstream_open, &connection.from_client),
            _ => (filter.upstream_open, &connection.from_upstream),
        };
        is_open.then_some(data.as_slice())
    }

    fn changeable(&mut self, id: u32) -> Hostcall<&mut Vec<u8>> {
        let buffer = BufferType::of(id)?;
        if self.follows_spec() {
            self.buffer(id)?;
        }
        let side = match buffer {
            BufferType::RequestBody => Side::Request,
            BufferType::ResponseBody => Side::Response,
            BufferType::DownstreamData | BufferType::UpstreamData => return self.changeable_flow(buffer),
            // Envoy looks for the buffer before it asks whether it can be changed.
            _ => {
                self.buffer(id)?;
                return Err(Refusal::bad_argument(format!("the {} cannot be changed", buffer.name())));
            }
        };
        let (stream, filter) = self.stream_mut().ok_or_else(|| no_stream(buffer))?;
        changeable_body(buffer, stream, side, filter)
    }

    fn changeable_flow(&mut self, buffer: BufferType) -> Hostcall<&mut Vec<u8>> {
        let Some(Context::Connection { connection, filter }) = self.context() else {
            return Err(no_stream(buffer));
        };
        let (connection, filter) = (*connection, *filter);
        let connection = self.connections.get_mut(&connection).ok_or_else(|| no_stream(buffer))?;
        let filter = connection.filters.get(filter).ok_or_else(|| no_stream(buffer))?;
        let (is_open, data) = match buffer {
            BufferType::DownstreamData => (filter.downstream_open, &mut connection.from_client),
            _ => (filter.upstream_open, &mut connection.from_upstream),
        };
        is_open.then_some(data).ok_or_else(|| no_stream(buffer))
    }
}

fn changeable_body(
    buffer: BufferType,
    stream: &mut Stream,
    side: Side,
    filter: usize,
) -> Hostcall<&mut Vec<u8>> {
    let half = stream.filters.get(filter).map(|filter| filter.half(side)).ok_or_else(|| no_stream(buffer))?;
    if half.body_window != Window::Open {
        let (name, why) = (buffer.name(), half.body_window.why());
        return Err(Refusal::bad_argument(format!(
            "the {name} can be changed only inside its own callback: {why}"
        )));
    }
    if half.buffering {
        return Ok(stream.message_mut(side).held.get_or_insert_default());
    }
    let half = stream.filters.get_mut(filter).map(|filter| filter.half_mut(side));
    half.map(|half| &mut half.chunk).ok_or_else(|| no_stream(buffer))
}

fn no_stream(buffer: BufferType) -> Refusal {
    Refusal::bad_argument(format!(
        "there is no {} here: this is not the context of such a stream, or not its callback",
        buffer.name()
    ))
}

fn outside(buffer: BufferType) -> Refusal {
    Refusal::not_found(format!("there is no {} outside its callback", buffer.name()))
}

fn beyond(start: u32, size: u32, length: usize) -> Refusal {
    Refusal::bad_argument(format!("{size} bytes from {start} lie beyond the end of the buffer's {length}"))
}

fn splice(body: &mut Vec<u8>, start: usize, size: usize, bytes: &[u8], spec: bool) -> Hostcall<()> {
    if start == 0 || (spec && start < body.len()) {
        // Draining more than there is, is tolerated.
        body.splice(start..start.saturating_add(size).min(body.len()), bytes.iter().copied());
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
    use crate::stream::{Filter, Half};

    fn with_body(body: &[u8], window: Window) -> Sim {
        let request = Half { chunk: body.to_vec(), body_window: window, ..Half::default() };
        let filters = vec![Filter { request, ..Filter::default() }];
        Sim::in_stream(Stream { filters, ..Stream::default() })
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
        let mut sim = Sim::in_stream(Stream::default());
        assert_eq!(sim.buffer_bytes(6, 0, 9), Ok(vec![]));
        assert_eq!(sim.buffer_bytes(7, 0, 9).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.buffer_bytes(4, 0, 9).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.buffer_bytes(9, 0, 9).unwrap_err().status, Status::BadArgument);
    }
}
