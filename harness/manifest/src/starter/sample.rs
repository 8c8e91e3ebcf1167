//! Configurations to begin with.

use super::Platform;

/// A configuration of a filter, and what it needs.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) filter: &'static str,
    /// In YAML; the clusters that it calls are in braces.
    pub(super) configuration: &'static str,
    pub(super) services: &'static [Service],
    /// Where it stands among the filters of Istio, and among those of its phase: the higher, the earlier.
    pub(super) phase: &'static str,
    pub(super) priority: i32,
}

/// What a filter calls.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// TLS and HTTP/1.1.
    Https,
    /// Within the mesh, without TLS of its own.
    Grpc,
}

/// In the order in which a request meets them.
pub(super) const SAMPLES: [Sample; 5] = [
    Sample {
        filter: "trace-injection",
        configuration: include_str!("samples/trace-injection.yaml"),
        services: &[Service {
            name: "collector",
            host: "otel-collector.observability.svc.cluster.local",
            port: 4317,
            protocol: Protocol::Grpc,
        }],
        phase: "AUTHN",
        priority: 100,
    },
    Sample {
        filter: "audit-log",
        configuration: include_str!("samples/audit-log.yaml"),
        services: &[Service { name: "siem", host: "siem.example", port: 443, protocol: Protocol::Https }],
        phase: "AUTHN",
        priority: 90,
    },
    Sample {
        filter: "jwt-auth",
        configuration: include_str!("samples/jwt-auth.yaml"),
        services: &[Service { name: "issuer", host: "issuer.example", port: 443, protocol: Protocol::Https }],
        phase: "AUTHN",
        priority: 50,
    },
    Sample {
        filter: "token-bucket",
        configuration: include_str!("samples/token-bucket.yaml"),
        services: &[],
        phase: "AUTHZ",
        priority: 50,
    },
    Sample {
        filter: "circuit-breaker",
        configuration: include_str!("samples/circuit-breaker.yaml"),
        services: &[],
        phase: "STATS",
        priority: 10,
    },
];

impl Sample {
    /// The configuration, with the names that clusters have there.
    pub(super) fn configured(&self, platform: Platform) -> String {
        self.services.iter().fold(self.configuration.to_owned(), |text, service| {
            text.replace(&format!("{{{}}}", service.name), &service.cluster(platform))
        })
    }
}

impl Service {
    /// The port that the mesh knows it by. What speaks TLS by itself, such as applications, calls 443 and is not to be given more of it: the entry is of 80, as for
    /// TLS origination in Istio's documentation.
    pub(super) fn port_in_istio(&self) -> u16 {
        if self.protocol == Protocol::Https { 80 } else { self.port }
    }

    /// What its cluster is called.
    pub(super) fn cluster(&self, platform: Platform) -> String {
        match platform {
            Platform::Istio => format!("outbound|{}||{}", self.port_in_istio(), self.host),
            Platform::Envoy | Platform::EnvoyGateway => self.name.to_owned(),
        }
    }
}
