use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The VM's id, and with an empty plugin name and root id all that Envoy writes before a plugin's log lines.
pub(crate) const VM_ID: &str = "portcullis";

const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions";

/// A static Envoy configuration: one listener and one admin port on loopback, both chosen by the system.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The HTTP filters before the router.
    pub filters: Vec<Value>,
    /// What the only route, `main`, does with a request that came through the filters.
    pub action: RouteAction,
    /// A file for one line per request, the client's port and the `response_code_details`; none for no log.
    pub access_log: Option<PathBuf>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAction {
    /// To the cluster `upstream`, by the protocol in which it came.
    Upstream(SocketAddr),
    /// Nowhere: the router answers with this status.
    Answer(u16),
}

impl Bootstrap {
    /// The name of the listener.
    pub const LISTENER: &'static str = "main";

    /// The configuration as Envoy reads it.
    pub fn to_json(&self) -> Value {
        let clusters: Vec<Value> = match self.action {
            RouteAction::Upstream(address) => vec![cluster(address)],
            RouteAction::Answer(_) => Vec::new(),
        };
        json!({
            "admin": { "address": any_port() },
            "static_resources": { "listeners": [self.listener()], "clusters": clusters },
        })
    }

    fn listener(&self) -> Value {
        json!({
            "name": Self::LISTENER,
            "address": any_port(),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": self.connection_manager(),
            }] }],
        })
    }

    /// Everything that is not written here is Envoy's default, on purpose: a plugin shall see what it sees in
    /// the field, `x-forwarded-proto` and `x-request-id` included.
    fn connection_manager(&self) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": format!("{EXTENSIONS}.filters.http.router.v3.Router") },
        }));
        json!({
            "@type": format!(
                "{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
            ),
            "stat_prefix": Self::LISTENER,
            "codec_type": "AUTO",
            "access_log": self.access_log.iter().map(|path| access_log(path)).collect::<Vec<_>>(),
            "http_filters": filters,
            "route_config": {
                "name": "routes",
                "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [self.route()] }],
            },
        })
    }

    fn route(&self) -> Value {
        match self.action {
            RouteAction::Upstream(_) => {
                json!({ "name": "main", "match": { "prefix": "/" }, "route": { "cluster": "upstream" } })
            }
            RouteAction::Answer(status) => {
                json!({ "name": "main", "match": { "prefix": "/" }, "direct_response": { "status": status } })
            }
        }
    }
}

/// The HTTP filter that runs `module` in V8, fail-closed, with the plugin configuration passed on byte by byte.
pub fn wasm_filter(module: &Path, configuration: &[u8]) -> Value {
    json!({
        "name": "portcullis",
        "typed_config": {
            "@type": format!("{EXTENSIONS}.filters.http.wasm.v3.Wasm"),
            "config": {
                "name": "",
                "root_id": "",
                "failure_policy": "FAIL_CLOSED",
                "configuration": verbatim(configuration),
                "vm_config": {
                    "vm_id": VM_ID,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": module } },
                },
            },
        },
    })
}

/// Envoy hands the value of both types to the plugin as it is; a `StringValue` holds UTF-8 only.
fn verbatim(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text }),
        Err(_) => {
            let value = STANDARD.encode(bytes);
            json!({ "@type": "type.googleapis.com/google.protobuf.BytesValue", "value": value })
        }
    }
}

fn any_port() -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } })
}

fn access_log(path: &Path) -> Value {
    let line = "%DOWNSTREAM_DIRECT_REMOTE_PORT% %RESPONSE_CODE_DETAILS%\n";
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": format!("{EXTENSIONS}.access_loggers.file.v3.FileAccessLog"),
            "path": path,
            "log_format": { "text_format_source": { "inline_string": line } },
        },
    })
}

fn cluster(address: SocketAddr) -> Value {
    let endpoint = json!({
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() }
    });
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": "upstream",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": endpoint } }] }],
        },
        "typed_extension_protocol_options": { options: {
            "@type": format!("type.googleapis.com/{options}"),
            "use_downstream_protocol_config": {
                "http_protocol_options": {},
                "http2_protocol_options": {},
            },
        } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap() -> Value {
        let bootstrap = Bootstrap {
            filters: vec![wasm_filter(Path::new("/m.wasm"), b"{\"a\": 1}\n")],
            action: RouteAction::Upstream(SocketAddr::from(([127, 0, 0, 1], 4321))),
            access_log: Some(PathBuf::from("/tmp/access.log")),
        };
        bootstrap.to_json()
    }

    #[test]
    fn the_plugin_fails_closed_and_gets_its_configuration_verbatim() {
        let bootstrap = bootstrap();
        let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let filters = bootstrap.pointer(manager).and_then(|it| it["http_filters"].as_array()).unwrap();
        assert_eq!(filters.len(), 2);
        assert_eq!(filters[1]["name"], "envoy.filters.http.router");
        let config = &filters[0]["typed_config"]["config"];
        assert_eq!(config["failure_policy"], "FAIL_CLOSED");
        assert_eq!(config["configuration"]["value"], "{\"a\": 1}\n");
        assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/m.wasm");
    }

    #[test]
    fn every_port_is_on_loopback_and_the_cluster_is_where_the_upstream_is() {
        let bootstrap = bootstrap();
        for place in ["/admin/address", "/static_resources/listeners/0/address"] {
            assert_eq!(bootstrap.pointer(place), Some(&any_port()), "{place}");
        }
        let endpoint = "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint";
        let address = bootstrap.pointer(&format!("{endpoint}/address/socket_address")).unwrap();
        assert_eq!(address, &json!({ "address": "127.0.0.1", "port_value": 4321 }));
    }

    #[test]
    fn a_configuration_that_is_not_utf_8_travels_as_bytes() {
        let value = verbatim(&[0xff, 0]);
        assert_eq!(value["@type"], "type.googleapis.com/google.protobuf.BytesValue");
        assert_eq!(value["value"], "/wA=");
    }
}
