//! Attributes of what is around a stream.

use std::net::{Ipv4Addr, SocketAddr};

use super::{Subject, Value, number, text};
use crate::stream::StreamInfo;

/// What surrounds every stream of the simulated proxy: one plaintext listener, one client, one cluster.
pub(super) fn surroundings(subject: &Subject<'_>, group: &[u8], name: &[u8]) -> Option<Value> {
    let info = subject.info;
    match (group, name) {
        (b"source", b"address") => text(&client(info).to_string()),
        (b"source", b"port") => number(client(info).port()),
        (b"destination", b"address") => text("127.0.0.1:10000"),
        (b"destination", b"port") => number(10_000),
        (b"connection", b"id") => number(info.connection),
        (b"connection", b"mtls") => Some(Value::Bool(false)),
        (b"connection", b"requested_server_name") => text(""),
        (b"upstream", b"address") if info.has_upstream => text("127.0.0.1:20000"),
        (b"upstream", b"port") if info.has_upstream => number(20_000),
        (b"upstream", b"request_attempt_count") => number(info.attempts),
        (b"upstream", b"transport_failure_reason") => text(info.transport_failure?),
        (b"xds", b"cluster_name") if subject.is_tcp && info.has_upstream => text("upstream"),
        (b"xds", b"cluster_name") if info.is_routed => text("upstream"),
        (b"xds", b"route_name") if info.is_routed => text("main"),
        (b"xds", b"filter_chain_name") => text(""),
        _ => None,
    }
}

/// A port is not forwarded.
fn client(info: &StreamInfo) -> SocketAddr {
    match info.forwarded_for {
        Some(address) => SocketAddr::new(address, 0),
        None => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 50_000),
    }
}
