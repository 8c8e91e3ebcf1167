use std::mem;

use crate::http::HeaderList;
use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Side, failure, too_large};
use crate::proxy::framing::Body;
use crate::stream::{Asked, Window};
use crate::{Callback, Plugin};

/// What the plugin's answer to a body callback means (Envoy's `FilterDataStatus`).
const CONTINUE: u32 = 0;
const STOP_AND_BUFFER: u32 = 1;
const STOP_AND_WATERMARK: u32 = 2;

impl<P: Plugin> Proxy<P> {
    /// Carries a message whose headers are in place through the plugin.
    pub(super) fn filter(&mut self, id: u32, side: Side, body: Body) -> Result<Body, End> {
        let ends = body.pieces.is_empty() && body.trailers.is_none();
        self.filter_headers(id, side, ends)?;
        if ends {
            return Ok(Body::default());
        }
        let mut pieces = self.filter_body(id, side, &body)?;
        let trailers = match body.trailers {
            Some(trailers) => Some(self.filter_trailers(id, side, trailers)?),
            // The plugin may have added some in its last body callback.
            None => self.message_mut(id, side).and_then(|message| message.trailers.clone()),
        };
        pieces.extend(self.message_mut(id, side).map(|message| mem::take(&mut message.held)));
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Ok(Body { pieces, trailers, empty_end: body.empty_end })
    }

    fn filter_headers(&mut self, id: u32, side: Side, end_of_stream: bool) -> Result<(), End> {
        self.received(id, side, end_of_stream);
        let count = self.message_mut(id, side).map_or(0, |message| {
            message.headers_window = Window::Open;
            message.headers.len() as u32
        });
        let (action, asked) = self.ask(match side {
            Side::Request => Callback::RequestHeaders { context: id, count, end_of_stream },
            Side::Response => Callback::ResponseHeaders { context: id, count, end_of_stream },
        })?;
        // 2 is ContinueAndEndStream, which Envoy takes for Continue.
        if action == 0 || action == 2 {
            if let Some(message) = self.message_mut(id, side) {
                message.headers_window.close(Window::Continued);
            }
            return Ok(());
        }
        // Resumed in the same callback: Envoy lets the headers go and then holds back what follows them.
        if asked && end_of_stream { Ok(()) } else { Err(End::Paused) }
    }

    fn filter_body(&mut self, id: u32, side: Side, body: &Body) -> Result<Vec<Vec<u8>>, End> {
        let mut out = Vec::new();
        let mut stopped = false;
        let ends_with_body = body.trailers.is_none();
        let empty_end = (ends_with_body && body.empty_end).then(Vec::new);
        let last = (body.pieces.len() + usize::from(empty_end.is_some())).saturating_sub(1);
        for (index, piece) in body.pieces.iter().chain(empty_end.as_ref()).enumerate() {
            let end_of_stream = ends_with_body && index == last;
            stopped = self.filter_piece(id, side, piece.clone(), end_of_stream, &mut out)?;
        }
        // With trailers to come a held body goes on when they do.
        if stopped && ends_with_body { Err(End::Paused) } else { Ok(out) }
    }

    /// Shows one piece to the plugin. Gives whether the plugin holds the body back.
    fn filter_piece(
        &mut self,
        id: u32,
        side: Side,
        piece: Vec<u8>,
        end_of_stream: bool,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<bool, End> {
        self.received(id, side, end_of_stream);
        if let Some(stream) = self.stream_mut(id).filter(|_| side == Side::Request) {
            stream.info.request_bytes += piece.len() as u64;
        }
        let size = self.show_piece(id, side, piece, end_of_stream)?;
        let (action, resumed) = self.ask(match side {
            Side::Request => Callback::RequestBody { context: id, size, end_of_stream },
            Side::Response => Callback::ResponseBody { context: id, size, end_of_stream },
        })?;
        let Some(message) = self.message_mut(id, side) else { return Err(End::Closed) };
        let piece = mem::take(&mut message.chunk);
        let action = if resumed { CONTINUE } else { action };
        message.buffering = action == STOP_AND_BUFFER;
        message.at_end = false;
        match action {
            CONTINUE => {
                message.body_window.close(Window::Continued);
                out.extend([mem::take(&mut message.held), piece]);
            }
            STOP_AND_BUFFER | STOP_AND_WATERMARK => message.held.extend_from_slice(&piece),
            // StopIterationNoBuffer, and what Envoy does not know, drop the piece.
            _ => {}
        }
        let held = message.held.len();
        let sent: usize = out.iter().map(Vec::len).sum();
        if let Some(stream) = self.stream_mut(id).filter(|_| side == Side::Response) {
            stream.info.response_bytes = sent as u64;
        }
        too_large(side, held).map_or(Ok(action != CONTINUE), Err)
    }

    fn show_piece(&mut self, id: u32, side: Side, piece: Vec<u8>, end_of_stream: bool) -> Result<u32, End> {
        let Some(message) = self.message_mut(id, side) else { return Err(End::Closed) };
        message.body_window = Window::Open;
        message.at_end = end_of_stream;
        if message.buffering {
            message.held.extend_from_slice(&piece);
        } else {
            message.chunk = piece;
        }
        // Over the limit Envoy answers before it asks.
        let (size, held) = (message.body().len() as u32, message.held.len());
        too_large(side, held).map_or(Ok(size), Err)
    }

    fn filter_trailers(&mut self, id: u32, side: Side, trailers: HeaderList) -> Result<HeaderList, End> {
        self.received(id, side, true);
        let count = trailers.len() as u32;
        if let Some(message) = self.message_mut(id, side) {
            message.trailers = Some(trailers);
            message.trailers_window = Window::Open;
        }
        let (action, resumed) = self.ask(match side {
            Side::Request => Callback::RequestTrailers { context: id, count },
            Side::Response => Callback::ResponseTrailers { context: id, count },
        })?;
        if action != CONTINUE && !resumed {
            return Err(End::Paused);
        }
        let Some(message) = self.message_mut(id, side) else { return Err(End::Closed) };
        message.trailers_window.close(Window::Continued);
        Ok(message.trailers.clone().unwrap_or_default())
    }

    fn received(&mut self, id: u32, side: Side, end_of_stream: bool) {
        if let Some(stream) = self.stream_mut(id).filter(|_| side == Side::Request) {
            stream.info.request_complete = end_of_stream;
        }
    }

    /// Calls the plugin and then does what it has asked for. Gives its answer, and whether it has resumed the stream.
    pub(super) fn ask(&mut self, callback: Callback) -> Result<(u32, bool), End> {
        let context = callback.context();
        let Ok(action) = self.call(callback) else { return Err(End::Reply(failure())) };
        let asked = self.stream_mut(context).map(|stream| mem::take(&mut stream.asked)).unwrap_or_default();
        match asked {
            Asked { reply: Some(reply), .. } => Err(End::Reply(reply)),
            Asked { close: true, .. } => Err(End::Closed),
            Asked { continue_request, continue_response, .. } => {
                Ok((action, continue_request || continue_response))
            }
        }
    }
}
