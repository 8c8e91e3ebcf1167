use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::bootstrap::EXTENSIONS;

/// A cluster for call-outs.
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
        let options = match self.http2 {
            true => json!({ "explicit_http_config": { "http2_protocol_options": {} } }),
            false => json!({ "explicit_http_config": { "http_protocol_options": {} } }),
        };
        cluster(&self.name, self.endpoint, &options)
    }
}

/// The cluster behind the route: it takes the protocol of the client, and tells the upstream by the PROXY protocol
/// whose request it is. No plugin can see that, as it could see a header.
pub(crate) fn behind_the_route(name: &str, endpoint: Option<SocketAddr>) -> Value {
    let options = json!({ "use_downstream_protocol_config": {
        "http_protocol_options": {},
        "http2_protocol_options": {},
    } });
    let mut cluster = cluster(name, endpoint, &options);
    cluster["transport_socket"] = json!({
        "name": "envoy.transport_sockets.upstream_proxy_protocol",
        "typed_config": {
            "@type": format!(
                "{EXTENSIONS}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
            ),
            "config": { "version": "V1" },
            "transport_socket": {
                "name": "envoy.transport_sockets.raw_buffer",
                "typed_config": {
                    "@type": format!("{EXTENSIONS}.transport_sockets.raw_buffer.v3.RawBuffer"),
                },
            },
        },
    });
    cluster
}

fn cluster(name: &str, endpoint: Option<SocketAddr>, options: &Value) -> Value {
    let extension = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut options = options.clone();
    options["@type"] = format!("type.googleapis.com/{extension}").into();
    let endpoints: Vec<Value> = endpoint.iter().map(lb_endpoint).collect();
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
        "typed_extension_protocol_options": { extension: options },
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
