use std::collections::BTreeMap;

use crate::abi::MapType;
use crate::http::{HeaderList, Protocol};
use crate::proxy::grpc_status;
use crate::stream::{Filter, Side, Stream, StreamInfo, Window};
use crate::vm::Context;
use crate::{Hostcall, Refusal, Sim, Status, UnixTime};

mod surroundings;

use surroundings::surroundings;

/// Filter state of one stream or connection.
const FILTER_STATE: usize = 1024;
const NO_HEADERS: &HeaderList = &HeaderList::new();

impl Sim {
    /// `proxy_get_property`: `path` is segments with NULs between them; the value is in Envoy's byte form.
    ///
    /// # Errors
    /// `NOT_FOUND`; `SERIALIZATION_FAILURE` for what has no byte form.
    pub fn property_value(&mut self, path: &[u8]) -> Hostcall<Vec<u8>> {
        let result = self.lookup(path);
        self.note("proxy_get_property", &[&dotted(path)], result)
    }

    /// `proxy_set_property`: writes filter state `wasm.<path>` of the stream or connection.
    ///
    /// # Errors
    /// `NOT_FOUND` outside of both.
    pub fn set_property(&mut self, path: &[u8], value: &[u8]) -> Hostcall<()> {
        let is_readonly = self.root().and_then(|root| root.declared.get(path)).is_some_and(|is| *is);
        let key = [b"wasm.", path].concat();
        let result = match self.filter_state_mut() {
            None => Err(Refusal::not_found(
                "only a stream or connection has filter state; this is the plugin's root context",
            )),
            Some(state) if state.len() >= FILTER_STATE => {
                Err(Refusal::new(Status::InternalFailure, "there is too much filter state here"))
            }
            Some(state) if is_readonly && state.contains_key(&key) => {
                Err(Refusal::bad_argument("this property was declared to be read-only, and has been set"))
            }
            Some(state) => {
                state.insert(key, value.to_vec());
                Ok(())
            }
        };
        self.note("proxy_set_property", &[&dotted(path), &value], result)
    }

    fn lookup(&self, path: &[u8]) -> Hostcall<Vec<u8>> {
        // Envoy takes a NUL at the end for the end of the last segment.
        let segments: Vec<&[u8]> =
            path.strip_suffix(b"\0").unwrap_or(path).split(|byte| *byte == 0).collect();
        let Some((first, rest)) = segments.split_first().filter(|_| !path.is_empty()) else {
            return Err(Refusal::new(Status::SerializationFailure, "the path is empty"));
        };
        match self.attribute(first, rest)? {
            Some(value) => value.encode(),
            None if is_beyond(&segments) => {
                Err(Refusal::not_found(format!("{} is not simulated", dotted(path))))
            }
            None => Err(Refusal::not_found(format!("{} has no value here", dotted(path)))),
        }
    }

    fn attribute(&self, first: &[u8], rest: &[&[u8]]) -> Hostcall<Option<Value>> {
        let subject = self.subject();
        let plugin = self.root().and_then(|root| self.setup.plugins.get(root.plugin));
        let value = match (first, rest) {
            (b"plugin_name", []) => plugin.and_then(|plugin| text(&plugin.name)),
            (b"plugin_root_id", []) => plugin.and_then(|plugin| text(&plugin.root_id)),
            (b"plugin_vm_id", []) => plugin.and_then(|plugin| text(&plugin.vm_id)),
            (b"request" | b"response", [name, key @ ..]) => {
                let Some(subject) = subject else { return Ok(None) };
                match first {
                    b"request" => request(&subject, name, key),
                    _ => response(&subject, name, key),
                }
            }
            (
                b"request" | b"response" | b"connection" | b"source" | b"destination" | b"upstream" | b"xds",
                [],
            ) => {
                let reason = "this is a whole group of attributes, which has no byte form; name one of them";
                return Err(Refusal::new(Status::SerializationFailure, reason));
            }
            (b"source" | b"destination" | b"connection" | b"upstream" | b"xds", [name]) => {
                subject.and_then(|subject| surroundings(&subject, first, name))
            }
            (b"connection_id", []) => subject.and_then(|subject| number(subject.info.connection)),
            (b"filter_state", [name]) => {
                subject.and_then(|subject| subject.filter_state.get(*name)).cloned().map(Value::Bytes)
            }
            (_, [_, ..]) => None,
            (name, []) => {
                let key = [b"wasm.", name].concat();
                subject.and_then(|subject| subject.filter_state.get(&key)).cloned().map(Value::Bytes)
            }
        };
        Ok(value)
    }

    fn subject(&self) -> Option<Subject<'_>> {
        if let Some(Context::Connection { connection, .. }) = self.context() {
            let connection = self.connections.get(connection)?;
            return Some(Subject {
                info: &connection.info,
                filter_state: &connection.filter_state,
                request: NO_HEADERS,
                response: NO_HEADERS,
                trailers: None,
                is_tcp: true,
            });
        }
        let (stream, filter) = self.stream()?;
        Some(Subject {
            info: &stream.info,
            filter_state: &stream.filter_state,
            request: visible(stream, filter, Side::Request),
            response: visible(stream, filter, Side::Response),
            trailers: stream.response.trailers.as_ref(),
            is_tcp: false,
        })
    }

    fn filter_state_mut(&mut self) -> Option<&mut BTreeMap<Vec<u8>, Vec<u8>>> {
        if let Some(Context::Connection { connection, .. }) = self.context() {
            let connection = *connection;
            return self.connections.get_mut(&connection).map(|connection| &mut connection.filter_state);
        }
        self.stream_mut().map(|(stream, _)| &mut stream.filter_state)
    }
}

/// What attributes are about: an HTTP stream, or a TCP connection, which has no headers.
struct Subject<'a> {
    info: &'a StreamInfo,
    filter_state: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    request: &'a HeaderList,
    response: &'a HeaderList,
    trailers: Option<&'a HeaderList>,
    is_tcp: bool,
}

/// Attributes for which a real proxy may have a value and this one has none.
fn is_beyond(segments: &[&[u8]]) -> bool {
    match segments {
        [b"xds", b"listener_direction" | b"virtual_host_name" | b"node", ..] => true,
        [b"metadata", ..] => true,
        segments => segments.iter().any(|segment| segment.ends_with(b"_metadata")),
    }
}

/// An attribute, before it is bytes.
enum Value {
    Bytes(Vec<u8>),
    Number(i64),
    Bool(bool),
    Map(HeaderList),
}

impl Value {
    fn encode(self) -> Hostcall<Vec<u8>> {
        Ok(match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.to_le_bytes().to_vec(),
            Self::Bool(is) => vec![u8::from(is)],
            Self::Map(fields) => portcullis_kit::pairs::encode(&fields),
        })
    }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Bytes(text.as_bytes().to_vec()))
}

fn number(number: impl TryInto<i64>) -> Option<Value> {
    number.try_into().ok().map(Value::Number)
}

/// Attributes are no way around the windows of the header maps: Envoy takes them from the very same pointers.
fn visible<'a>(stream: &'a Stream, filter: &Filter, side: Side) -> &'a HeaderList {
    let is_open = stream.logging || filter.half(side).headers_window == Window::Open;
    if is_open { &stream.message(side).headers } else { NO_HEADERS }
}

fn request(subject: &Subject<'_>, name: &[u8], key: &[&[u8]]) -> Option<Value> {
    let (info, headers) = (subject.info, subject.request);
    let header = |name: &str| joined(headers, name.as_bytes());
    let path = || headers.iter().find(|(name, _)| name == b":path").map(|(_, value)| value.as_slice());
    let split = |at: u8| path().map(|path| path.splitn(2, move |byte| *byte == at));
    match (name, key) {
        (b"path", []) => header(":path"),
        (b"url_path", []) => split(b'?')?.next().map(|path| Value::Bytes(path.to_vec())),
        (b"query", []) => Some(Value::Bytes(split(b'?')?.nth(1).unwrap_or_default().to_vec())),
        (b"host", []) => header(":authority"),
        (b"scheme", []) => header(":scheme"),
        (b"method", []) => header(":method"),
        (b"referer", []) => header("referer"),
        (b"useragent", []) => header("user-agent"),
        (b"id", []) => header("x-request-id"),
        (b"headers", []) => Some(Value::Map(by_name(headers))),
        (b"headers", [name]) => joined(headers, &MapType::RequestHeaders.normal(name)),
        (b"protocol", []) if subject.is_tcp => None,
        (b"protocol", []) => text(protocol(info.protocol)),
        (b"time", []) => number(info.started.as_nanos()),
        (b"duration", []) => number(span(info.started, info.ended?)),
        (b"size", []) => number(announced(headers).unwrap_or(info.request_bytes)),
        (b"total_size", []) => number(info.request_bytes + bytes(headers)),
        _ => None,
    }
}

fn response(subject: &Subject<'_>, name: &[u8], key: &[&[u8]]) -> Option<Value> {
    let (info, headers) = (subject.info, subject.response);
    match (name, key) {
        (b"code", []) => info.response_code.map(|code| Value::Number(i64::from(code))),
        (b"code_details", []) => info.details.as_deref().and_then(text),
        (b"flags", []) => number(info.flags),
        (b"grpc_status", []) => match said(subject.trailers).or_else(|| said(Some(headers))) {
            Some(status) => number(status),
            // Envoy makes one up, whether anybody speaks gRPC or not.
            None => number(grpc_status(info.response_code?)),
        },
        (b"headers", []) => Some(Value::Map(by_name(headers))),
        (b"headers", [name]) => joined(headers, &name.to_ascii_lowercase()),
        (b"trailers", [name]) => joined(subject.trailers?, &name.to_ascii_lowercase()),
        (b"size", []) => number(info.response_bytes),
        (b"total_size", []) => number(info.response_bytes + bytes(headers)),
        _ => None,
    }
}

/// The status of gRPC in headers or trailers; -1 for what is none.
fn said(headers: Option<&HeaderList>) -> Option<i64> {
    let (_, value) = headers?.iter().find(|(name, value)| name == b"grpc-status" && !value.is_empty())?;
    let status = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    status.filter(|status| (0..=16).contains(status)).or(Some(-1))
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
    }
}

fn span(from: UnixTime, to: UnixTime) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

fn bytes(headers: &HeaderList) -> u64 {
    headers.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum()
}

/// All values of a header, joined: unlike the header map's own getter, which gives the first.
fn joined(headers: &HeaderList, name: &[u8]) -> Option<Value> {
    let values: Vec<&[u8]> =
        headers.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_slice()).collect();
    (!values.is_empty()).then(|| Value::Bytes(values.join(&b',')))
}

/// One entry for each name.
fn by_name(headers: &HeaderList) -> HeaderList {
    let mut map = HeaderList::new();
    for (name, value) in headers {
        match map.iter_mut().find(|(field, _)| field == name) {
            Some((_, values)) => values.extend([b",", value.as_slice()].concat()),
            None => map.push((name.clone(), value.clone())),
        }
    }
    map
}

/// The length that the sender has named, which Envoy believes where it sees the headers.
fn announced(headers: &HeaderList) -> Option<u64> {
    let (_, length) = headers.iter().find(|(name, _)| name == b"content-length")?;
    std::str::from_utf8(length).ok()?.parse().ok()
}

fn dotted(path: &[u8]) -> String {
    let segments: Vec<_> =
        path.split(|byte| *byte == 0).map(|segment| segment.escape_ascii().to_string()).collect();
    segments.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Half;

    fn in_stream() -> Sim {
        let request = Half { headers_window: Window::Open, ..Half::default() };
        let mut stream =
            Stream { filters: vec![Filter { request, ..Filter::default() }], ..Stream::default() };
        stream.info.is_routed = true;
        let fields = [(":path", "/a?b=1"), ("x", "1"), ("x", "2")];
        stream.request.headers =
            fields.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        Sim::in_stream(stream)
    }

    #[test]
    fn values_have_envoys_byte_forms() {
        let mut sim = in_stream();
        let mut value = |path: &[u8]| sim.property_value(path).unwrap();
        assert_eq!(value(b"request\0url_path"), b"/a");
        assert_eq!(value(b"request\0query"), b"b=1");
        assert_eq!(value(b"request\0headers\0X"), b"1,2");
        assert_eq!(value(b"source\0port"), 50_000_i64.to_le_bytes());
        assert_eq!(value(b"connection\0mtls"), [0]);
        assert_eq!(value(b"xds\0cluster_name"), b"upstream");
    }

    #[test]
    fn what_is_not_there_is_not_found_and_a_group_has_no_bytes() {
        let mut sim = in_stream();
        let mut status = |path: &[u8]| sim.property_value(path).unwrap_err().status;
        for path in [&b"nosuch"[..], b"request\0nosuch", b"response\0code", b"request\0headers\0y"] {
            assert_eq!(status(path), Status::NotFound);
        }
        for path in [&b""[..], b"request", b"xds"] {
            assert_eq!(status(path), Status::SerializationFailure);
        }
    }

    #[test]
    fn header_attributes_close_with_the_window() {
        let mut sim = in_stream();
        sim.stream_mut().unwrap().0.filters[0].request.close(Window::Continued);
        assert_eq!(sim.property_value(b"request\0path").unwrap_err().status, Status::NotFound);
        assert_eq!(sim.property_value(b"request\0headers"), Ok(vec![0; 4]));
        assert!(sim.property_value(b"request\0protocol").is_ok());
    }

    #[test]
    fn a_map_has_one_entry_for_each_name() {
        let fields = |list: &[(&str, &str)]| -> HeaderList {
            list.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
        };
        let expected = fields(&[(":path", "/a?b=1"), ("x", "1,2")]);
        let value = in_stream().property_value(b"request\0headers").unwrap();
        assert_eq!(value, portcullis_kit::pairs::encode(&expected));
    }

    #[test]
    fn what_comes_with_the_answer_is_known_from_then_on() {
        let mut sim = in_stream();
        for path in [&b"upstream\0port"[..], b"response\0grpc_status"] {
            assert_eq!(sim.property_value(path).unwrap_err().status, Status::NotFound);
        }
        let info = &mut sim.stream_mut().unwrap().0.info;
        (info.has_upstream, info.response_code) = (true, Some(200));
        assert_eq!(sim.property_value(b"upstream\0port").unwrap(), 20_000_i64.to_le_bytes());
        assert_eq!(sim.property_value(b"upstream\0address").unwrap(), b"127.0.0.1:20000");
        assert_eq!(sim.property_value(b"response\0grpc_status").unwrap(), 2_i64.to_le_bytes());
    }

    #[test]
    fn what_is_not_simulated_says_so() {
        let mut sim = in_stream();
        for path in
            [&b"xds\0listener_direction"[..], b"xds\0node\0id", b"metadata\0a", b"xds\0route_metadata"]
        {
            assert!(sim.property_value(path).unwrap_err().reason.contains("not simulated"));
        }
        assert!(sim.property_value(b"nosuch").unwrap_err().reason.contains("no value"));
    }

    #[test]
    fn filter_state_is_flat() {
        let mut sim = in_stream();
        sim.set_property(b"a", b"1").unwrap();
        sim.set_property(b"c\0d", b"2").unwrap();
        assert_eq!(sim.property_value(b"a"), Ok(b"1".to_vec()));
        assert_eq!(sim.property_value(b"filter_state\0wasm.a"), Ok(b"1".to_vec()));
        assert_eq!(sim.property_value(b"c\0d").unwrap_err().status, Status::NotFound);
        sim.turn.context = 0;
        assert_eq!(sim.set_property(b"a", b"1").unwrap_err().status, Status::NotFound);
    }
}
