use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Between two pieces, so that Envoy reads each of them by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// A body that is sent in pieces; over HTTP/2 the last one ends the stream.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    pause: Option<Pin<Box<Sleep>>>,
    /// The connection that is closed instead of the end.
    breaking: Option<Arc<TcpStream>>,
}

impl Pieces {
    pub(crate) fn new(pieces: &[Vec<u8>], trailers: Option<HeaderMap>) -> Self {
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        Self { pieces, trailers, pause: None, breaking: None }
    }

    /// After the last piece, in the place of the end, the connection is closed.
    pub(crate) fn broken_off(self, connection: Arc<TcpStream>) -> Self {
        // Whoever waits for the first piece shall have the headers by then.
        let pause = self.pieces.is_empty().then(|| Box::pin(sleep(PAUSE)));
        Self { pause, breaking: Some(connection), trailers: None, ..self }
    }

    /// Whether its length is known before it is sent, so that it travels with a content-length.
    pub(crate) fn is_sized(&self) -> bool {
        self.pieces.len() <= 1 && self.trailers.is_none() && self.breaking.is_none()
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = self.pause.as_mut() {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if let Some(piece) = self.pieces.pop_front() {
            self.pause = (!self.is_end_stream()).then(|| Box::pin(sleep(PAUSE)));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(connection) = &self.breaking {
            // It fails only when the connection is broken already.
            let _ = connection.shutdown(Shutdown::Both);
            return Poll::Pending;
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.trailers.is_none() && self.breaking.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.is_sized() {
            true => SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum()),
            false => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_piece_without_trailers_has_a_known_length() {
        assert_eq!(Pieces::new(&[b"abc".to_vec()], None).size_hint().exact(), Some(3));
        assert_eq!(Pieces::new(&[], None).size_hint().exact(), Some(0));
        assert_eq!(Pieces::new(&[b"a".to_vec(), b"b".to_vec()], None).size_hint().exact(), None);
        assert_eq!(Pieces::new(&[b"a".to_vec()], Some(HeaderMap::new())).size_hint().exact(), None);
    }
}
