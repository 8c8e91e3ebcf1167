use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{MAX_REQUESTS, NO_ANSWER, PATIENCE, Target, runtime};

/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The status of the answer to one request, and all of the answer.
///
/// # Errors
/// There is none, or one that is not understood.
pub(crate) fn answer_to(address: SocketAddr, request: &[u8]) -> Result<(u16, String), String> {
    runtime()?.block_on(async {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        let status = timeout(PATIENCE, exchange(&mut stream, request, &mut answer)).await;
        let status = status.map_err(|_| NO_ANSWER.to_owned())??;
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    })
}

/// Sends one request after the other until then.
pub(super) async fn connection(target: Target, until: Instant) -> Result<Vec<Duration>, String> {
    let mut stream = TcpStream::connect(target.address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut latencies = Vec::new();
    let mut answer = Vec::new();
    while Instant::now() < until && latencies.len() < MAX_REQUESTS {
        let Some(request) = target.requests.next() else { return Err("there are no requests".to_owned()) };
        let sent = Instant::now();
        let status = exchange(&mut stream, &request, &mut answer).await?;
        if status != target.status {
            return Err(format!("Envoy answers {status}: {}", String::from_utf8_lossy(&answer)));
        }
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

async fn exchange(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) -> Result<u16, String> {
    answer.clear();
    stream.write_all(request).await.map_err(|error| error.to_string())?;
    loop {
        let read = stream.read_buf(answer).await.map_err(|error| error.to_string())?;
        if let Some(status) = complete(answer)? {
            return Ok(status);
        }
        if read == 0 || answer.len() > MAX_ANSWER {
            return Err("Envoy's answer has no end".to_owned());
        }
    }
}

/// The status of an answer, once all of it is there.
///
/// # Errors
/// An answer without a length.
pub(super) fn complete(answer: &[u8]) -> Result<Option<u16>, String> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let find = |what: &[u8]| answer.windows(what.len()).position(|window| window == what);
    let Some(end) = find(b"\r\n\r\n") else { return Ok(None) };
    let length = find(LENGTH).and_then(|at| number(answer.get(at + LENGTH.len()..)?));
    // The status stands behind `HTTP/1.1 `.
    match (answer.get(9..).and_then(number), length) {
        (Some(status), Some(length)) if answer.len() >= end + 4 + length => {
            Ok(Some(u16::try_from(status).unwrap_or_default()))
        }
        (Some(_), Some(_)) => Ok(None),
        _ => Err(format!(
            "an answer that this client does not understand: {}",
            String::from_utf8_lossy(answer)
        )),
    }
}

/// The number that a text begins with.
fn number(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{UNDER_WAY, run};
    use crate::requests::Requests;
    use crate::setting::Protocol;
    use std::io::Write;

    #[test]
    fn an_answer_is_complete_with_the_last_byte_of_its_body() {
        let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nserver: envoy\r\n\r\nno";
        assert_eq!(complete(answer), Ok(Some(401)));
        for end in 0..answer.len() {
            assert_eq!(complete(&answer[..end]), Ok(None), "{end}");
        }
        assert!(complete(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn an_answer_of_another_status_ends_the_load() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            for _ in 0..UNDER_WAY {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        });
        let requests = Requests::new(Protocol::Http1, [String::from("a")].iter());
        let error = run(&Target { address, requests, status: 200 }, Duration::from_secs(60)).unwrap_err();
        assert!(error.starts_with("Envoy answers 503"), "{error}");
        server.join().unwrap();
    }
}
