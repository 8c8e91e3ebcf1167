use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

const CONNECTIONS: usize = 16;
/// What one connection sends at most; a round ends by time long before.
const MAX_REQUESTS: usize = 2_000_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The requests of a case, sent over and over in this order.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    bytes: Arc<Vec<Vec<u8>>>,
    /// So many users take turns; 0 for requests that name none.
    users: usize,
    next: Arc<AtomicUsize>,
}

impl Requests {
    /// One request for each token.
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = &'a String>) -> Self {
        let bytes = tokens.map(|token| request(token)).collect();
        Self { bytes: Arc::new(bytes), users: 0, next: Arc::default() }
    }

    /// The same, from so many users in turn.
    pub(crate) fn of_users<'a>(tokens: impl Iterator<Item = &'a String>, users: usize) -> Self {
        Self { users, ..Self::new(tokens) }
    }

    /// The same, each with the same place in a trace.
    pub(crate) fn in_a_trace<'a>(tokens: impl Iterator<Item = &'a String>) -> Self {
        const TRACEPARENT: &[u8] =
            b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
        let whole = tokens.map(|token| request(token));
        let bytes =
            whole.map(|it| [it.strip_suffix(b"\r\n").unwrap_or_default(), TRACEPARENT].concat()).collect();
        Self { bytes: Arc::new(bytes), users: 0, next: Arc::default() }
    }

    pub(crate) fn next(&self) -> Option<Cow<'_, [u8]>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = self.bytes.get(number.checked_rem(self.bytes.len())?)?;
        let Some(user) = number.checked_rem(self.users) else { return Some(request.into()) };
        let head = request.strip_suffix(b"\r\n")?;
        Some([head, format!("x-user: user-{user:07}\r\n\r\n").as_bytes()].concat().into())
    }
}

fn request(token: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: bench.example\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// What a client saw.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    /// Of every request, in no order.
    pub(crate) latencies: Vec<Duration>,
}

/// Sends requests over keep-alive connections, each as soon as the one before it is answered, for `span`.
///
/// # Errors
/// An answer with another status, or none.
pub(crate) fn run(
    address: SocketAddr,
    requests: &Requests,
    status: u16,
    span: Duration,
) -> Result<Load, String> {
    runtime()?.block_on(async {
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(connection(address, requests.clone(), status, started + span));
        }
        let mut latencies = Vec::new();
        while let Some(ended) = connections.join_next().await {
            latencies.extend(ended.map_err(|error| error.to_string())??);
        }
        Ok(Load { elapsed: started.elapsed(), latencies })
    })
}

/// The status of the answer to one request, and all of the answer.
pub(crate) fn answer_to(address: SocketAddr, request: &[u8]) -> Result<(u16, String), String> {
    runtime()?.block_on(async {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        let status = exchange(&mut stream, request, &mut answer).await?;
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    })
}

fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

async fn connection(
    address: SocketAddr,
    requests: Requests,
    expected: u16,
    until: Instant,
) -> Result<Vec<Duration>, String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut latencies = Vec::new();
    let mut answer = Vec::new();
    while Instant::now() < until && latencies.len() < MAX_REQUESTS {
        let Some(request) = requests.next() else { return Err("there are no requests".to_owned()) };
        let sent = Instant::now();
        let status = exchange(&mut stream, &request, &mut answer).await?;
        if status != expected {
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
        let read = timeout(PATIENCE, stream.read_buf(answer)).await;
        let read = read.map_err(|_| "no answer from Envoy".to_owned())?.map_err(|error| error.to_string())?;
        if let Some(status) = complete(answer)? {
            return Ok(status);
        }
        if read == 0 || answer.len() > MAX_ANSWER {
            return Err("Envoy's answer has no end".to_owned());
        }
    }
}

/// The status of an answer, once all of it is there.
fn complete(answer: &[u8]) -> Result<Option<u16>, String> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match (status, length) {
        (Some(status), Some(length)) => Ok((answer.len() >= end + 4 + length).then_some(status)),
        _ => Err(format!("an answer that this client does not understand: {head}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            for _ in 0..CONNECTIONS {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        });
        let requests = Requests::new([String::from("a")].iter());
        let error = run(address, &requests, 200, Duration::from_secs(60)).unwrap_err();
        assert!(error.starts_with("Envoy answers 503"), "{error}");
        server.join().unwrap();
    }

    #[test]
    fn requests_go_round() {
        let requests = Requests::new([String::from("a"), String::from("b")].iter());
        let sent: Vec<_> = (0..3).filter_map(|_| requests.next()).collect();
        assert!(sent[0].ends_with(b"authorization: Bearer a\r\n\r\n"));
        assert!(sent[1].ends_with(b"authorization: Bearer b\r\n\r\n"));
        assert_eq!(sent[0], sent[2]);
        assert_eq!(Requests::new([].iter()).next(), None);
        let requests = Requests::of_users([String::from("a")].iter(), 2);
        let sent: Vec<_> = (0..3).filter_map(|_| requests.next()).collect();
        assert!(sent[1].ends_with(b"Bearer a\r\nx-user: user-0000001\r\n\r\n"), "{sent:?}");
        assert_eq!(sent[0], sent[2]);
    }
}
