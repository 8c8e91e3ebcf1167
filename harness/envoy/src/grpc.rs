use std::fmt::Write;

use portcullis_sim::GrpcAnswer;
use portcullis_sim::http::{HeaderList, Response};

/// The answer as HTTP/2 carries it: `Trailers-Only` when there is nothing before the status.
///
/// Source: gRPC over HTTP2, section Responses.
pub(crate) fn response_of(answer: &GrpcAnswer) -> Response {
    let mut headers = vec![(b"content-type".to_vec(), b"application/grpc".to_vec())];
    let mut response = Response { status: 200, ..Response::default() };
    if answer.messages.is_empty() && answer.initial_metadata.is_empty() {
        headers.extend(status_of(answer));
    } else {
        headers.extend(answer.initial_metadata.iter().cloned());
        response.body = answer.messages.iter().map(|message| frame(message)).collect();
        response.trailers = Some(status_of(answer));
    }
    response.headers = headers;
    response
}

fn status_of(answer: &GrpcAnswer) -> HeaderList {
    let mut list = vec![(b"grpc-status".to_vec(), answer.status.to_string().into_bytes())];
    if !answer.message.is_empty() {
        list.push((b"grpc-message".to_vec(), percent_encoded(&answer.message).into_bytes()));
    }
    list.extend(answer.trailing_metadata.iter().cloned());
    list
}

/// `Length-Prefixed-Message`, not compressed.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..=0x1f | 0x7f.. => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            plain => encoded.push(char::from(plain)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &[(&str, &str)]) -> HeaderList {
        pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn messages_are_framed_and_the_status_follows_them() {
        let answer = GrpcAnswer {
            initial_metadata: list(&[("a", "1")]),
            messages: vec![b"hi".to_vec(), Vec::new()],
            trailing_metadata: list(&[("b", "2")]),
            ..GrpcAnswer::default()
        };
        let response = response_of(&answer);
        assert_eq!(response.headers, list(&[("content-type", "application/grpc"), ("a", "1")]));
        assert_eq!(response.body, [&b"\0\0\0\0\x02hi"[..], b"\0\0\0\0\0"]);
        assert_eq!(response.trailers, Some(list(&[("grpc-status", "0"), ("b", "2")])));
    }

    #[test]
    fn a_status_alone_comes_in_the_headers() {
        let answer = GrpcAnswer { status: 14, message: "100%\n\u{e4}".to_owned(), ..GrpcAnswer::default() };
        let response = response_of(&answer);
        let message = ("grpc-message", "100%25%0A%C3%A4");
        let expected = [("content-type", "application/grpc"), ("grpc-status", "14"), message];
        assert_eq!(response.headers, list(&expected));
        assert_eq!((response.body.len(), response.trailers), (0, None));
    }
}
