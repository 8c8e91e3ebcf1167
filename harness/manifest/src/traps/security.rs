//! Whether somebody on the way to a server can read along, or be that server.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cursor::Cursor;
use crate::envoy::message;

/// How a DestinationRule has hosts spoken to.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// `*.example.com` for all below.
    host: String,
    all: Option<Security>,
    /// In the place of that.
    ports: BTreeMap<u64, Security>,
}

impl Rule {
    /// That of a resource.
    pub(super) fn of(rule: &Cursor<'_>) -> Self {
        let policy = rule.find(&["spec", "trafficPolicy"]);
        let tls = |of: &Cursor<'_>| of.get("tls").map(|tls| Security::of_rule(&tls));
        let ports = policy.as_ref().and_then(|policy| policy.get("portLevelSettings"));
        let of_port =
            |setting: Cursor<'_>| Some((setting.find(&["port", "number"])?.value.as_u64()?, tls(&setting)?));
        let ports = ports.iter().flat_map(Cursor::items).filter_map(of_port).collect();
        let host = rule.get("spec").map(|spec| spec.text("host").to_owned()).unwrap_or_default();
        Self { host, all: policy.as_ref().and_then(tls), ports }
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        self.host == host || self.host.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
    }

    pub(super) fn security(&self, port: u64) -> Security {
        self.ports.get(&port).copied().or(self.all).unwrap_or(Security::Plain)
    }
}

/// What somebody on the way can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Read and write everything.
    Plain,
    /// The same, by pretending to be the server: nobody looks at its certificate.
    Unchecked,
    /// Nothing that can be told from here.
    Checked,
}

impl Security {
    /// That of a cluster of Envoy, by its `transport_socket`.
    pub(super) fn of_cluster(cluster: &Cursor<'_>) -> Self {
        const OF_TLS: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        const OF_NOTHING: &str = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
        if cluster.get("transport_socket_matches").is_some() {
            return Self::Checked;
        }
        let Some(socket) = cluster.get("transport_socket") else { return Self::Plain };
        let config = socket.get("typed_config");
        match config.as_ref().and_then(message) {
            None | Some((OF_NOTHING, _)) => Self::Plain,
            Some((OF_TLS, tls)) => {
                let common = tls.get("common_tls_context");
                let contexts = [
                    "validation_context",
                    "validation_context_sds_secret_config",
                    "combined_validation_context",
                ];
                let is_checked =
                    common.is_some_and(|common| contexts.iter().any(|name| common.get(name).is_some()));
                if is_checked { Self::Checked } else { Self::Unchecked }
            }
            Some(_) => Self::Checked,
        }
    }

    /// That of the `tls` of a DestinationRule.
    fn of_rule(tls: &Cursor<'_>) -> Self {
        let is_tls = ["SIMPLE", "MUTUAL", "ISTIO_MUTUAL"].contains(&tls.text("mode"));
        let skips = tls.get("insecureSkipVerify").is_some_and(|skips| skips.value == &Value::Bool(true));
        match (is_tls, skips) {
            (false, _) => Self::Plain,
            (true, true) => Self::Unchecked,
            (true, false) => Self::Checked,
        }
    }
}
