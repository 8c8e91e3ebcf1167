use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http2::{indexed, literal};
use crate::setting::Protocol;

const HOST: &str = "bench.example";
/// What asks for nothing but headers.
const NO_HEADERS: [(&str, &str); 0] = [];

/// The requests of a case, sent over and over in this order.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) protocol: Protocol,
    /// Heads of HTTP/1.1, or blocks of HPACK.
    heads: Arc<Vec<Vec<u8>>>,
    /// So many users take turns; 0 for requests that name none.
    users: usize,
    next: Arc<AtomicUsize>,
}

impl Requests {
    /// One request for each token.
    pub(crate) fn new<'a>(protocol: Protocol, tokens: impl Iterator<Item = &'a String>) -> Self {
        Self::with(protocol, tokens, &NO_HEADERS)
    }

    /// The same, from so many users in turn.
    pub(crate) fn of_users(self, users: usize) -> Self {
        Self { users, ..self }
    }

    /// The same, each with these headers as well.
    pub(crate) fn with<'a>(
        protocol: Protocol,
        tokens: impl Iterator<Item = &'a String>,
        further: &[(&str, &str)],
    ) -> Self {
        let head = |token: &String| head(protocol, Some(token), further);
        Self { protocol, heads: Arc::new(tokens.map(head).collect()), users: 0, next: Arc::default() }
    }

    /// The next one.
    pub(crate) fn next(&self) -> Option<Cow<'_, [u8]>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let head = self.heads.get(number.checked_rem(self.heads.len())?)?;
        let Some(user) = number.checked_rem(self.users) else { return Some(head.into()) };
        let mut head = head.clone();
        add(&mut head, self.protocol, ("x-user", &format!("user-{user:07}")));
        Some(head.into())
    }
}

/// A request of HTTP/1.1 without a token.
pub(crate) fn of_a_stranger() -> Vec<u8> {
    head(Protocol::Http1, None, &NO_HEADERS)
}

fn head(protocol: Protocol, token: Option<&String>, further: &[(&str, &str)]) -> Vec<u8> {
    let mut head = start(protocol);
    if let Some(token) = token {
        add(&mut head, protocol, ("authorization", &format!("Bearer {token}")));
    }
    further.iter().for_each(|field| add(&mut head, protocol, *field));
    head
}

fn start(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Http1 => format!("GET / HTTP/1.1\r\nhost: {HOST}\r\n\r\n").into_bytes(),
        Protocol::Http2 => {
            let mut block = vec![indexed::METHOD_GET, indexed::SCHEME_HTTP, indexed::PATH_ROOT];
            literal(&mut block, ":authority", HOST);
            block
        }
        Protocol::Grpc => {
            let mut block = vec![indexed::METHOD_POST, indexed::SCHEME_HTTP];
            literal(&mut block, ":path", "/bench.Echo/Unary");
            literal(&mut block, ":authority", HOST);
            literal(&mut block, "content-type", "application/grpc");
            literal(&mut block, "te", "trailers");
            block
        }
    }
}

fn add(head: &mut Vec<u8>, protocol: Protocol, (name, value): (&str, &str)) {
    if protocol == Protocol::Http1 {
        head.truncate(head.len().saturating_sub(2));
        head.extend(format!("{name}: {value}\r\n\r\n").bytes());
    } else {
        literal(head, name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(requests: &Requests) -> Vec<String> {
        (0..3).filter_map(|_| requests.next()).map(|it| String::from_utf8_lossy(&it).into_owned()).collect()
    }

    #[test]
    fn requests_go_round() {
        let tokens = [String::from("a"), String::from("b")];
        let first = sent(&Requests::new(Protocol::Http1, tokens.iter()));
        assert!(first[0].ends_with("\r\nauthorization: Bearer a\r\n\r\n"));
        assert!(first[1].ends_with("\r\nauthorization: Bearer b\r\n\r\n"));
        assert_eq!(first[0], first[2]);
        assert_eq!(Requests::new(Protocol::Http1, [].iter()).next(), None);
    }

    #[test]
    fn users_take_turns() {
        let requests = Requests::new(Protocol::Http1, [String::from("a")].iter()).of_users(2);
        let sent = sent(&requests);
        assert!(sent[1].ends_with("Bearer a\r\nx-user: user-0000001\r\n\r\n"), "{sent:?}");
        assert_eq!(sent[0], sent[2]);
    }

    #[test]
    fn the_same_headers_go_by_any_protocol() {
        let tokens = [String::from("a")];
        for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Grpc] {
            let requests = Requests::with(protocol, tokens.iter(), &[("x-more", "yes")]);
            let head = String::from_utf8_lossy(&requests.next().unwrap()).into_owned();
            for text in [HOST, "authorization", "Bearer a", "x-more", "yes"] {
                assert!(head.contains(text), "{protocol:?}: {head:?} lacks {text}");
            }
        }
    }

    #[test]
    fn a_stranger_has_no_token() {
        assert_eq!(of_a_stranger(), b"GET / HTTP/1.1\r\nhost: bench.example\r\n\r\n");
    }
}
