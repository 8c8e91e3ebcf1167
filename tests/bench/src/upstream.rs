use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_envoy::ClusterEntry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::http2::{DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PREFACE, greeting, indexed, literal};
use crate::setting::{CLUSTER, Protocol};

/// A server on loopback, on a thread of its own; it does as little as it can.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    is_http2: bool,
    last_head: LastHead,
    _runtime: Runtime,
}

/// The head of the latest request of HTTP/1.1.
type LastHead = Arc<Mutex<Vec<u8>>>;

impl Server {
    pub(crate) fn start(protocol: Protocol) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let (address, is_http2) = (listener.local_addr()?, protocol != Protocol::Http1);
        let last_head = LastHead::default();
        runtime.spawn(accept(listener, is_http2, Arc::clone(&last_head)));
        Ok(Self { address, is_http2, last_head, _runtime: runtime })
    }

    /// The cluster that it is.
    pub(crate) fn cluster(&self) -> ClusterEntry {
        ClusterEntry { name: CLUSTER.to_owned(), endpoint: Some(self.address), http2: self.is_http2 }
    }

    /// The head of the latest request, where it came by HTTP/1.1.
    pub(crate) fn last_head(&self) -> Option<String> {
        let last = self.last_head.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.is_http2).then(|| String::from_utf8_lossy(&last).into_owned())
    }
}

async fn accept(listener: TcpListener, is_http2: bool, last_head: LastHead) {
    while let Ok((stream, _)) = listener.accept().await {
        let last_head = Arc::clone(&last_head);
        tokio::spawn(async move {
            // Whoever broke the connection, Envoy sees it.
            let _ = stream.set_nodelay(true);
            match is_http2 {
                true => drop(serve_http2(stream).await),
                false => drop(serve_http1(stream, &last_head).await),
            }
        });
    }
}

async fn serve_http1(mut stream: TcpStream, last_head: &LastHead) -> io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await? > 0 {
        // Envoy sends no request before it has the answer to the one before.
        if received.ends_with(b"\r\n\r\n") {
            last_head.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&received);
            received.clear();
            stream.write_all(ANSWER).await?;
        }
    }
    Ok(())
}

async fn serve_http2(mut stream: TcpStream) -> io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    let answers = Answers::new();
    let (mut received, mut to_send) = (Vec::new(), Vec::new());
    greeting(&mut to_send);
    loop {
        stream.write_all(&to_send).await?;
        to_send.clear();
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        let mut rest = received.as_slice();
        while let Some(frame) = Frame::first(rest) {
            rest = rest.get(frame.length()..).unwrap_or_default();
            if frame.ends_stream() {
                answers.to(frame, &mut to_send);
            } else if frame.acknowledge(&mut to_send).is_err() {
                return Ok(());
            }
        }
        let taken = received.len() - rest.len();
        received.drain(..taken);
    }
}

/// Blocks of headers that are the same each time.
struct Answers {
    plain: Vec<u8>,
    grpc: Vec<u8>,
    trailers: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let mut answers =
            Self { plain: vec![indexed::STATUS_200], grpc: vec![indexed::STATUS_200], trailers: Vec::new() };
        literal(&mut answers.plain, "content-type", "text/plain");
        literal(&mut answers.plain, "content-length", "2");
        literal(&mut answers.grpc, "content-type", "application/grpc");
        literal(&mut answers.trailers, "grpc-status", "0");
        answers
    }

    /// What ends with a message is a call.
    fn to(&self, last: Frame<'_>, out: &mut Vec<u8>) {
        let headers = |flags, payload| Frame {
            kind: HEADERS,
            flags: END_HEADERS | flags,
            stream: last.stream,
            payload,
        };
        let data = |flags, payload| Frame { kind: DATA, flags, stream: last.stream, payload };
        if last.kind == DATA {
            headers(0, &self.grpc).write(out);
            data(0, b"\0\0\0\0\x07\x0a\x05hello").write(out);
            headers(END_STREAM, &self.trailers).write(out);
        } else {
            headers(0, &self.plain).write(out);
            data(END_STREAM, b"ok").write(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Target, run};
    use crate::requests::Requests;
    use std::time::Duration;

    #[test]
    fn the_load_tool_and_the_server_understand_each_other_without_a_proxy() {
        for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Grpc] {
            let server = Server::start(protocol).unwrap();
            let requests = Requests::new(protocol, [String::from("a")].iter());
            let target = Target { address: server.address, requests, status: 200 };
            let load = run(&target, Duration::from_millis(100)).unwrap();
            assert!(load.latencies.len() > 50, "{protocol:?}: {}", load.latencies.len());
            let head = server.last_head();
            assert_eq!(head.is_some(), protocol == Protocol::Http1);
            assert!(head.is_none_or(|head| head.contains("Bearer a")));
            let refused = run(&Target { status: 401, ..target }, Duration::from_millis(100));
            assert!(refused.is_err(), "{protocol:?}");
        }
    }
}
