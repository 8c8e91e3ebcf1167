use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use portcullis_sim::http::{Protocol, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use crate::body::Pieces;
use crate::client::{MAX_BODY, MAX_HEADER_BYTES, MAX_HEADERS};
use crate::message::{incoming_request, outgoing_response};

/// A server on loopback, HTTP/1.1 and HTTP/2, that gives the scripted answer and keeps what it was asked.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    answer: Response,
    received: Option<Request>,
}

impl Upstream {
    /// Serves as long as the runtime that it is called in.
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::default();
        tokio::spawn(accept(listener, Arc::clone(&script)));
        Ok(Self { address, script })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the answer to the next request and forgets the last one.
    pub(crate) fn expect(&self, answer: Response) {
        *lock(&self.script) = Script { answer, received: None };
    }

    /// The last request that arrived whole since [`Self::expect`].
    pub(crate) fn received(&self) -> Option<Request> {
        lock(&self.script).received.take()
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&script)));
            }
            // Out of file descriptors, most likely: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) {
    // Without it a piece waits for the acknowledgement of the one before; with a slow answer we can live.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let script = Arc::clone(&script);
        async move { Ok::<_, Infallible>(answer(request, &script).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false).max_headers(MAX_HEADERS);
    server.http2().auto_date_header(false).max_header_list_size(MAX_HEADER_BYTES);
    // Envoy sees a connection that breaks; the client's answer shows it.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: hyper::Request<Incoming>, script: &Mutex<Script>) -> hyper::Response<Pieces> {
    let protocol = if request.version() == Version::HTTP_2 { Protocol::Http2 } else { Protocol::Http1 };
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let collected = Limited::new(body, MAX_BODY).collect().await;
    let mut script = lock(script);
    if let Ok(body) = collected {
        let trailers = body.trailers().cloned();
        script.received = Some(incoming_request(parts, &body.to_bytes(), trailers.as_ref()));
    }
    // The target has tried this answer before; it cannot fail here.
    let answer = outgoing_response(protocol, &script.answer).unwrap_or_else(|_| {
        let mut failed = hyper::Response::new(Pieces::default());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    });
    if is_head && protocol == Protocol::Http2 { headers_only(answer) } else { answer }
}

/// Over HTTP/2 hyper would send the body in answer to HEAD too, and Envoy would reset the stream.
fn headers_only(answer: hyper::Response<Pieces>) -> hyper::Response<Pieces> {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    hyper::Response::from_parts(parts, Pieces::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_body_an_answer_keeps_the_length() {
        let answer = headers_only(hyper::Response::new(Pieces::new(&[b"hello".to_vec()], None)));
        assert_eq!(answer.headers().get(CONTENT_LENGTH), Some(&HeaderValue::from_static("5")));
        assert!(answer.body().is_end_stream());
        let empty = headers_only(hyper::Response::new(Pieces::default()));
        assert!(empty.headers().is_empty());
    }
}
