use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_sim::http::{CallOut, HeaderList, Request};

/// Requests that are kept, at most; a plugin that calls out in a loop shall not eat the machine.
const MAX_REQUESTS: usize = 100_000;

/// Who has sent a request to one of our servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A client on this port, through the route.
    Client(u16),
    /// A plugin, by this cluster.
    Plugin(String),
}

/// What all servers around Envoy have received, in the order in which it began to arrive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// Whether nobody will ask.
    is_closed: bool,
    /// By the number of the request.
    all: BTreeMap<u64, Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    sender: Sender,
    request: Request,
    whole: bool,
}

/// A request that is still arriving.
#[derive(Debug)]
pub(crate) struct Arriving {
    journal: Journal,
    number: u64,
}

impl Journal {
    /// One that keeps nothing.
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Mutex::new(Entries { is_closed: true, ..Entries::default() })))
    }

    pub(crate) fn begin(&self, sender: Sender, head: Request) -> Arriving {
        let mut entries = self.lock();
        let number = entries.next;
        entries.next += 1;
        if entries.all.len() < MAX_REQUESTS && !entries.is_closed {
            entries.all.insert(number, Entry { sender, request: head, whole: false });
        }
        Arriving { journal: self.clone(), number }
    }

    /// The request of the client on this port, if it has arrived whole.
    pub(crate) fn of_client(&self, port: u16) -> Option<Request> {
        let entries = self.lock();
        let mut of_client = entries.all.values().filter(|entry| entry.sender == Sender::Client(port));
        of_client.rfind(|entry| entry.whole).map(|entry| entry.request.clone())
    }

    /// All call-outs; of a stream that has not ended, what has arrived.
    pub(crate) fn call_outs(&self) -> Vec<CallOut> {
        let call_out = |entry: &Entry| match &entry.sender {
            Sender::Client(_) => None,
            Sender::Plugin(cluster) => {
                Some(CallOut { cluster: cluster.clone(), request: entry.request.clone() })
            }
        };
        self.lock().all.values().filter_map(call_out).collect()
    }

    /// Forgets what clients have sent.
    pub(crate) fn forget_clients(&self) {
        self.lock().all.retain(|_, entry| matches!(entry.sender, Sender::Plugin(_)));
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arriving {
    pub(crate) fn add_to_body(&self, bytes: &[u8]) {
        self.update(|entry| match entry.request.body.first_mut() {
            Some(body) => body.extend_from_slice(bytes),
            None if bytes.is_empty() => {}
            None => entry.request.body.push(bytes.to_vec()),
        });
    }

    pub(crate) fn set_trailers(&self, trailers: HeaderList) {
        self.update(|entry| entry.request.trailers = Some(trailers));
    }

    pub(crate) fn end(self) {
        self.update(|entry| entry.whole = true);
    }

    fn update(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.journal.lock().all.get_mut(&self.number) {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_request_counts_when_it_is_whole_and_a_call_out_at_once() {
        let journal = Journal::default();
        let client = journal.begin(Sender::Client(1), Request::default());
        let call = journal.begin(Sender::Plugin("keys".to_owned()), Request::default());
        call.add_to_body(b"ab");
        call.add_to_body(b"c");
        assert_eq!(journal.of_client(1), None);
        client.end();
        assert_eq!(journal.of_client(1), Some(Request::default()));
        assert_eq!(journal.of_client(2), None);
        journal.forget_clients();
        assert_eq!(journal.of_client(1), None);
        let request = Request { body: vec![b"abc".to_vec()], ..Request::default() };
        assert_eq!(journal.call_outs(), [CallOut { cluster: "keys".to_owned(), request }]);
    }
}
