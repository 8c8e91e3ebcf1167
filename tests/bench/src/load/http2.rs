use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{MAX_REQUESTS, Target};
use crate::http2::{DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PREFACE, greeting, is_ok};
use crate::setting::Protocol;

/// A message of gRPC: not compressed, seven bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x07\x0a\x05hello";

/// Keeps so many streams under way until then.
pub(super) async fn connection(
    target: Target,
    streams: usize,
    until: Instant,
) -> Result<Vec<Duration>, String> {
    let mut stream = TcpStream::connect(target.address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut session = Session::new(target);
    let mut received = Vec::new();
    loop {
        while session.under_way.len() < streams
            && Instant::now() < until
            && session.latencies.len() < MAX_REQUESTS
        {
            session.ask()?;
        }
        if !session.to_send.is_empty() {
            stream.write_all(&session.to_send).await.map_err(|error| error.to_string())?;
            session.to_send.clear();
        }
        if session.under_way.is_empty() {
            return Ok(session.latencies);
        }
        let read = stream.read_buf(&mut received).await.map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("Envoy has closed the connection".to_owned());
        }
        session.take_all(&mut received)?;
    }
}

struct Session {
    target: Target,
    to_send: Vec<u8>,
    under_way: Vec<Exchange>,
    next_stream: u32,
    latencies: Vec<Duration>,
}

struct Exchange {
    stream: u32,
    sent: Instant,
    has_headers: bool,
}

impl Session {
    fn new(target: Target) -> Self {
        let mut to_send = PREFACE.to_vec();
        greeting(&mut to_send);
        Self { target, to_send, under_way: Vec::new(), next_stream: 1, latencies: Vec::new() }
    }

    fn ask(&mut self) -> Result<(), String> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let requests = &self.target.requests;
        let Some(block) = requests.next() else { return Err("there are no requests".to_owned()) };
        let is_call = requests.protocol == Protocol::Grpc;
        let end = if is_call { 0 } else { END_STREAM };
        Frame { kind: HEADERS, flags: END_HEADERS | end, stream, payload: &block }.write(&mut self.to_send);
        if is_call {
            let message = Frame { kind: DATA, flags: END_STREAM, stream, payload: MESSAGE };
            message.write(&mut self.to_send);
        }
        self.under_way.push(Exchange { stream, sent: Instant::now(), has_headers: false });
        Ok(())
    }

    fn take_all(&mut self, received: &mut Vec<u8>) -> Result<(), String> {
        let mut rest = received.as_slice();
        while let Some(frame) = Frame::first(rest) {
            self.take(frame)?;
            rest = rest.get(frame.length()..).unwrap_or_default();
        }
        let taken = received.len() - rest.len();
        received.drain(..taken);
        Ok(())
    }

    fn take(&mut self, frame: Frame<'_>) -> Result<(), String> {
        let place = self.under_way.iter().position(|exchange| exchange.stream == frame.stream);
        let Some(place) = place else { return frame.acknowledge(&mut self.to_send) };
        let Some(exchange) = self.under_way.get_mut(place) else { return Ok(()) };
        if frame.kind == HEADERS && !exchange.has_headers {
            exchange.has_headers = true;
            // What ends a call with its first headers is an error without a message.
            let is_call = self.target.requests.protocol == Protocol::Grpc;
            if is_ok(frame.payload) != (self.target.status == 200) || is_call && frame.ends_stream() {
                return Err(format!("Envoy answers otherwise than {}", self.target.status));
            }
        }
        frame.acknowledge(&mut self.to_send)?;
        if frame.ends_stream() {
            self.latencies.push(self.under_way.swap_remove(place).sent.elapsed());
        }
        Ok(())
    }
}
