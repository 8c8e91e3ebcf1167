use std::convert::Infallible;
use std::future::pending;
use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use portcullis_sim::http::{Protocol, Response};
use portcullis_sim::{Answer, AnswerKind};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::body::Pieces;
use crate::client::{MAX_BODY, MAX_HEADER_BYTES, MAX_HEADERS};
use crate::grpc;
use crate::journal::{Arriving, Journal, Sender};
use crate::message::{header_list, incoming_head, outgoing_response};

/// Neither HTTP/1 nor a frame of HTTP/2.
const MALFORMED: &[u8] = b"\0this is no HTTP\r\n\r\n";

/// Serves HTTP/1.1 or HTTP/2 on a connection; every request gets the answer that `next` gives for it.
pub(crate) async fn serve(
    stream: TcpStream,
    sender: Sender,
    journal: Journal,
    next: impl Fn() -> Answer + Send + Sync,
) {
    // Whoever broke the connection, Envoy sees it, and the exchange shows it.
    let Ok((stream, line)) = with_line(stream) else { return };
    let line = Arc::new(line);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let protocol = if request.version() == Version::HTTP_2 { Protocol::Http2 } else { Protocol::Http1 };
        let is_head = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let arriving = journal.begin(sender.clone(), incoming_head(parts));
        let (answer, line) = (next(), Arc::clone(&line));
        async move {
            receive(body, arriving).await;
            let answer = act(answer, protocol, &line).await;
            let headers_only_here = is_head && protocol == Protocol::Http2;
            Ok::<_, Infallible>(if headers_only_here { headers_only(answer) } else { answer })
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false).max_headers(MAX_HEADERS);
    server.http2().auto_date_header(false).max_header_list_size(MAX_HEADER_BYTES);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection under the protocol, for whoever wants to break it.
pub(crate) type Line = std::net::TcpStream;

fn with_line(stream: TcpStream) -> io::Result<(TcpStream, Line)> {
    // Without it a piece waits for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let line = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, line))
}

async fn receive(mut body: Incoming, arriving: Arriving) {
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return };
        match frame.into_data() {
            Ok(data) => {
                size += data.len();
                if size > MAX_BODY {
                    return;
                }
                arriving.add_to_body(&data);
            }
            Err(frame) => {
                let trailers = frame.into_trailers().ok();
                trailers.into_iter().for_each(|trailers| arriving.set_trailers(header_list(&trailers)));
            }
        }
    }
    arriving.end();
}

async fn act(answer: Answer, protocol: Protocol, line: &Arc<Line>) -> hyper::Response<Pieces> {
    sleep(answer.after).await;
    match &answer.kind {
        AnswerKind::Response(response) => whole(protocol, response),
        AnswerKind::Grpc(grpc) => whole(protocol, &grpc::response_of(grpc)),
        AnswerKind::ResetMidBody(response) => {
            whole(protocol, response).map(|body| body.broken_off(Arc::clone(line)))
        }
        AnswerKind::Timeout => pending().await,
        AnswerKind::Reset => {
            let _ = line.shutdown(Shutdown::Both);
            pending().await
        }
        AnswerKind::Malformed => {
            // A few bytes always fit into the buffer of an idle connection.
            let _ = line.as_ref().write_all(MALFORMED);
            pending().await
        }
    }
}

/// Whether an answer can be given over this protocol.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check(answer: &Answer, protocol: Protocol) -> Result<(), String> {
    let response = match &answer.kind {
        AnswerKind::Response(response) | AnswerKind::ResetMidBody(response) => response,
        AnswerKind::Grpc(grpc) => &grpc::response_of(grpc),
        AnswerKind::Timeout | AnswerKind::Reset | AnswerKind::Malformed => return Ok(()),
    };
    outgoing_response(protocol, response).map(drop)
}

/// Every answer has gone through [`check`] before: it cannot fail here.
fn whole(protocol: Protocol, response: &Response) -> hyper::Response<Pieces> {
    outgoing_response(protocol, response).unwrap_or_else(|_| {
        let mut failed = hyper::Response::new(Pieces::default());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
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

    #[test]
    fn trailers_and_grpc_need_http2() {
        let grpc = Answer { kind: AnswerKind::Grpc(Default::default()), ..Answer::default() };
        assert_eq!(check(&grpc, Protocol::Http2), Ok(()));
        let trailing = Response { status: 200, trailers: Some(Vec::new()), ..Response::default() };
        assert!(check(&trailing.into(), Protocol::Http1).unwrap_err().contains("HTTP/2"));
    }
}
