use crate::Plugin;
use crate::Sim;
use crate::proxy::plugin::{BodyAction, HeadersAction, TrailersAction};
use crate::proxy::thread::Thread;
use crate::stream::{Iteration, Side};

/// Envoy's default `per_connection_buffer_limit_bytes`.
pub(super) const BUFFER_LIMIT: usize = 1 << 20;

/// The filter manager: what becomes of headers, body and trailers between one filter and the next.
///
/// A position counts the filters in the order in which this side meets them; `Filter`s are kept in the order of the request.
///
/// It runs through itself: `headers` asks a filter, whose plugin is called (`call`), and what that has asked for is done before its answer
/// counts (`act`). If that is to resume, `resume` carries on behind the filter, down to the upstream, and only then does the first
/// `headers` see the answer. So every call of a plugin can move or end the stream, and whoever goes on after one looks at it anew.
impl<P: Plugin> Thread<P> {
    /// Takes the headers through the filters from this position on.
    pub(super) fn headers(&mut self, sim: &mut Sim, id: u64, side: Side, from: usize) {
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| !stream.is_over(side)) else { return };
        let message = stream.message_mut(side);
        message.has_started = true;
        let ends = message.is_complete && message.held.is_none() && message.trailers.is_none();
        for position in from..stream_len(sim, id) {
            let action = self.ask_headers(sim, id, side, position, ends);
            if self.is_stopped(sim, id, side) {
                return;
            }
            let Some(half) = sim.half_mut(id, side, position) else { return };
            half.saw_end = ends;
            match action {
                HeadersAction::Continue => half.headers_continued = true,
                HeadersAction::Stop(iteration) => {
                    half.iteration = iteration;
                    if let Some(stream) = sim.stream_of_mut(id) {
                        stream.message_mut(side).is_streaming = iteration == Iteration::StopAllWatermark;
                    }
                    return;
                }
            }
        }
        self.headers_at_end(sim, id, side, ends);
    }

    /// Takes a piece of the body through the filters from this position on; `was_held` if a filter had held it back before.
    pub(super) fn data(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        from: usize,
        (mut piece, was_held): (Vec<u8>, bool),
        mut ends: bool,
    ) {
        if sim.stream_of(id).is_none_or(|stream| stream.is_over(side)) {
            return;
        }
        let had_trailers = sim.has_trailers(id, side);
        let mut added_at = None;
        for position in from..stream_len(sim, id) {
            let Some(half) = sim.half_mut(id, side, position) else { return };
            if half.iteration.stops_all() {
                let is_streaming = half.iteration == Iteration::StopAllWatermark;
                return self.hold(sim, id, side, (piece, was_held), Some(is_streaming));
            }
            if half.saw_end {
                return;
            }
            let is_last = ends && !sim.has_trailers(id, side);
            if let Some(half) = sim.half_mut(id, side, position) {
                half.saw_end = is_last;
            }
            let action = self.ask_body(sim, id, side, position, &mut piece, is_last);
            if self.is_stopped(sim, id, side) {
                return;
            }
            if !had_trailers && added_at.is_none() && sim.has_trailers(id, side) {
                added_at = Some(position);
                ends = false;
            }
            if !self.after_body(sim, id, side, position, action, (&mut piece, was_held)) {
                return self.added_trailers(sim, id, side, added_at);
            }
        }
        self.data_at_end(sim, id, side, piece, ends);
        self.added_trailers(sim, id, side, added_at);
    }

    /// Takes the trailers through the filters from this position on.
    pub(super) fn trailers(&mut self, sim: &mut Sim, id: u64, side: Side, from: usize) {
        if sim.stream_of(id).is_none_or(|stream| stream.is_over(side)) {
            return;
        }
        for position in from..stream_len(sim, id) {
            let Some(half) = sim.half_mut(id, side, position) else { return };
            if half.iteration.stops_all() {
                return;
            }
            half.saw_end = true;
            let action = self.ask_trailers(sim, id, side, position);
            if self.is_stopped(sim, id, side) {
                return;
            }
            let Some(half) = sim.half_mut(id, side, position) else { return };
            match (action, half.iteration) {
                (TrailersAction::Continue, Iteration::StopSingle) => {
                    return self.resume(sim, id, side, position);
                }
                (TrailersAction::Continue, _) => {}
                (TrailersAction::Stop, iteration) => {
                    if iteration == Iteration::Continue {
                        half.iteration = Iteration::StopSingle;
                    }
                    return;
                }
            }
        }
        self.trailers_at_end(sim, id, side);
    }

    /// Lets go what a filter has held back (Envoy's `continueDecoding` and `continueEncoding`).
    pub(super) fn resume(&mut self, sim: &mut Sim, id: u64, side: Side, position: usize) {
        if sim.stream_of(id).is_none_or(|stream| stream.is_over(side)) {
            return;
        }
        let Some(half) = sim.half_mut(id, side, position) else { return };
        // A filter that stopped everything has not seen the rest of the message itself.
        half.from_current |= half.iteration.stops_all();
        half.iteration = Iteration::Continue;
        let first_time = !std::mem::replace(&mut half.headers_continued, true);
        let from = if half.from_current { position } else { position + 1 };
        if first_time {
            self.headers(sim, id, side, position + 1);
        }
        let had_trailers = sim.has_trailers(id, side);
        let message = sim.stream_of_mut(id).map(|stream| stream.message_mut(side));
        if let Some(message) = message
            && let Some(held) = message.held.take()
        {
            let ends = message.is_complete && !had_trailers;
            self.data(sim, id, side, from, (held, true), ends);
        }
        if had_trailers {
            self.trailers(sim, id, side, from);
        }
        if let Some(half) = sim.half_mut(id, side, position) {
            half.from_current = false;
        }
        let message = sim.stream_of_mut(id).map(|stream| stream.message_mut(side));
        if let Some(message) = message.filter(|message| message.held.is_none()) {
            message.unread.is_blocked = false;
            self.read(sim, id, side);
        }
    }

    /// Trailers that a filter has added in its last body callback go on behind that filter.
    fn added_trailers(&mut self, sim: &mut Sim, id: u64, side: Side, added_at: Option<usize>) {
        if let Some(position) = added_at {
            self.trailers(sim, id, side, position + 1);
        }
    }

    /// Whether the piece goes on to the next filter.
    fn after_body(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        position: usize,
        action: BodyAction,
        (piece, was_held): (&mut Vec<u8>, bool),
    ) -> bool {
        let Some(half) = sim.half_mut(id, side, position) else { return false };
        let had_stopped = half.iteration == Iteration::StopSingle;
        if action == BodyAction::Continue && !had_stopped {
            return true;
        }
        let piece = (std::mem::take(piece), was_held);
        if action == BodyAction::Continue {
            self.hold(sim, id, side, piece, None);
            self.resume(sim, id, side, position);
            return false;
        }
        half.iteration = Iteration::StopSingle;
        match action {
            BodyAction::Buffer | BodyAction::Watermark => {
                self.hold(sim, id, side, piece, Some(action == BodyAction::Watermark));
            }
            _ => drop_piece(sim, id, side, piece),
        }
        false
    }

    /// Keeps a piece until the filter that stopped it resumes. Only what does not slow the sender down has a limit.
    pub(super) fn hold(
        &mut self,
        sim: &mut Sim,
        id: u64,
        side: Side,
        (piece, was_held): (Vec<u8>, bool),
        is_streaming: Option<bool>,
    ) {
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let message = stream.message_mut(side);
        message.is_streaming = is_streaming.unwrap_or(message.is_streaming);
        let before = message.held.as_ref().map_or(0, Vec::len);
        match &mut message.held {
            // What was held before stands before what has come since.
            Some(held) if was_held => {
                held.splice(..0, piece);
            }
            Some(held) => held.extend(piece),
            none => *none = Some(piece),
        }
        let size = message.held.as_ref().map_or(0, Vec::len);
        // What was held before has passed the limit before, or has been let through it.
        if size > BUFFER_LIMIT && before <= BUFFER_LIMIT && !was_held && !message.is_streaming {
            self.too_large(sim, id, side);
        }
    }

    /// Whether the stream, or this side of it, has ended while a filter was asked; a local reply that waited is sent now.
    fn is_stopped(&mut self, sim: &mut Sim, id: u64, side: Side) -> bool {
        let Some(stream) = sim.stream_of_mut(id) else { return true };
        if !stream.is_over(side) {
            return false;
        }
        if side == Side::Request
            && let Some(reply) = stream.prepared.take()
        {
            self.reply_through_filters(sim, id, &reply);
        }
        true
    }
}

/// StopIterationNoBuffer: the piece is gone, but the end of the stream is not forgotten.
fn drop_piece(sim: &mut Sim, id: u64, side: Side, (piece, was_held): (Vec<u8>, bool)) {
    let Some(stream) = sim.stream_of_mut(id) else { return };
    let message = stream.message_mut(side);
    if was_held {
        message.held = Some(piece);
    } else if message.is_complete && message.trailers.is_none() {
        message.held.get_or_insert_default();
    }
}

fn stream_len(sim: &Sim, id: u64) -> usize {
    sim.stream_of(id).map_or(0, |stream| stream.filters.len())
}
