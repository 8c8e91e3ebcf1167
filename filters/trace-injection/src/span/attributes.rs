//! Attributes by the conventions of OpenTelemetry for HTTP and RPC.

use portcullis_kit::parts::AddressSource;
use portcullis_kit::{Headers, Host};
use portcullis_proto::common::any_value::Value;
use portcullis_proto::common::{AnyValue, ArrayValue, KeyValue};

use super::settings::{Extra, SpanPolicy};
use crate::attribute::{LONGEST_VALUE, number, string, text};
use crate::config::Attribute;

/// The methods that have a name of their own in the conventions (RFC 9110 section 9, RFC 5789, and QUERY).
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
/// What stands for a value that is not shown.
const HIDDEN: &str = "REDACTED";

/// The name of the span of a request, and what there is to say when it begins.
pub(super) fn of_request(policy: &SpanPolicy, request: &Headers, is_grpc: bool) -> (String, Vec<KeyValue>) {
    let mut attributes = Vec::with_capacity(16);
    let pseudo = |name: &str| text(request.first(name).unwrap_or_default());
    let (path, scheme, authority) = (pseudo(":path"), pseudo(":scheme"), pseudo(":authority"));
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(shown_query(query, &policy.query_values))),
        None => (path.as_str(), None),
    };
    let name = match is_grpc {
        true => rpc(path, &mut attributes),
        false => http(policy, request, &mut attributes),
    };
    if policy.is_client && !is_grpc {
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut url = format!("{scheme}://{}{path}{query}", without_user(&authority));
        url.truncate(url.floor_char_boundary(LONGEST_VALUE));
        attributes.push(string("url.full", &url));
    } else if !is_grpc {
        attributes.push(string("url.path", path));
        attributes.push(string("url.scheme", &scheme));
        if let Some(query) = query.filter(|_| policy.shows(Attribute::UrlQuery)) {
            attributes.push(string("url.query", &query));
        }
    }
    add_server(policy, &scheme, &authority, &mut attributes);
    if let Some(agent) = request.first("user-agent").filter(|_| policy.shows(Attribute::UserAgentOriginal)) {
        attributes.push(string("user_agent.original", &text(agent)));
    }
    let shown = policy.request_headers.iter();
    attributes.extend(shown.filter_map(|(name, key)| header(request, name, key)));
    (name, attributes)
}

/// `{method} {route}`, and never the path: names are few.
fn http(policy: &SpanPolicy, request: &Headers, attributes: &mut Vec<KeyValue>) -> String {
    let sent = request.first(":method").unwrap_or_default();
    let method = METHODS.into_iter().find(|method| method.as_bytes() == sent);
    attributes.push(string("http.request.method", method.unwrap_or("_OTHER")));
    if method.is_none() {
        attributes.push(string("http.request.method_original", &text(sent)));
    }
    let method = method.unwrap_or("HTTP");
    match policy.route(request) {
        Some(route) => {
            attributes.push(string("http.route", route));
            format!("{method} {route}")
        }
        None => method.to_owned(),
    }
}

/// The full name of the method, where it can be one.
fn rpc(path: &str, attributes: &mut Vec<KeyValue>) -> String {
    const LONGEST_METHOD: usize = 256;
    let sent = path.strip_prefix('/').unwrap_or(path);
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte)) && !name.is_empty()
    };
    let is_method = sent.len() <= LONGEST_METHOD
        && sent.split_once('/').is_some_and(|(service, method)| is_name(service) && is_name(method));
    let method = if is_method { sent } else { "_OTHER" };
    attributes.push(string("rpc.system.name", "grpc"));
    attributes.push(string("rpc.method", method));
    if !is_method {
        attributes.push(string("rpc.method_original", sent));
    }
    if is_method { method.to_owned() } else { "grpc".to_owned() }
}

/// The host and, where it was said, the port that were asked for. Both are required on the client's side.
fn add_server(policy: &SpanPolicy, scheme: &str, authority: &str, attributes: &mut Vec<KeyValue>) {
    let authority = without_user(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, port.parse::<u16>().ok().map(i64::from))
        }
        _ => (authority, None),
    };
    if host.is_empty() {
        return;
    }
    if policy.is_client || policy.shows(Attribute::ServerAddress) {
        attributes.push(string("server.address", host.trim_start_matches('[').trim_end_matches(']')));
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = match policy.is_client {
        true => Some(port.unwrap_or(usual)),
        false => port.filter(|_| policy.shows(Attribute::ServerPort)),
    };
    attributes.extend(port.map(|port| number("server.port", port)));
}

/// What Envoy knows when the request is over.
pub(super) fn at_the_end(policy: &SpanPolicy, host: &mut dyn Host) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    if policy.each_try
        && let Some(tries) =
            host.property(&["upstream", "request_attempt_count"]).and_then(|it| it.try_into().ok())
        && let resent @ 1.. = i64::from_le_bytes(tries).saturating_sub(1)
    {
        attributes.push(number("http.request.resend_count", resent));
    }
    if policy.shows(Attribute::ClientAddress)
        && let Some(address) = AddressSource::Envoy.find(&Headers::default(), host)
    {
        attributes.push(string("client.address", &address.to_string()));
    }
    if policy.shows(Attribute::NetworkProtocolVersion)
        && let Some(version) =
            host.property(&["request", "protocol"]).as_deref().and_then(|it| it.strip_prefix(b"HTTP/"))
    {
        let version = text(version);
        attributes.push(string(
            "network.protocol.version",
            version.strip_suffix(".0").filter(|it| *it != "1").unwrap_or(&version),
        ));
    }
    for (name, extra) in &policy.extra {
        let value = match extra {
            Extra::Value(value) => Some(value.clone()),
            Extra::Property(path) => {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                // A number is no text.
                let is_text = |bytes: &Vec<u8>| !bytes.iter().any(u8::is_ascii_control);
                host.property(&path)
                    .filter(is_text)
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .map(|it| text(it.as_bytes()))
            }
        };
        attributes.extend(value.map(|value| string(name, &value)));
    }
    attributes
}

/// A header, each of its values as far as all together are no longer than one may be.
pub(super) fn header(headers: &Headers, name: &str, key: &str) -> Option<KeyValue> {
    headers.first(name)?;
    let mut left = LONGEST_VALUE;
    let values = headers.all(name).map_while(|value| {
        let shown = text(value.get(..left).unwrap_or(value));
        let is_room = left > 0;
        left = left.saturating_sub(value.len().max(1));
        is_room.then_some(AnyValue { value: Some(Value::StringValue(shown)) })
    });
    let value = Value::ArrayValue(ArrayValue { values: values.collect() });
    Some(KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) })
}

/// A query whose values are hidden but those of some parameters.
fn shown_query(query: &str, values: &[String]) -> String {
    let mut shown =
        query.split('&').map(|parameter| shown_parameter(parameter, values)).collect::<Vec<_>>().join("&");
    shown.truncate(shown.floor_char_boundary(LONGEST_VALUE));
    shown
}

fn shown_parameter(parameter: &str, values: &[String]) -> String {
    /// A longer name may be a value.
    const LONGEST_NAME: usize = 64;
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    // Some servers separate parameters by `;` as well.
    if parameter.is_empty() || (!parameter.contains(';') && values.iter().any(|it| it == name)) {
        return parameter.to_owned();
    }
    // What looks like a name without a value may be a value, and `=` its padding.
    match value.bytes().all(|byte| byte == b'=') || name.len() > LONGEST_NAME || name.contains(';') {
        true => HIDDEN.to_owned(),
        false => format!("{name}={HIDDEN}"),
    }
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}
