use crate::proxy::thread::{Dead, Thread};
use crate::setup::FailurePolicy;
use crate::stream::{Iteration, LocalResponse, Side, Window};
use crate::{Callback, Plugin, Sim};

/// What a plugin's answer to its headers callback means (Envoy's `FilterHeadersStatus`).
pub(super) enum HeadersAction {
    Continue,
    Stop(Iteration),
}

/// What a plugin's answer to its body callback means (Envoy's `FilterDataStatus`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyAction {
    Continue,
    Buffer,
    Watermark,
    NoBuffer,
}

/// What a plugin's answer to its trailers callback means (Envoy's `FilterTrailersStatus`).
pub(super) enum TrailersAction {
    Continue,
    Stop,
}

/// Bits of what the filters are doing, so that a local reply knows whether to wait.
const HEADERS: u32 = 1;
const BODY: u32 = 2;
const TRAILERS: u32 = 4;

/// A plugin as a filter: windows open, the callback, windows close.
impl<P: Plugin> Thread<P> {
    pub(super) fn ask_headers(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        position: usize,
        end_of_stream: bool,
    ) -> HeadersAction {
        let stop_all = HeadersAction::Stop(Iteration::StopAllWatermark);
        let Some(place) = place(sim, id, side, position) else { return HeadersAction::Continue };
        let fails_open = self.fails_open(sim, &place);
        sim.set_doing(id, side, HEADERS, true);
        let result = if side == Side::Request { self.create(sim, id, &place) } else { Ok(()) };
        let result = result.and_then(|()| {
            let Some(stream) = sim.stream_of_mut(id) else { return Err(Dead) };
            let count = stream.message(side).headers.len() as u32;
            let Some(filter) = stream.filters.get_mut(place.filter) else { return Err(Dead) };
            if !filter.is_created {
                return Ok((0, false));
            }
            filter.half_mut(side).headers_window = Window::Open;
            let context = place.context;
            self.call(
                sim,
                place.vm,
                match side {
                    Side::Request => Callback::RequestHeaders { context, count, end_of_stream },
                    Side::Response => Callback::ResponseHeaders { context, count, end_of_stream },
                },
            )
        });
        let action = match result {
            Err(Dead) if fails_open => HeadersAction::Continue,
            Err(Dead) => {
                self.fail(sim, id, &place);
                stop_all
            }
            Ok((_, true)) => stop_all,
            // 2 is ContinueAndEndStream, which Envoy takes for Continue.
            Ok((0 | 2, _)) => HeadersAction::Continue,
            Ok((1, _)) if self.may_stop_single(sim, &place) => HeadersAction::Stop(Iteration::StopSingle),
            Ok((3, _)) => HeadersAction::Stop(Iteration::StopAllBuffer),
            Ok(_) => stop_all,
        };
        sim.set_doing(id, side, HEADERS, false);
        if let (HeadersAction::Continue, Some(half)) = (&action, sim.half_mut(id, side, position)) {
            half.headers_window.close(Window::Continued);
        }
        action
    }

    pub(super) fn ask_body(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        position: usize,
        piece: &mut Vec<u8>,
        end_of_stream: bool,
    ) -> BodyAction {
        let Some(place) = place(sim, id, side, position).filter(|place| place.is_created) else {
            return BodyAction::Continue;
        };
        sim.set_doing(id, side, BODY, true);
        let fails_open = self.fails_open(sim, &place);
        let Some(size) = self.show(sim, id, side, position, piece, end_of_stream) else {
            sim.set_doing(id, side, BODY, false);
            return BodyAction::NoBuffer;
        };
        let context = place.context;
        let result = self.call(
            sim,
            place.vm,
            match side {
                Side::Request => Callback::RequestBody { context, size, end_of_stream },
                Side::Response => Callback::ResponseBody { context, size, end_of_stream },
            },
        );
        let action = match result {
            Err(Dead) if fails_open => BodyAction::Continue,
            Err(Dead) => {
                self.fail(sim, id, &place);
                BodyAction::NoBuffer
            }
            Ok((_, true)) => BodyAction::NoBuffer,
            Ok((0, _)) => BodyAction::Continue,
            Ok((1, _)) => BodyAction::Buffer,
            Ok((2, _)) => BodyAction::Watermark,
            Ok(_) => BodyAction::NoBuffer,
        };
        sim.set_doing(id, side, BODY, false);
        if let Some(half) = sim.half_mut(id, side, position) {
            *piece = std::mem::take(&mut half.chunk);
            half.buffering = action == BodyAction::Buffer;
            half.at_end = false;
            if action == BodyAction::Continue {
                half.body_window.close(Window::Continued);
            }
        }
        action
    }

    pub(super) fn ask_trailers(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        position: usize,
    ) -> TrailersAction {
        let Some(place) = place(sim, id, side, position).filter(|place| place.is_created) else {
            return TrailersAction::Continue;
        };
        let Some(stream) = sim.stream_of_mut(id) else { return TrailersAction::Stop };
        let count = stream.message(side).trailers.as_ref().map_or(0, Vec::len) as u32;
        if let Some(half) = stream.half_mut(side, position) {
            half.trailers_window = Window::Open;
        }
        sim.set_doing(id, side, TRAILERS, true);
        let fails_open = self.fails_open(sim, &place);
        let context = place.context;
        let result = self.call(
            sim,
            place.vm,
            match side {
                Side::Request => Callback::RequestTrailers { context, count },
                Side::Response => Callback::ResponseTrailers { context, count },
            },
        );
        let action = match result {
            Err(Dead) if fails_open => TrailersAction::Continue,
            Err(Dead) => {
                self.fail(sim, id, &place);
                TrailersAction::Stop
            }
            Ok((0, false)) => TrailersAction::Continue,
            Ok(_) => TrailersAction::Stop,
        };
        sim.set_doing(id, side, TRAILERS, false);
        if let (TrailersAction::Continue, Some(half)) = (&action, sim.half_mut(id, side, position)) {
            half.trailers_window.close(Window::Continued);
        }
        action
    }

    /// Opens the body to the plugin and gives its size; none where the body has grown too large for that.
    fn show(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        position: usize,
        piece: &mut Vec<u8>,
        end_of_stream: bool,
    ) -> Option<u32> {
        let half = sim.half_mut(id, side, position)?;
        half.body_window = Window::Open;
        half.at_end = end_of_stream;
        if !half.buffering {
            half.chunk = std::mem::take(piece);
            return Some(half.chunk.len() as u32);
        }
        self.hold(sim, id, side, (std::mem::take(piece), false), None);
        let stream = sim.stream_of(id).filter(|stream| !stream.is_over(side))?;
        Some(stream.message(side).held.as_ref().map_or(0, Vec::len) as u32)
    }

    /// Tells the VM of the stream, once.
    pub(super) fn create(&mut self, sim: &mut Sim, id: u64, place: &Place) -> Result<(), Dead> {
        if place.is_created {
            return Ok(());
        }
        self.call(sim, place.vm, Callback::ContextCreate { context: place.context, parent: place.root })?;
        if let Some(filter) = sim.stream_of_mut(id).and_then(|stream| stream.filters.get_mut(place.filter)) {
            filter.is_created = true;
        }
        Ok(())
    }

    /// Answers for a plugin whose VM is dead; it is not asked about this stream again.
    fn fail(&mut self, sim: &mut Sim, id: u64, place: &Place) {
        if let Some(filter) = sim.stream_of_mut(id).and_then(|stream| stream.filters.get_mut(place.filter)) {
            filter.is_created = false;
        }
        self.local_reply(sim, id, &failure());
    }

    /// Whether the stream goes on without a VM that has died before; the request in which it dies is always refused.
    fn fails_open(&self, sim: &Sim, place: &Place) -> bool {
        let plugin = sim.setup.plugins.get(place.plugin).filter(|_| sim.is_dead(place.vm));
        plugin.is_some_and(|plugin| plugin.failure_policy == FailurePolicy::Open)
    }

    fn may_stop_single(&self, sim: &Sim, place: &Place) -> bool {
        // The specification has the body's callbacks called even while the stream is paused.
        let plugin = sim.setup.plugins.get(place.plugin);
        sim.follows_spec() || plugin.is_some_and(|plugin| plugin.allow_on_headers_stop_iteration)
    }
}

/// Where a filter's plugin is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) filter: usize,
    pub(super) plugin: usize,
    pub(super) vm: usize,
    pub(super) root: u32,
    pub(super) context: u32,
    pub(super) is_created: bool,
}

fn place(sim: &Sim, id: u64, side: Side, position: usize) -> Option<Place> {
    let stream = sim.stream_of(id)?;
    Place::of(sim, id, stream.at(side, position)?)
}

impl Place {
    pub(super) fn of(sim: &Sim, id: u64, index: usize) -> Option<Self> {
        let filter = sim.stream_of(id)?.filters.get(index)?;
        Some(Self {
            filter: index,
            plugin: filter.plugin,
            vm: filter.vm,
            root: filter.root,
            context: filter.context,
            is_created: filter.is_created,
        })
    }
}

/// What the client of a dead VM gets: it fails closed.
fn failure() -> LocalResponse {
    LocalResponse {
        status: 503,
        details: b"wasm_fail_stream".to_vec(),
        grpc_status: 14,
        ..LocalResponse::default()
    }
}
