use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_sim::http::{Protocol, Response};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::body::Pieces;
use crate::message::incoming_response;

/// How long one request may take if the server answers at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A body that is received, at most.
pub(crate) const MAX_BODY: usize = 32 << 20;

/// Header fields and bytes of headers that both ends accept: more than Envoy lets through.
pub(crate) const MAX_HEADERS: usize = 1024;
pub(crate) const MAX_HEADER_BYTES: u32 = 1 << 20;

/// How a request ended for the client.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Response),
    /// The connection or the stream broke before the answer was complete.
    Reset,
    /// Nothing came in time; the client has hung up.
    GaveUp,
}

/// A client that has its port already, so that others can know it before it connects.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpSocket,
    port: u16,
}

impl Client {
    pub(crate) fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// # Errors
    /// There is no connection.
    pub(crate) async fn connect(self, address: SocketAddr) -> Result<TcpStream, String> {
        let unreachable = |error| format!("{address} does not accept a connection: {error}");
        let stream = self.socket.connect(address).await.map_err(unreachable)?;
        // A piece is a segment of its own.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// Sends one request over a connection of its own.
    ///
    /// # Errors
    /// There is no connection.
    pub(crate) async fn round_trip(
        self,
        address: SocketAddr,
        protocol: Protocol,
        request: hyper::Request<Pieces>,
        patience: Duration,
    ) -> Result<Outcome, String> {
        let stream = self.connect(address).await?;
        Ok(match timeout(patience, exchange(stream, protocol, request)).await {
            Ok(Ok(response)) => Outcome::Answered(response),
            Ok(Err(_)) => Outcome::Reset,
            Err(_) => Outcome::GaveUp,
        })
    }
}

async fn exchange(
    stream: TcpStream,
    protocol: Protocol,
    request: hyper::Request<Pieces>,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TokioIo::new(stream);
    let (response, _connection) = match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            let (mut sender, connection) = builder.max_headers(MAX_HEADERS).handshake(stream).await?;
            let connection = HangUp(tokio::spawn(connection).abort_handle());
            (sender.send_request(request).await?, connection)
        }
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            let builder = builder.max_header_list_size(MAX_HEADER_BYTES);
            let (mut sender, connection) = builder.handshake(stream).await?;
            let connection = HangUp(tokio::spawn(connection).abort_handle());
            (sender.send_request(request).await?, connection)
        }
    };
    receive(response).await
}

async fn receive(
    response: hyper::Response<Incoming>,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?;
    let trailers = body.trailers().cloned();
    Ok(incoming_response(&parts, &body.to_bytes(), trailers.as_ref()))
}

/// Closes the connection when the request is over, whether it was answered or not.
struct HangUp(AbortHandle);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}
