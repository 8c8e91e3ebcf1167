use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::UnixTime;
use crate::abi::{MetricIds, Received};
use crate::stream::{LocalResponse, Side};

/// What the proxy knows of one VM.
#[derive(Debug, Default)]
pub(crate) struct Vm {
    /// The thread it lives in: 0 is the main thread, the workers follow.
    pub(crate) thread: usize,
    /// Whether it is there only to try a configuration.
    pub(crate) is_canary: bool,
    /// `vm_config.vm_id`.
    pub(crate) id: String,
    pub(crate) configuration: Vec<u8>,
    last_context: u32,
    contexts: BTreeMap<u32, Context>,
    pub(crate) metrics: MetricIds,
    pub(crate) calls: Calls,
    /// What the plugin has asked for in the running callback; the proxy does it after that, as Envoy defers it.
    pub(crate) asked: VecDeque<Asked>,
    /// Whether a local reply has been asked for in the running callback, whose return value then means nothing.
    pub(crate) has_replied: bool,
    pub(crate) is_dead: bool,
    /// Contexts of streams whose on_done returned false; only the specification waits for them.
    pub(crate) pending: BTreeSet<u32>,
    /// The outcome of the last call-out that failed, which `proxy_get_status` tells for good.
    pub(crate) status: (u32, Vec<u8>),
}

/// What a context stands for.
#[derive(Debug)]
pub(crate) enum Context {
    Root(Root),
    /// An HTTP stream, and which of its filters.
    Stream {
        stream: u64,
        filter: usize,
    },
    /// A TCP connection, and which of its filters.
    Connection {
        connection: u64,
        filter: usize,
    },
}

/// A plugin (root) context.
#[derive(Debug, Default)]
pub(crate) struct Root {
    /// Which plugin of the setup; the first of those that share it.
    pub(crate) plugin: usize,
    pub(crate) period: Option<Duration>,
    pub(crate) next_tick: Option<UnixTime>,
    /// Whether its on_done returned false, so that it waits for `proxy_done`.
    pub(crate) is_pending: bool,
    /// Properties that were declared, and whether they can be set only once.
    pub(crate) declared: BTreeMap<Vec<u8>, bool>,
}

/// Something that Envoy does after the running callback.
#[derive(Debug)]
pub(crate) enum Asked {
    Reply { context: u32, reply: LocalResponse },
    Resume { context: u32, side: Side },
    Close { context: u32 },
    Receive { token: u32, received: Received },
    ResumeConnection { context: u32 },
    CloseConnection { context: u32 },
    Finalize { context: u32 },
}

/// The call-outs of a VM.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: [u32; 3],
    pub(crate) open: BTreeMap<u32, OpenCall>,
    /// What the running callback of a call-out can read.
    pub(crate) received: Received,
}

/// A call-out that is not over.
#[derive(Debug, Default)]
pub(crate) struct OpenCall {
    /// The root context, to which everything about it goes.
    pub(crate) context: u32,
    /// Where it stands in the list of all call-outs, to which a gRPC stream adds its messages.
    pub(crate) record: usize,
    /// Whether the plugin has ended its side of a gRPC stream.
    pub(crate) is_half_closed: bool,
}

impl Calls {
    /// The next token: the lower two bits are the kind, and the first number of each is not used.
    pub(crate) fn token(&mut self, kind: CallKind) -> u32 {
        let [http, call, stream] = &mut self.last;
        let last = match kind {
            CallKind::Http => http,
            CallKind::GrpcCall => call,
            CallKind::GrpcStream => stream,
        };
        *last += 1;
        *last * 4 + kind as u32
    }
}

/// The kinds of call-out, as a token carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Http = 0,
    GrpcCall = 1,
    GrpcStream = 2,
}

impl Vm {
    /// A VM on this thread, with this id and configuration.
    pub(crate) fn new(thread: usize, id: &str, configuration: &[u8]) -> Self {
        Self { thread, id: id.to_owned(), configuration: configuration.to_vec(), ..Self::default() }
    }

    pub(crate) fn create(&mut self, context: Context) -> u32 {
        self.last_context += 1;
        self.contexts.insert(self.last_context, context);
        self.last_context
    }

    /// Whether this context was waited for, which it is no longer.
    pub(crate) fn stop_waiting(&mut self, id: u32) -> bool {
        if self.pending.remove(&id) {
            self.asked.push_back(Asked::Finalize { context: id });
            return true;
        }
        self.root_mut(id).is_some_and(|root| std::mem::take(&mut root.is_pending))
    }

    pub(crate) fn delete(&mut self, id: u32) {
        self.contexts.remove(&id);
    }

    pub(crate) fn context(&self, id: u32) -> Option<&Context> {
        self.contexts.get(&id)
    }

    /// How many of its contexts stand for streams and connections.
    pub(crate) fn streams(&self) -> usize {
        self.contexts.values().filter(|context| !matches!(context, Context::Root(_))).count()
    }

    pub(crate) fn root_mut(&mut self, id: u32) -> Option<&mut Root> {
        match self.contexts.get_mut(&id)? {
            Context::Root(root) => Some(root),
            _ => None,
        }
    }

    pub(crate) fn root(&self, id: u32) -> Option<&Root> {
        match self.contexts.get(&id)? {
            Context::Root(root) => Some(root),
            _ => None,
        }
    }
}
