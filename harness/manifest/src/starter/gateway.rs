use super::envoy;
use super::{Platform, Starter, indented};

pub(super) fn policy(starter: &Starter) -> String {
    POLICY
        .replace("{module}", starter.module())
        .replace("{version}", &starter.version)
        .replace("{sha256}", &starter.image_digest)
        .replace("{configuration}\n", &indented(&starter.configuration(Platform::EnvoyGateway), 8))
}

/// Envoy Gateway has no clusters but those of routes; a patch adds others.
pub(super) fn clusters(starter: &Starter) -> Option<String> {
    let patches: String = starter
        .services()
        .map(|service| {
            PATCH
                .replace("{name}", service.name)
                .replace("{cluster}\n", &indented(&envoy::cluster(service), 10))
        })
        .collect();
    (!patches.is_empty()).then(|| format!("{PATCHES}{patches}"))
}

const POLICY: &str = r#"apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: {module}
  namespace: shop
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: orders }]
  wasm:
    - name: {module}
      code:
        type: Image
        image:
          url: registry.example/portcullis/{module}:{version}
          sha256: "{sha256}" # of the image's manifest, as portcullis oci prints it, not of the module
      failOpen: false
      config:
{configuration}
"#;

const PATCHES: &str = r#"# What the plugin calls. Patches are off unless Envoy Gateway's own configuration has extensionApis.enableEnvoyPatchPolicy.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata:
  name: portcullis-clusters
  namespace: shop
spec:
  targetRef: { group: gateway.networking.k8s.io, kind: Gateway, name: edge }
  type: JSONPatch
  jsonPatches:
"#;

const PATCH: &str = r#"    - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
      name: {name}
      operation:
        op: add
        path: ""
        value:
{cluster}
"#;
