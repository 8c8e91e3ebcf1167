use super::sample::{Protocol, Service};
use super::{Platform, Starter, indented};

/// Where a plugin stands in the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Sidecar,
    Gateway,
    Waypoint,
}

pub(super) fn wasm_plugin(starter: &Starter, place: Place) -> String {
    let whom = match place {
        Place::Sidecar => SIDECAR,
        Place::Gateway => GATEWAY,
        Place::Waypoint => WAYPOINT,
    };
    let spec = format!("{whom}{}{}", position(starter), module(starter));
    let namespace = if place == Place::Gateway { "istio-ingress" } else { "shop" };
    let text = HEAD
        .replace("{kind}", "WasmPlugin")
        .replace("{module}", starter.module())
        .replace("{namespace}", namespace)
        .replace("{spec}\n", &indented(&spec, 2));
    let hosts: Vec<_> = starter.services().map(|service| service.host).collect();
    match place == Place::Waypoint && !hosts.is_empty() {
        true => text + &REFERENCES.replace("{module}", starter.module()).replace("{hosts}", &hosts.join(",")),
        false => text,
    }
}

pub(super) fn traffic_extension(starter: &Starter) -> String {
    let spec = format!("{SIDECAR}{}wasm:\n{}", position(starter), indented(&module(starter), 2));
    let head = format!("# Since Istio 1.30, in the place of a WasmPlugin.\n{HEAD}");
    head.replace("{kind}", "TrafficExtension")
        .replace("{module}", starter.module())
        .replace("{namespace}", "shop")
        .replace("{spec}\n", &indented(&spec, 2))
}

/// ServiceEntries and DestinationRules of what is called, but for what Kubernetes knows.
pub(super) fn services(starter: &Starter) -> Option<String> {
    let outside = starter.services().filter(|service| !service.host.ends_with(".svc.cluster.local"));
    let texts: Vec<_> = outside.map(service).collect();
    (!texts.is_empty()).then(|| texts.join("---\n"))
}

/// The first filter says where all of them stand: what comes behind can come earlier without harm.
fn position(starter: &Starter) -> String {
    let first = starter.samples.first();
    let (phase, priority) = first.map_or(("AUTHN", 50), |first| (first.phase, first.priority));
    format!("phase: {phase}\npriority: {priority} # the higher, the earlier within the phase\n")
}

fn module(starter: &Starter) -> String {
    let name = starter.module();
    MODULE
        .replace("{module}", name)
        .replace("{version}", &starter.version)
        .replace("{sha256}", &starter.image_digest)
        .replace("{configuration}\n", &indented(&starter.configuration(Platform::Istio), 2))
}

fn service(service: &Service) -> String {
    let port = service.port;
    let ports = match service.protocol {
        Protocol::Https => format!(
            "    - {{ number: {}, name: calls, protocol: HTTP, targetPort: {port} }}\n    \
             - {{ number: {port}, name: applications, protocol: TLS }} # theirs is passed on as it is\n",
            service.port_in_istio()
        ),
        Protocol::Grpc => format!("    - {{ number: {port}, name: calls, protocol: GRPC }}\n"),
    };
    SERVICE
        .replace("{name}", service.name)
        .replace("{host}", service.host)
        .replace("{ports}", &ports)
        .replace("{port}", &service.port_in_istio().to_string())
}

const HEAD: &str = r#"apiVersion: extensions.istio.io/v1alpha1
kind: {kind}
metadata:
  name: {module}
  namespace: {namespace}
spec:
{spec}
"#;

const SIDECAR: &str = r#"selector: { matchLabels: { app: orders } }
match: [{ mode: SERVER }] # what comes in; left out, it also applies to what the workload itself calls
"#;

const GATEWAY: &str = r#"selector: { matchLabels: { istio: ingress } }
match: [{ mode: CLIENT }] # a gateway is a client of what it passes on to
"#;

const WAYPOINT: &str = r#"targetRefs: [{ group: "", kind: Service, name: orders }] # of which the waypoint is
"#;

const REFERENCES: &str = r#"---
# A waypoint has no clusters but of what it routes to, and of the hosts that this names.
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: {module}-calls
  namespace: shop
  annotations: { envoyfilter.istio.io/referenced-services: "{hosts}" }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: waypoint }]
  configPatches: []
"#;

const MODULE: &str = r#"url: oci://registry.example/portcullis/{module}:{version}
sha256: "{sha256}" # of the image's manifest, as portcullis oci prints it, not of the module
failStrategy: FAIL_RELOAD # 503 while a crashed VM is rebuilt; since Istio 1.27
pluginConfig:
{configuration}
"#;

const SERVICE: &str = r#"# {name}: what the plugin calls as outbound|{port}||{host}.
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: {name}
  namespace: shop
spec:
  hosts: [{host}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports:
{ports}---
# The plugin calls without TLS; Envoy adds it, and checks who answers.
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {name}
  namespace: shop
spec:
  host: {host}
  trafficPolicy:
    portLevelSettings:
      - port: { number: {port} }
        tls: { mode: SIMPLE, sni: {host}, subjectAltNames: [{host}], caCertificates: system }
"#;
