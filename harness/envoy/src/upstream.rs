use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_sim::{Answer, AnswerKind, Reachability};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::host::Host;
use crate::journal::{Journal, Sender};
use crate::server::serve;

/// The longest line of the PROXY protocol, version 1.
const MAX_LINE: usize = 107;

/// The server behind the route and the TCP proxy.
///
/// Envoy opens a connection for each client's connection, and says by the PROXY protocol for which. So several requests
/// may be on their way at once, and each gets its own answer.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: Option<SocketAddr>,
    expected: Expected,
}

/// What is to come, by the port of the client.
type Expected = Arc<Mutex<HashMap<u16, Role>>>;

/// What the upstream does with a connection.
#[derive(Debug)]
enum Role {
    /// It gives this answer to every request, over whatever connection it comes.
    Answering(Answer),
    /// It hands the connection over, as it is.
    HandingOver(oneshot::Sender<TcpStream>),
}

impl Upstream {
    /// Serves as long as the runtime that it is called in.
    pub(crate) async fn start(reachability: Reachability, journal: Journal) -> io::Result<Self> {
        let host = Host::new(reachability).await?;
        let upstream = Self { address: host.address()?, expected: Expected::default() };
        let expected = Arc::clone(&upstream.expected);
        tokio::spawn(host.accept(move |stream| serve_client(stream, Arc::clone(&expected), journal.clone())));
        Ok(upstream)
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Gives this answer to the client on this port.
    pub(crate) fn answer(&self, client: u16, answer: Answer) {
        lock(&self.expected).insert(client, Role::Answering(answer));
    }

    /// Hands over the connection for the client on this port.
    pub(crate) fn hand_over(&self, client: u16) -> oneshot::Receiver<TcpStream> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.expected).insert(client, Role::HandingOver(sender));
        receiver
    }

    /// Forgets what was to come.
    pub(crate) fn forget(&self) {
        lock(&self.expected).clear();
    }
}

fn lock(expected: &Mutex<HashMap<u16, Role>>) -> MutexGuard<'_, HashMap<u16, Role>> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve_client(mut stream: TcpStream, expected: Expected, journal: Journal) {
    // Nobody else connects here. If Envoy does not say for whom it does, all that is left is to hang up.
    let Some(client) = client_port(&mut stream).await else { return };
    if let Some(receiver) = receiver(&expected, client) {
        drop(receiver.send(stream));
        return;
    }
    // Envoy keeps the connection, and uses it again for a later client that happens to have the same port.
    let answer = || answer(&expected, client);
    serve(stream, Sender::Client(client), journal, answer).await;
}

fn receiver(expected: &Expected, client: u16) -> Option<oneshot::Sender<TcpStream>> {
    let mut expected = lock(expected);
    match expected.remove(&client)? {
        Role::HandingOver(receiver) => Some(receiver),
        role @ Role::Answering(_) => {
            expected.insert(client, role);
            None
        }
    }
}

/// A request of a client that nobody has announced gets none.
fn answer(expected: &Expected, client: u16) -> Answer {
    match lock(expected).get(&client) {
        Some(Role::Answering(answer)) => answer.clone(),
        _ => Answer { kind: AnswerKind::Reset, ..Answer::default() },
    }
}

/// Reads `PROXY TCP4 127.0.0.1 127.0.0.1 54321 10000\r\n` and not a byte more.
async fn client_port(stream: &mut TcpStream) -> Option<u16> {
    let mut line = Vec::with_capacity(MAX_LINE);
    while line.last() != Some(&b'\n') && line.len() < MAX_LINE {
        line.push(stream.read_u8().await.ok()?);
    }
    source_port(&line)
}

fn source_port(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("PROXY TCP4 ")?.strip_suffix("\r\n")?;
    line.split(' ').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_used_again_gets_its_new_answer() {
        let upstream = Upstream { address: None, expected: Expected::default() };
        let kind = || answer(&upstream.expected, 1).kind;
        assert_eq!(kind(), AnswerKind::Reset);
        for kind_of_answer in [AnswerKind::Timeout, AnswerKind::Malformed] {
            upstream.answer(1, Answer { kind: kind_of_answer.clone(), ..Answer::default() });
            assert!(receiver(&upstream.expected, 1).is_none());
            assert_eq!(kind(), kind_of_answer);
        }
        let _waiting = upstream.hand_over(1);
        assert!(receiver(&upstream.expected, 1).is_some());
        assert!(receiver(&upstream.expected, 1).is_none());
    }

    #[test]
    fn the_client_s_port_is_the_first_of_two() {
        assert_eq!(source_port(b"PROXY TCP4 127.0.0.1 127.0.0.1 54321 10000\r\n"), Some(54321));
        assert_eq!(source_port(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(source_port(b"GET / HTTP/1.1\r\n"), None);
    }
}
