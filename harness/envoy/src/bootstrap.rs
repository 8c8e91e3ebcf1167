use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::cluster::{ClusterEntry, behind_the_route};
use crate::filter::{Chain, Filter};

pub(crate) const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions";

/// A static Envoy configuration: its listeners and its admin port are on loopback, chosen by the system.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The filters before the router; the plugins among them also stand before the TCP proxy.
    pub filters: Vec<Filter>,
    /// What the only route, `main`, does with a request that came through the filters.
    pub action: RouteAction,
    /// The clusters for call-outs, and for [`RouteAction::Cluster`].
    pub clusters: Vec<ClusterEntry>,
    /// Further members of the connection manager (`envoy.extensions.filters.network.http_connection_manager.v3`), such as `tracing`.
    pub connection_manager: Map<String, Value>,
    /// A file for one line per request, the client's port and the `response_code_details`; none for no log.
    pub access_log: Option<PathBuf>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAction {
    /// To the cluster [`Bootstrap::UPSTREAM`], by the protocol in which it came; each connection to it begins with a
    /// line of the PROXY protocol. `None`: the cluster has no endpoint.
    Upstream(Option<SocketAddr>),
    /// To this one of [`Bootstrap::clusters`], by the protocol that it speaks. There is no TCP listener then.
    Cluster(&'static str),
    /// Nowhere: the router answers with this status. There is no TCP listener then.
    Answer(u16),
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            action: RouteAction::Answer(200),
            clusters: Vec::new(),
            connection_manager: Map::new(),
            access_log: None,
        }
    }
}

impl Bootstrap {
    /// The name of the HTTP listener.
    pub const LISTENER: &'static str = "main";
    /// The name of the TCP listener.
    pub const TCP_LISTENER: &'static str = "tcp";
    /// The name of the cluster behind the route.
    pub const UPSTREAM: &'static str = "upstream";

    /// The configuration as Envoy reads it.
    pub fn to_json(&self) -> Value {
        let mut listeners = vec![listener(Self::LISTENER, &[self.connection_manager()])];
        let mut clusters: Vec<Value> = self.clusters.iter().map(ClusterEntry::to_json).collect();
        if let RouteAction::Upstream(endpoint) = self.action {
            // Plugins that are the same in both listeners are one to Envoy: it configures them once.
            listeners.push(listener(Self::TCP_LISTENER, &self.network_filters()));
            clusters.push(behind_the_route(Self::UPSTREAM, endpoint));
        }
        json!({
            "admin": { "address": any_port() },
            "static_resources": { "listeners": listeners, "clusters": clusters },
        })
    }

    /// Everything that is not written here is Envoy's default, on purpose: a plugin shall see what it sees in
    /// the field, `x-forwarded-proto` and `x-request-id` included.
    fn connection_manager(&self) -> Value {
        let mut filters: Vec<Value> =
            self.filters.iter().filter_map(|filter| filter.to_json(Chain::Http)).collect();
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": format!("{EXTENSIONS}.filters.http.router.v3.Router") },
        }));
        let name = "http_connection_manager";
        let mut config = json!({
            "@type": format!("{EXTENSIONS}.filters.network.{name}.v3.HttpConnectionManager"),
            "stat_prefix": Self::LISTENER,
            "codec_type": "AUTO",
            "access_log": self.access_log.iter().map(|path| access_log(path)).collect::<Vec<_>>(),
            "http_filters": filters,
            "route_config": {
                "name": "routes",
                "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [self.route()] }],
            },
        });
        if let Some(config) = config.as_object_mut() {
            config.extend(self.connection_manager.clone());
        }
        json!({ "name": format!("envoy.filters.network.{name}"), "typed_config": config })
    }

    fn route(&self) -> Value {
        let matched = json!({ "prefix": "/" });
        match self.action {
            RouteAction::Upstream(_) => {
                json!({ "name": "main", "match": matched, "route": { "cluster": Self::UPSTREAM } })
            }
            RouteAction::Cluster(name) => {
                json!({ "name": "main", "match": matched, "route": { "cluster": name } })
            }
            RouteAction::Answer(status) => {
                json!({ "name": "main", "match": matched, "direct_response": { "status": status } })
            }
        }
    }

    fn network_filters(&self) -> Vec<Value> {
        let mut filters: Vec<Value> =
            self.filters.iter().filter_map(|filter| filter.to_json(Chain::Network)).collect();
        filters.push(json!({
            "name": "envoy.filters.network.tcp_proxy",
            "typed_config": {
                "@type": format!("{EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy"),
                "stat_prefix": Self::TCP_LISTENER,
                "cluster": Self::UPSTREAM,
            },
        }));
        filters
    }
}

fn listener(name: &str, filters: &[Value]) -> Value {
    json!({ "name": name, "address": any_port(), "filter_chains": [{ "filters": filters }] })
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

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sim::PluginSetup;

    fn bootstrap(action: RouteAction) -> Value {
        let plugin = Filter::Wasm(PathBuf::from("/m.wasm"), PluginSetup::default());
        let other = Filter::Other(json!({ "name": "other" }));
        Bootstrap { filters: vec![plugin, other], action, ..Bootstrap::default() }.to_json()
    }

    #[test]
    fn a_plugin_stands_in_both_chains_and_another_filter_before_the_router() {
        let bootstrap = bootstrap(RouteAction::Upstream(None));
        let names = |place: &str| -> Vec<String> {
            let filters = bootstrap.pointer(place).and_then(Value::as_array).unwrap();
            filters.iter().map(|filter| filter["name"].as_str().unwrap().to_owned()).collect()
        };
        let http = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
        assert_eq!(names(http), ["envoy.filters.http.wasm", "other", "envoy.filters.http.router"]);
        let tcp = "/static_resources/listeners/1/filter_chains/0/filters";
        assert_eq!(names(tcp), ["envoy.filters.network.wasm", "envoy.filters.network.tcp_proxy"]);
    }

    #[test]
    fn every_port_is_on_loopback() {
        let bootstrap = bootstrap(RouteAction::Upstream(None));
        for place in [
            "/admin/address",
            "/static_resources/listeners/0/address",
            "/static_resources/listeners/1/address",
        ] {
            assert_eq!(bootstrap.pointer(place), Some(&any_port()), "{place}");
        }
    }

    #[test]
    fn a_route_to_a_cluster_of_its_own_needs_no_other() {
        let bootstrap = bootstrap(RouteAction::Cluster("mine"));
        let config = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let route = format!("{config}/route_config/virtual_hosts/0/routes/0/route/cluster");
        assert_eq!(bootstrap.pointer(&route), Some(&json!("mine")));
        assert_eq!(bootstrap.pointer("/static_resources/clusters"), Some(&json!([])));
    }

    #[test]
    fn without_an_upstream_there_is_no_tcp() {
        let bootstrap = bootstrap(RouteAction::Answer(204));
        let listeners = bootstrap.pointer("/static_resources/listeners").and_then(Value::as_array);
        assert_eq!(listeners.map(Vec::len), Some(1));
    }
}
