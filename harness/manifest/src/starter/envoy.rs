use super::sample::{Protocol, Service};
use super::{Platform, Starter, indented};
use crate::document::as_json;

/// Where Envoy has the module from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    File,
    Remote,
    /// From a file of its own.
    Discovered,
}

pub(super) fn bootstrap(starter: &Starter, code: Code) -> String {
    let module = starter.module();
    let filter = match code {
        Code::Discovered => {
            format!("config_discovery:\n{}", indented(&DISCOVERY.replace("{module}", module), 2))
        }
        Code::File | Code::Remote => format!("typed_config:\n{}", indented(&plugin(starter, code), 2)),
    };
    let modules = (code == Code::Remote).then_some(&MODULES);
    let called = starter.services().chain(modules).map(cluster);
    let clusters: String = std::iter::once(UPSTREAM.to_owned()).chain(called).map(|it| item(&it)).collect();
    let file = match code {
        Code::File => format!("dist/{module}.wasm"),
        Code::Remote => format!("{module}.wasm on modules.example"),
        Code::Discovered => "what ecds.yaml names".to_owned(),
    };
    BOOTSTRAP
        .replace("{module}", module)
        .replace("{file}", &file)
        .replace("{filter}\n", &indented(&filter, 20))
        .replace("{clusters}\n", &indented(&clusters, 4))
}

pub(super) fn discovered(starter: &Starter) -> String {
    let plugin = plugin(starter, Code::Discovered);
    DISCOVERED.replace("{module}", starter.module()).replace("{plugin}\n", &indented(&plugin, 6))
}

/// The plugin, as a message.
fn plugin(starter: &Starter, code: Code) -> String {
    let module = starter.module();
    let code = match code {
        Code::File | Code::Discovered => format!("code: {{ local: {{ filename: dist/{module}.wasm }} }}\n"),
        Code::Remote => REMOTE.replace("{module}", module).replace("{sha256}", &starter.module_digest),
    };
    PLUGIN
        .replace("{module}", module)
        .replace("{code}\n", &indented(&code, 4))
        .replace("{configuration}\n", &indented(&as_json(&starter.configuration(Platform::Envoy)), 6))
}

/// The members of a cluster.
pub(super) fn cluster(service: &Service) -> String {
    let protocol = match service.protocol {
        Protocol::Https => TLS.replace("{host}", service.host),
        Protocol::Grpc => HTTP2.to_owned(),
    };
    CLUSTER
        .replace("{name}", service.name)
        .replace("{host}", service.host)
        .replace("{port}", &service.port.to_string())
        .replace("{protocol}\n", &protocol)
}

/// Members as an item of a list.
fn item(members: &str) -> String {
    format!("- {}", indented(members, 2).trim_start())
}

/// What serves modules.
const MODULES: Service =
    Service { name: "modules", host: "modules.example", port: 443, protocol: Protocol::Https };

const BOOTSTRAP: &str = r#"# Envoy with {module} in front of one upstream; the module is {file}.
# It is started where its paths begin, at the root of the project; it listens on 127.0.0.1:10000 and passes on to 127.0.0.1:8080.
node: { id: ingress-1, cluster: ingress } # who it is, for what it sends, and for configuration that is discovered
static_resources:
  listeners:
    - name: ingress
      address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress
                use_remote_address: true # else clients write their address themselves, in x-forwarded-for; behind another proxy, see xff_num_trusted_hops
                normalize_path: true
                merge_slashes: true
                common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes: [{ name: main, match: { prefix: / }, route: { cluster: upstream } }]
                http_filters:
                  - name: {module}
{filter}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
{clusters}
"#;

const PLUGIN: &str = r#""@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
config:
  name: {module}
  failure_policy: FAIL_RELOAD # 503 while a crashed VM is rebuilt
  vm_config:
    vm_id: {module}
    runtime: envoy.wasm.runtime.v8
{code}
  configuration:
    "@type": type.googleapis.com/google.protobuf.StringValue
    value: | # JSON, which Envoy passes on as it is
{configuration}
"#;

const REMOTE: &str = r#"code:
  remote:
    http_uri: { uri: "https://modules.example/{module}.wasm", cluster: modules, timeout: 30s }
    sha256: "{sha256}" # of the module, as portcullis oci prints it
    retry_policy: { num_retries: 10, retry_back_off: { base_interval: 1s, max_interval: 30s } }
"#;

const DISCOVERY: &str = r#"config_source:
  resource_api_version: V3
  path_config_source: { path: envoy/ecds/{module}/ecds.yaml, watched_directory: { path: envoy/ecds/{module} } }
type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]
"#;

const DISCOVERED: &str = r#"# The plugin {module}. Envoy takes over what is moved to the place of this file; a configuration that the plugin refuses changes nothing. The module is in a file as well:
# an update with remote code lets every request pass without `nack_on_code_cache_miss`, and with it has to be sent again with a difference, which a file is not.
version_info: "1"
resources:
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: {module}
    typed_config:
{plugin}
"#;

const UPSTREAM: &str = r#"name: upstream
type: STATIC
load_assignment:
  cluster_name: upstream
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8080 } } } }] }]
"#;

const CLUSTER: &str = r#"name: {name}
type: STRICT_DNS
connect_timeout: 1s
{protocol}
load_assignment:
  cluster_name: {name}
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: {host}, port_value: {port} } } } }] }]
"#;

const TLS: &str = r#"transport_socket: # without the check of its certificate anybody could answer
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    sni: {host}
    common_tls_context:
      validation_context:
        trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
        match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: {host} } }]
"#;

const HTTP2: &str = r#"typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { http2_protocol_options: {} } # gRPC
"#;
