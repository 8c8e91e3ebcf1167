//! What the page is shown of a run: the forms of `page/src/forms.ts`.

use std::collections::BTreeMap;

use portcullis_kit::UnixTime;
use portcullis_sim::http::{self, HeaderList, LogLine, Sending};
use portcullis_sim::{JournalEntry, Status};
use schemars::JsonSchema;
use serde::Serialize;

use super::watched::Sight;

/// How much of a body is shown, in bytes.
const SHOWN: usize = 64 << 10;

/// What a moment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Start,
    Send,
    Advance,
    Tcp,
}

/// The start of the plugins, or a step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    pub(super) kind: Kind,
    /// The virtual time when it was over, in milliseconds since the epoch.
    pub(super) at: u64,
    /// Only of `send`: one right after the other.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) calls: Vec<Call>,
    pub(super) log: Vec<Line>,
    pub(super) call_outs: Vec<CallOut>,
    /// All counters and gauges, as they are afterwards: `portcullis_token_bucket_all_allowed_total`.
    pub(super) metrics: BTreeMap<String, u64>,
    pub(super) levels: Vec<Level>,
}

impl Moment {
    pub(super) fn new(kind: Kind, at: UnixTime) -> Self {
        Self {
            kind,
            at: at.as_nanos() / 1_000_000,
            exchanges: Vec::new(),
            calls: Vec::new(),
            log: Vec::new(),
            call_outs: Vec::new(),
            metrics: BTreeMap::new(),
            levels: Vec::new(),
        }
    }
}

/// Something of the simulation that the page has a form for.
pub(super) trait Shown {
    type Form;

    fn shown(&self) -> Self::Form;
}

/// Bytes: as text where they are UTF-8, else in hexadecimal; cut after 64 KiB, while the size is that of all.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Bytes {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    size: usize,
}

impl Shown for [Vec<u8>] {
    type Form = Option<Bytes>;

    fn shown(&self) -> Option<Bytes> {
        if self.is_empty() {
            return None;
        }
        let size = self.iter().map(Vec::len).sum();
        let shown: Vec<u8> = self.iter().flatten().take(SHOWN).copied().collect();
        // A character that is cut at the end is none of the text.
        let text = match std::str::from_utf8(&shown) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() && size > SHOWN => {
                shown.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
            }
            Err(_) => None,
        };
        Some(match text {
            Some(text) => Bytes { text: Some(text.to_owned()), hex: None, size },
            None => Bytes {
                text: None,
                hex: Some(shown.iter().map(|byte| format!("{byte:02x}")).collect()),
                size,
            },
        })
    }
}

type Fields = Vec<(String, String)>;

impl Shown for HeaderList {
    type Form = Fields;

    fn shown(&self) -> Fields {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.iter().map(|(name, value)| (text(name), text(value))).collect()
    }
}

/// A request or a response, pseudo-headers first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Message {
    headers: Fields,
    body: Option<Bytes>,
    trailers: Option<Fields>,
}

impl Shown for http::Request {
    type Form = Message;

    fn shown(&self) -> Message {
        Message {
            headers: self.headers.shown(),
            body: self.body.shown(),
            trailers: self.trailers.as_ref().map(Shown::shown),
        }
    }
}

/// A response.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Response {
    status: u16,
    #[serde(flatten)]
    message: Message,
}

impl Shown for http::Response {
    type Form = Response;

    fn shown(&self) -> Response {
        Response {
            status: self.status,
            message: Message {
                headers: self.headers.shown(),
                body: self.body.shown(),
                trailers: self.trailers.as_ref().map(Shown::shown),
            },
        }
    }
}

/// A request on its way through the proxy.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Exchange {
    /// The step of the scenario, and the name of the request in it.
    pub(super) name: String,
    /// What the client sends.
    request: Message,
    /// What the upstream gets; null where it is not called.
    upstream: Option<Message>,
    /// What the client gets; null where the stream was reset, or waits.
    client: Option<Response>,
    /// Envoy's response_code_details: `via_upstream`, `portcullis_jwt_expired`.
    details: Option<String>,
}

impl Shown for (&Sending, &http::Exchange) {
    type Form = Exchange;

    fn shown(&self) -> Exchange {
        let (sending, exchange) = self;
        Exchange {
            name: String::new(),
            request: sending.request.shown(),
            upstream: exchange.upstream.as_ref().map(Shown::shown),
            client: exchange.client.as_ref().map(Shown::shown),
            details: exchange.details.clone(),
        }
    }
}

/// A callback of the proxy, or a hostcall of the plugin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    /// `worker 0`, `main thread`, `canary`.
    vm: String,
    context: u32,
    is_callback: bool,
    name: &'static str,
    arguments: String,
    status: String,
    /// Why it did not end well.
    reason: Option<String>,
    returned: String,
}

impl Shown for (String, &JournalEntry) {
    type Form = Call;

    fn shown(&self) -> Call {
        let (vm, entry) = self;
        Call {
            vm: vm.clone(),
            context: entry.context,
            is_callback: entry.is_callback,
            name: entry.name,
            arguments: entry.arguments.clone(),
            status: if entry.status == Status::Ok { "OK".to_owned() } else { entry.status.to_string() },
            reason: entry.reason.clone(),
            returned: entry.returned.clone(),
        }
    }
}

/// A line of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Line {
    level: LogLevel,
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Shown for LogLine {
    type Form = Line;

    fn shown(&self) -> Line {
        let level = match self.level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        Line { level, message: self.message.clone() }
    }
}

/// A call-out of a plugin, as its cluster received it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CallOut {
    cluster: String,
    request: Message,
}

impl Shown for http::CallOut {
    type Form = CallOut;

    fn shown(&self) -> CallOut {
        CallOut { cluster: self.cluster.clone(), request: self.request.shown() }
    }
}

/// A bucket of token-bucket at the beginning and at the end of a request that was under its limit.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Level {
    /// When it was so, in milliseconds since the epoch.
    at: f64,
    limit: String,
    /// Which tier of the limit, from 1 on; 0 where it has none.
    tier: usize,
    /// Whose bucket; empty for one of all.
    key: String,
    /// The worker, where each has a bucket of its own.
    worker: Option<String>,
    /// Tokens that are left, with their fractions; below zero where more were taken.
    remaining: f64,
    /// How many it holds.
    burst: u64,
    /// How many there were in the beginning.
    start: u64,
    /// Tokens that come in a second.
    per_second: f64,
}

impl Shown for Sight {
    type Form = Level;

    fn shown(&self) -> Level {
        let Self { at, worker, filling } = self;
        let key: Vec<_> = filling.key.iter().map(|part| String::from_utf8_lossy(part)).collect();
        Level {
            at: at.as_nanos() as f64 / 1e6,
            limit: filling.limit.clone(),
            tier: filling.tier,
            key: key.join(", "),
            worker: worker.clone(),
            remaining: filling.balance,
            burst: filling.burst,
            start: filling.start,
            per_second: filling.burst as f64 * 1e9 / filling.fills_in.max(1) as f64,
        }
    }
}
