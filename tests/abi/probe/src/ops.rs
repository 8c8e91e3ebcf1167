//! The ops: each makes one hostcall and logs `op -> status value`.
//!
//! Maps, buffers and streams are numbers. A word for an id may be a name: `root`, `stream1` for contexts, the name
//! of a metric or queue, `last` for the last call, `cas` for the last cas. `@1000` is a value of a thousand bytes.
//!
//! ```text
//! get MAP KEY · add|replace MAP KEY VALUE · remove MAP KEY · pairs MAP [PREFIX] · pairs_raw MAP · set_pairs MAP K=V... · size MAP
//! buffer BUFFER START MAX · buffer_status BUFFER · set_buffer BUFFER START SIZE VALUE
//! property PATH · set_property PATH VALUE · shared_get KEY · shared_set KEY VALUE CAS
//! queue_register NAME · queue_resolve VM NAME · enqueue ID VALUE · dequeue ID
//! metric_define TYPE NAME · metric_increment|metric_record ID N · metric_get ID
//! http_call CLUSTER MILLISECONDS K=V... [body:TEXT] [trailer:K=V...]
//! grpc_call CLUSTER SERVICE METHOD MILLISECONDS MESSAGE K=V... · grpc_stream CLUSTER SERVICE METHOD K=V...
//! grpc_send ID MESSAGE EOS · grpc_close ID · grpc_cancel ID · status
//! reply STATUS DETAILS BODY GRPC-STATUS K=V... · continue STREAM · close STREAM
//! tick_period MILLISECONDS · time · effective CONTEXT · done · log LEVEL TEXT · log_level · foreign NAME ARGS
//! return N · trap · count LABEL (no hostcall: numbers what happens in one VM)
//! ```

use crate::host;
use crate::script::{self, Op};
use crate::state::{recall, remember};
use crate::text::{expanded, pairs, serialized, value};

const INFO: u32 = 2;

/// Runs a line and says what the callback shall return.
pub(crate) fn run(line: &[u8]) -> Option<u32> {
    let mut returned = None;
    for op in script::ops(line) {
        let words = Words(op.words.get(1..).unwrap_or_default());
        match op.words.first().map(Vec::as_slice) {
            Some(b"return") => returned = Some(words.number(0)),
            Some(b"trap") => trap(),
            Some(name) => say(&op, &outcome(name, words)),
            None => {}
        }
    }
    returned
}

/// Logs a line.
pub(crate) fn note(text: &str) {
    host::log(INFO, text.as_bytes());
}

fn say(op: &Op, outcome: &str) {
    note(&format!("{} -> {outcome}", op.written));
}

fn outcome(name: &[u8], words: Words) -> String {
    maps(name, words)
        .or_else(|| buffers(name, words))
        .or_else(|| shared(name, words))
        .or_else(|| metrics(name, words))
        .or_else(|| calls(name, words))
        .or_else(|| control(name, words))
        .unwrap_or_else(|| "there is no such op".to_owned())
}

fn maps(name: &[u8], words: Words) -> Option<String> {
    let (map, key) = (words.number(0), words.bytes(1));
    Some(match name {
        b"get" => with(host::value(map, &key), value),
        b"add" => host::add(map, &key, &words.bytes(2)).to_string(),
        b"replace" => host::replace(map, &key, &words.bytes(2)).to_string(),
        b"remove" => host::remove(map, &key).to_string(),
        b"pairs" => with(host::pairs(map), |it| pairs(it, &key)),
        b"pairs_raw" => with(host::pairs(map), value),
        b"set_pairs" => host::set_pairs(map, &words.pairs(1)).to_string(),
        b"size" => with(host::map_size(map), u32::to_string),
        _ => return None,
    })
}

fn buffers(name: &[u8], words: Words) -> Option<String> {
    let (first, second, third) = (words.number(0), words.number(1), words.number(2));
    Some(match name {
        b"buffer" => with(host::buffer(first, second, third), value),
        b"set_buffer" => host::set_buffer(first, second, third, &words.bytes(3)).to_string(),
        b"buffer_status" => {
            let (status, length, flags) = host::buffer_status(first);
            if status == 0 { format!("0 length={length} flags={flags}") } else { status.to_string() }
        }
        b"property" => with(host::property(&words.bytes(0)), value),
        b"set_property" => host::set_property(&words.bytes(0), &words.bytes(1)).to_string(),
        b"foreign" => with(host::foreign(&words.bytes(0), &words.bytes(1)), value),
        _ => return None,
    })
}

fn shared(name: &[u8], words: Words) -> Option<String> {
    let (first, second) = (words.bytes(0), words.bytes(1));
    Some(match name {
        b"shared_get" => {
            let (status, taken, cas) = host::shared_data(&first);
            remember(b"cas", cas);
            with((status, taken), |it| format!("{} cas={cas}", value(it)))
        }
        b"shared_set" => host::set_shared_data(&first, &second, words.number(2)).to_string(),
        b"queue_register" => named(&first, host::register_queue(&first)),
        b"queue_resolve" => named(&second, host::resolve_queue(&first, &second)),
        b"enqueue" => host::enqueue(words.number(0), &second).to_string(),
        b"dequeue" => with(host::dequeue(words.number(0)), value),
        _ => return None,
    })
}

fn metrics(name: &[u8], words: Words) -> Option<String> {
    let id = words.number(0);
    Some(match name {
        b"metric_define" => named(&words.bytes(1), host::define_metric(id, &words.bytes(1))),
        b"metric_increment" => host::increment_metric(id, words.signed(1)).to_string(),
        b"metric_record" => host::record_metric(id, words.signed(1).cast_unsigned()).to_string(),
        b"metric_get" => with(host::metric(id), u64::to_string),
        _ => return None,
    })
}

fn calls(name: &[u8], words: Words) -> Option<String> {
    let (first, second, third) = (words.bytes(0), words.bytes(1), words.bytes(2));
    Some(match name {
        b"http_call" => {
            let (headers, body, trailers) = words.message(2);
            called(host::http_call(&first, &headers, &body, &trailers, words.number(1)))
        }
        b"grpc_call" => {
            let (metadata, message) = (words.pairs(5), words.bytes(4));
            called(host::grpc_call(&first, &second, &third, &metadata, &message, words.number(3)))
        }
        b"grpc_stream" => called(host::grpc_stream(&first, &second, &third, &words.pairs(3))),
        b"grpc_send" => host::grpc_send(words.number(0), &second, words.number(2)).to_string(),
        b"grpc_close" => host::grpc_close(words.number(0)).to_string(),
        b"grpc_cancel" => host::grpc_cancel(words.number(0)).to_string(),
        b"status" => {
            let (status, code, message) = host::status();
            format!("{status} code={code} {}", value(&message))
        }
        _ => return None,
    })
}

fn control(name: &[u8], words: Words) -> Option<String> {
    let (first, second) = (words.number(0), words.bytes(1));
    Some(match name {
        b"reply" => {
            let (body, headers) = (words.bytes(2), words.pairs(4));
            let grpc_status = i32::try_from(words.signed(3)).unwrap_or(-1);
            host::local_response(first, &second, &body, &headers, grpc_status).to_string()
        }
        b"continue" => host::continue_stream(first).to_string(),
        b"close" => host::close_stream(first).to_string(),
        b"tick_period" => host::set_tick_period(first).to_string(),
        b"time" => {
            let (status, time) = host::current_time();
            let before = recall(b"time").unwrap_or(time);
            remember(b"time", time);
            format!("{status} {}", if time > before { "later" } else { "same" })
        }
        b"effective" => host::set_effective_context(first).to_string(),
        b"done" => host::done().to_string(),
        b"log" => host::log(first, &second).to_string(),
        b"count" => {
            let count = recall(b"count").unwrap_or_default() + 1;
            remember(b"count", count);
            count.to_string()
        }
        b"log_level" => with(host::log_level(), u32::to_string),
        _ => return None,
    })
}

/// The status, and the value if there is one.
fn with<T>((status, value): (host::Status, T), show: impl Fn(&T) -> String) -> String {
    if status == 0 { format!("0 {}", show(&value)) } else { status.to_string() }
}

fn named(name: &[u8], (status, id): (host::Status, u32)) -> String {
    if status == 0 {
        remember(name, id);
    }
    with((status, id), |id| format!("id={id}"))
}

fn called((status, token): (host::Status, u32)) -> String {
    if status == 0 {
        remember(b"last", token);
    }
    with((status, token), |token| format!("token={token}"))
}

fn trap() {
    core::arch::wasm32::unreachable()
}

/// The words of an op after its name.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [Vec<u8>]);

impl Words<'_> {
    fn bytes(&self, at: usize) -> Vec<u8> {
        self.0.get(at).map(|word| expanded(word)).unwrap_or_default()
    }

    fn signed(&self, at: usize) -> i64 {
        let word = self.bytes(at);
        let number = std::str::from_utf8(&word).ok().and_then(|digits| digits.parse().ok());
        number.or_else(|| recall(&word).map(u64::cast_signed)).unwrap_or_default()
    }

    fn number(&self, at: usize) -> u32 {
        self.signed(at) as u32
    }

    fn pairs(&self, from: usize) -> Vec<u8> {
        serialized(self.0.iter().skip(from).map(Vec::as_slice))
    }

    /// Headers, body and trailers.
    fn message(&self, from: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let words = || self.0.iter().skip(from).map(Vec::as_slice);
        let body = words().find_map(|word| word.strip_prefix(b"body:")).map(expanded).unwrap_or_default();
        let trailers = serialized(words().filter_map(|word| word.strip_prefix(b"trailer:")));
        let is_header = |word: &&[u8]| !word.starts_with(b"body:") && !word.starts_with(b"trailer:");
        (serialized(words().filter(is_header)), body, trailers)
    }
}
