//! Attributes by the conventions of OpenTelemetry for HTTP and RPC.

use std::borrow::Cow;

use portcullis_kit::parts::AddressSource;
use portcullis_kit::{Headers, Host};

use super::settings::{Extra, SpanPolicy};
use crate::attribute::{Attributes, LONGEST_VALUE, text};
use crate::config::Attribute;

/// The methods that have a name of their own in the conventions (RFC 9110 section 9, RFC 5789, and QUERY).
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
/// What stands for a method that is none of those.
pub(super) const OTHER: &str = "_OTHER";
/// The name of a call whose method is not known.
pub(super) const NAMELESS: &str = "grpc";
/// What stands for a value that is not shown.
const HIDDEN: &str = "REDACTED";
/// How long attributes are that are not out of the ordinary.
const USUAL_BYTES: usize = 512;

/// The name of the span of a request, and what there is to say when it begins.
pub(super) fn of_request(policy: &SpanPolicy, request: &Headers, is_grpc: bool) -> (String, Attributes) {
    let mut attributes = Attributes::with_capacity(USUAL_BYTES);
    let pseudo = |name: &str| text(request.first(name).unwrap_or_default());
    let (path, scheme, authority) = (pseudo(":path"), pseudo(":scheme"), pseudo(":authority"));
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(shown_query(query, &policy.query_values))),
        None => (&*path, None),
    };
    let name = match is_grpc {
        true => rpc(path, &mut attributes),
        false => http(policy, request, &mut attributes),
    };
    if policy.is_client && !is_grpc {
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut url = format!("{scheme}://{}{path}{query}", without_user(&authority));
        url.truncate(url.floor_char_boundary(LONGEST_VALUE));
        attributes.string("url.full", &url);
    } else if !is_grpc {
        attributes.string("url.path", path);
        attributes.string("url.scheme", &scheme);
        if let Some(query) = query.filter(|_| policy.shows(Attribute::UrlQuery)) {
            attributes.string("url.query", &query);
        }
    }
    add_server(policy, &scheme, &authority, &mut attributes);
    if let Some(agent) = request.first("user-agent").filter(|_| policy.shows(Attribute::UserAgentOriginal)) {
        attributes.string("user_agent.original", &text(agent));
    }
    for (name, key) in &policy.request_headers {
        add_header(&mut attributes, request, name, key);
    }
    (name, attributes)
}

/// `{method} {route}`, and never the path: names are few.
fn http(policy: &SpanPolicy, request: &Headers, attributes: &mut Attributes) -> String {
    let sent = request.first(":method").unwrap_or_default();
    let method = METHODS.into_iter().find(|method| method.as_bytes() == sent);
    attributes.string("http.request.method", method.unwrap_or(OTHER));
    if method.is_none() {
        attributes.string("http.request.method_original", &text(sent));
    }
    let method = method.unwrap_or("HTTP");
    match policy.route(request) {
        Some(route) => {
            attributes.string("http.route", route);
            format!("{method} {route}")
        }
        None => method.to_owned(),
    }
}

/// The full name of the method, where it can be one. Whether there is such a method, the answer says.
fn rpc(path: &str, attributes: &mut Attributes) -> String {
    const LONGEST_METHOD: usize = 256;
    let sent = path.strip_prefix('/').unwrap_or(path);
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte)) && !name.is_empty()
    };
    let is_method = sent.len() <= LONGEST_METHOD
        && sent.split_once('/').is_some_and(|(service, method)| is_name(service) && is_name(method));
    attributes.string("rpc.system.name", "grpc");
    if is_method {
        return sent.to_owned();
    }
    attributes.string("rpc.method", OTHER);
    attributes.string("rpc.method_original", sent);
    NAMELESS.to_owned()
}

/// The host and, where it was said, the port that were asked for. Both are required on the client's side.
fn add_server(policy: &SpanPolicy, scheme: &str, authority: &str, attributes: &mut Attributes) {
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
        attributes.string("server.address", host.trim_start_matches('[').trim_end_matches(']'));
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = match policy.is_client {
        true => Some(port.unwrap_or(usual)),
        false => port.filter(|_| policy.shows(Attribute::ServerPort)),
    };
    if let Some(port) = port {
        attributes.number("server.port", port);
    }
}

/// Adds what Envoy knows when the request is over.
pub(super) fn add_the_end(attributes: &mut Attributes, policy: &SpanPolicy, host: &mut dyn Host) {
    if policy.each_try
        && let Some(tries) =
            host.property(&["upstream", "request_attempt_count"]).and_then(|it| it.try_into().ok())
        && let resent @ 1.. = i64::from_le_bytes(tries).saturating_sub(1)
    {
        attributes.number("http.request.resend_count", resent);
    }
    if policy.shows(Attribute::ClientAddress)
        && let Some(address) = AddressSource::Envoy.find(&Headers::default(), host)
    {
        attributes.string("client.address", &address.to_string());
    }
    if policy.shows(Attribute::NetworkProtocolVersion)
        && let Some(version) =
            host.property(&["request", "protocol"]).as_deref().and_then(|it| it.strip_prefix(b"HTTP/"))
    {
        let version = text(version);
        let short = version.strip_suffix(".0").filter(|it| *it != "1");
        attributes.string("network.protocol.version", short.unwrap_or(&version));
    }
    for (name, extra) in &policy.extra {
        match extra {
            Extra::Value(value) => attributes.string(name, value),
            Extra::Property(path) => {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                // A number is no text.
                let bytes = host.property(&path).filter(|bytes| !bytes.iter().any(u8::is_ascii_control));
                if let Some(value) = bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                    attributes.string(name, &text(value.as_bytes()));
                }
            }
        }
    }
}

/// Adds a header, if it is there, each of its values as far as all together are no longer on the wire than one may be.
pub(super) fn add_header(attributes: &mut Attributes, headers: &Headers, name: &str, key: &str) {
    let mut left = LONGEST_VALUE;
    let values = headers.all(name).map_while(|value| {
        let shown = text(value.get(..left).unwrap_or(value));
        let is_room = left > 0;
        left = left.saturating_sub(value.len().max(1));
        is_room.then_some(shown)
    });
    let values: Vec<Cow<'_, str>> = values.collect();
    if !values.is_empty() {
        attributes.strings(key, &values);
    }
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
