use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::bootstrap::EXTENSIONS;

/// A cluster for call-outs, or one of somebody's own behind the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterEntry {
    /// Its name.
    pub name: String,
    /// Its only endpoint, or none.
    pub endpoint: Option<SocketAddr>,
    /// Whether it speaks HTTP/2, without negotiation; otherwise HTTP/1.1.
    pub http2: bool,
}

impl ClusterEntry {
    pub(crate) fn to_json(&self) -> Value {
        let protocol = if self.http2 { "http2_protocol_options" } else { "http_protocol_options" };
        let options = http_options("explicit_http_config", &json!({ protocol: {} }));
        cluster(&self.name, self.endpoint, &options, &raw_buffer())
    }
}

/// The cluster behind the route: it takes the protocol of the client, and tells the upstream by the PROXY protocol
/// whose request it is. No plugin can see that, as it could see a header.
pub(crate) fn behind_the_route(name: &str, endpoint: Option<SocketAddr>) -> Value {
    let both = json!({ "http_protocol_options": {}, "http2_protocol_options": {} });
    let options = http_options("use_downstream_protocol_config", &both);
    let socket = json!({
        "name": "envoy.transport_sockets.upstream_proxy_protocol",
        "typed_config": {
            "@type": format!(
                "{EXTENSIONS}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
            ),
            "config": { "version": "V1" },
            "transport_socket": raw_buffer(),
        },
    });
    cluster(name, endpoint, &options, &socket)
}

fn cluster(name: &str, endpoint: Option<SocketAddr>, options: &Value, socket: &Value) -> Value {
    let endpoints: Vec<Value> = endpoint.iter().map(lb_endpoint).collect();
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
        "typed_extension_protocol_options": options,
        "transport_socket": socket,
    })
}

fn http_options(kind: &str, protocols: &Value) -> Value {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({ options: { "@type": format!("type.googleapis.com/{options}"), kind: protocols } })
}

fn raw_buffer() -> Value {
    json!({
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": { "@type": format!("{EXTENSIONS}.transport_sockets.raw_buffer.v3.RawBuffer") },
    })
}

fn lb_endpoint(address: &SocketAddr) -> Value {
    let address = json!({
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() }
    });
    json!({ "endpoint": { "address": address } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_where_its_server_is() {
        let endpoint = Some(SocketAddr::from(([127, 0, 0, 1], 4321)));
        let cluster = ClusterEntry { name: "keys".to_owned(), endpoint, http2: true }.to_json();
        let place = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        assert_eq!(cluster.pointer(place), Some(&json!({ "address": "127.0.0.1", "port_value": 4321 })));
    }

    #[test]
    fn a_cluster_without_a_server_has_no_endpoint() {
        let cluster = behind_the_route("upstream", None);
        assert_eq!(cluster.pointer("/load_assignment/endpoints/0/lb_endpoints"), Some(&json!([])));
    }
}
