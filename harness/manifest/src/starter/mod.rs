//! Manifests to begin with: what `portcullis init` writes, and the examples in `envoy/`.

mod envoy;
mod gateway;
mod istio;
mod sample;
mod scenario;

use crate::SUITE;
use sample::{SAMPLES, Sample, Service};

/// What loads the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Envoy by itself.
    Envoy,
    /// Istio.
    Istio,
    /// Envoy Gateway.
    EnvoyGateway,
}

/// A file of a starter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Envoy with the module in a file.
    EnvoyWithFile,
    /// Envoy with a module that it fetches.
    EnvoyWithRemoteCode,
    /// Envoy that has the plugin from a file beside its own, which can change.
    EnvoyWithDiscovery,
    /// That file.
    Discovered,
    /// A `WasmPlugin` for what comes to the sidecars of a workload.
    Sidecar,
    /// Likewise for an ingress gateway.
    Gateway,
    /// Likewise for a waypoint.
    Waypoint,
    /// A `TrafficExtension` for sidecars.
    TrafficExtension,
    /// The other half in Istio: what the filters call.
    IstioServices,
    /// An `EnvoyExtensionPolicy`.
    Policy,
    /// The other half in Envoy Gateway.
    GatewayClusters,
}

/// What is asked for: one filter by its own module, or several as the suite.
#[derive(Debug)]
pub struct Starter {
    samples: Vec<&'static Sample>,
    /// The digest of the module, and that of its image.
    module_digest: String,
    image_digest: String,
    version: String,
}

impl Starter {
    /// One with these filters; all of them where there is none. Its digests are zeros.
    ///
    /// # Errors
    /// A name that is no filter's.
    pub fn new(filters: &[String], version: &str) -> Result<Self, String> {
        if let Some(unknown) = filters.iter().find(|name| !SAMPLES.iter().any(|it| it.filter == **name)) {
            let names: Vec<_> = SAMPLES.iter().map(|sample| sample.filter).collect();
            return Err(format!("{unknown:?} is no filter; there is {}", names.join(", ")));
        }
        let is_chosen = |sample: &&Sample| filters.is_empty() || filters.iter().any(|it| it == sample.filter);
        Ok(Self {
            samples: SAMPLES.iter().filter(is_chosen).collect(),
            module_digest: "0".repeat(64),
            image_digest: "0".repeat(64),
            version: version.to_owned(),
        })
    }

    /// The same with the digests of the module and of its image.
    #[must_use]
    pub fn pinned(self, module_digest: String, image_digest: String) -> Self {
        Self { module_digest, image_digest, ..self }
    }

    /// The name of the module: that of the filter, or of the suite.
    pub fn module(&self) -> &'static str {
        match self.samples.as_slice() {
            [one] => one.filter,
            _ => SUITE,
        }
    }

    /// The text of a part; `None` where there is nothing to say: nobody is called.
    pub fn text(&self, part: Part) -> Option<String> {
        match part {
            Part::EnvoyWithFile => Some(envoy::bootstrap(self, envoy::Code::File)),
            Part::EnvoyWithRemoteCode => Some(envoy::bootstrap(self, envoy::Code::Remote)),
            Part::EnvoyWithDiscovery => Some(envoy::bootstrap(self, envoy::Code::Discovered)),
            Part::Discovered => Some(envoy::discovered(self)),
            Part::Sidecar => Some(istio::wasm_plugin(self, istio::Place::Sidecar)),
            Part::Gateway => Some(istio::wasm_plugin(self, istio::Place::Gateway)),
            Part::Waypoint => Some(istio::wasm_plugin(self, istio::Place::Waypoint)),
            Part::TrafficExtension => Some(istio::traffic_extension(self)),
            Part::IstioServices => istio::services(self),
            Part::Policy => Some(gateway::policy(self)),
            Part::GatewayClusters => gateway::clusters(self),
        }
    }

    /// A scenario that a plugin passes that has its configuration from this manifest.
    pub fn scenario(&self, platform: Platform, manifest: &str) -> String {
        scenario::of(self, platform, manifest)
    }

    /// The configuration, in YAML.
    pub fn configuration(&self, platform: Platform) -> String {
        match self.samples.as_slice() {
            [one] => one.configured(platform),
            several => several
                .iter()
                .map(|sample| {
                    format!(
                        "{}:\n{}",
                        sample.filter.replace('-', "_"),
                        indented(&sample.configured(platform), 2)
                    )
                })
                .collect(),
        }
    }

    fn services(&self) -> impl Iterator<Item = &'static Service> {
        self.samples.iter().flat_map(|sample| sample.services)
    }

    /// Whether this filter is one of them.
    pub fn has(&self, filter: &str) -> bool {
        self.samples.iter().any(|sample| sample.filter == filter)
    }
}

/// Lines, moved to the right.
fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{}{line}\n", " ".repeat(by)),
    };
    text.lines().map(line).collect()
}
