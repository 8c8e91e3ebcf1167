use crate::http::{Exchange, HeaderList, Protocol, Sending};
use crate::proxy::framing;
use crate::proxy::refusal::{self, Reach, Refused};
use crate::proxy::thread::{Placed, Thread};
use crate::proxy::{connection_manager, local_reply};
use crate::setup::FailurePolicy;
use crate::stream::{End, Filter, Iteration, Side, Stream, StreamInfo};
use crate::vm::Context;
use crate::{Plugin, Sim};

/// The details and the flag that Envoy gives to a client that went away, as the client of a paused stream does at last: over HTTP/1.1 it closes
/// the connection (DownstreamConnectionTermination), over HTTP/2 it resets the stream (DownstreamRemoteReset).
const DISCONNECTED: (&str, u64) = ("downstream_remote_disconnect", 1 << 14);
const RESET_BY_CLIENT: (&str, u64) = ("http2.remote_reset", 1 << 28);
/// Envoy's response flag DownstreamProtocolError.
const DOWNSTREAM_PROTOCOL_ERROR: u64 = 1 << 18;

impl<P: Plugin> Thread<P> {
    /// Takes a request from a client, and goes on with it until it has to wait.
    pub(super) fn accept(&mut self, sim: &mut Sim, id: u64, sending: &Sending) {
        let (protocol, request) = (sending.protocol, &sending.request);
        let refused = refusal::refuse(protocol, request);
        if let Some(reset) = refused.as_ref().filter(|refused| refused.is_reset()) {
            let exchange = Exchange { details: Some(reset.details.to_owned()), ..Exchange::default() };
            sim.exchanges.insert(id, exchange);
            return;
        }
        let body = framing::body(protocol, &request.body, request.trailers.as_ref());
        let mut stream = Stream { thread: self.index, answer: sending.upstream.clone(), ..Stream::default() };
        stream.info = StreamInfo {
            protocol,
            closes: connection_manager::asks_to_close(&request.headers),
            started: sim.clock,
            connection: id,
            forwarded_for: connection_manager::forwarded_for(&request.headers),
            ..StreamInfo::default()
        };
        stream.request.is_complete = body.is_empty();
        stream.asked_by_head =
            connection_manager::find(&request.headers, b":method").is_some_and(|method| method == b"HEAD");
        sim.streams.insert(id, Box::new(stream));
        self.add_filters(sim, id);
        match refused {
            Some(refused) => self.refuse(sim, id, sending, &refused),
            None => {
                let headers = connection_manager::request_headers(protocol, request, &mut sim.entropy);
                if let Some(stream) = sim.stream_of_mut(id) {
                    stream.info.is_routed = true;
                    stream.request.headers = headers;
                    stream.is_grpc = local_reply::is_grpc(&stream.request.headers);
                }
                self.headers(sim, id, Side::Request, 0);
                self.deliver(sim, id, Side::Request, body, true);
            }
        }
        self.finish_ended(sim, id);
    }

    /// The client of a request that nobody has answered goes away.
    pub(super) fn abandon(&mut self, sim: &mut Sim, id: u64) {
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.info.ended.is_none()) else { return };
        let paused = paused(stream);
        let (details, flag) = match stream.info.protocol {
            Protocol::Http1 => DISCONNECTED,
            Protocol::Http2 => RESET_BY_CLIENT,
        };
        stream.info.details = Some(details.to_owned());
        stream.info.flags |= flag;
        stream.end = Some(End::Reset);
        if let Some((plugin, side)) = paused {
            let side = if side == Side::Request { "request" } else { "response" };
            sim.journal.hint(format!("plugin {plugin} has paused the {side}, and nothing resumed it"));
        }
        self.finish_ended(sim, id);
    }

    /// A request that the connection manager answers itself; the plugin hears of it only in its log phase.
    fn refuse(&mut self, sim: &mut Sim, id: u64, sending: &Sending, refused: &Refused) {
        let (protocol, request) = (sending.protocol, &sending.request);
        let headers = match refused.reach {
            Reach::Codec => HeaderList::new(),
            Reach::ConnectionManager => connection_manager::received(protocol, request),
            Reach::Route => connection_manager::request_headers(protocol, request, &mut sim.entropy),
        };
        let Some(stream) = sim.stream_of_mut(id) else { return };
        stream.request.headers = headers;
        stream.info.is_routed = refused.reach == Reach::Route;
        stream.info.flags |= if refused.reach == Reach::Codec { DOWNSTREAM_PROTOCOL_ERROR } else { 0 };
        stream.info.details = Some(refused.details.to_owned());
        stream.request_aborted = true;
        // After a broken message the codec cannot tell where the next one begins.
        stream.closes = !refused.is_not_found();
        let Some((headers, body)) = refused.response() else { return };
        stream.response.headers = headers;
        let ends = body.is_empty();
        self.respond_headers(sim, id, ends);
        for piece in body.pieces {
            self.data_at_end(sim, id, Side::Response, piece, true);
        }
    }

    /// Gives every plugin its part in the stream; one whose VM is dead and that fails open gets none.
    fn add_filters(&mut self, sim: &mut Sim, id: u64) {
        for plugin in 0..self.placed.len() {
            let Some(Placed { vm, root, .. }) = self.place(sim, plugin) else { continue };
            let Some(stream) = sim.streams.get_mut(&id) else { return };
            let filter = stream.filters.len();
            let context = sim.vms.get_mut(vm).map(|vm| vm.create(Context::Stream { stream: id, filter }));
            let context = context.unwrap_or_default();
            stream.filters.push(Filter { plugin, vm, root, context, ..Filter::default() });
        }
    }

    /// Where a plugin is, or none if the request goes on without it. A dead VM is replaced if that is the policy, and to the
    /// specification whatever the policy.
    pub(super) fn place(&mut self, sim: &mut Sim, plugin: usize) -> Option<Placed> {
        let policy = sim.setup.plugins.get(plugin).map(|plugin| plugin.failure_policy)?;
        let placed = self.placed.get(plugin).copied().flatten();
        let is_dead = placed.is_none_or(|placed| sim.is_dead(placed.vm));
        match policy {
            _ if is_dead && sim.follows_spec() => self.reload(sim, plugin, placed),
            FailurePolicy::Open if is_dead => None,
            FailurePolicy::Reload if is_dead => self.reload(sim, plugin, placed),
            _ => placed,
        }
    }
}

/// The plugin that holds a stream back, and which side of it.
fn paused(stream: &Stream) -> Option<(usize, Side)> {
    [Side::Response, Side::Request].into_iter().find_map(|side| {
        let holds = |filter: &&Filter| filter.half(side).iteration != Iteration::Continue;
        stream.filters.iter().find(holds).map(|filter| (filter.plugin, side))
    })
}
