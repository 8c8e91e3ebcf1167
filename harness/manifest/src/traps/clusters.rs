//! The clusters that filters call, which somebody has to define.

use serde_json::Value;

use super::security::Security;
use super::surroundings::REFERENCED;
use super::{Ours, Surroundings, targets};
use crate::cursor::Cursor;
use crate::{Document, Finding, Kind, Path, Plugin};

pub(super) fn of(ours: &Ours<'_>, document: &Document, surroundings: &Surroundings) -> Vec<Finding> {
    let plugin = ours.plugin;
    let configuration = Cursor::at(ours.configuration, plugin.configured_at.clone());
    let is_patch = document.value.get("kind").and_then(Value::as_str) == Some("EnvoyFilter");
    let is_for_waypoints = targets(document).iter().any(|kind| ["Service", "ServiceEntry"].contains(kind));
    let fetched = plugin.code.iter().filter_map(|code| code.cluster.as_ref());
    let fetched = fetched.map(|(cluster, place)| (cluster.as_str(), place.clone()));
    let find = |(name, place): (&str, Path)| match plugin.kind {
        _ if surroundings.patched.contains_key(name) => None,
        Kind::Envoy if is_patch => in_istio(name, &place, surroundings, false),
        Kind::Envoy => {
            let is_missing = surroundings.clusters.as_ref().is_some_and(|known| !known.contains_key(name));
            is_missing.then(|| missing(plugin, &place, name, "static_resources.clusters"))
        }
        Kind::WasmPlugin | Kind::TrafficExtension => in_istio(name, &place, surroundings, is_for_waypoints),
        // Those of routes have names such as httproute/shop/orders/rule/0.
        Kind::EnvoyExtensionPolicy if name.contains('/') => None,
        Kind::EnvoyExtensionPolicy => {
            Some(missing(plugin, &place, name, "an EnvoyPatchPolicy, checked together with this file"))
        }
    };
    let called = calls(&configuration);
    let in_the_clear: Vec<_> = called.iter().filter_map(|call| in_the_clear(call, surroundings)).collect();
    called
        .into_iter()
        .map(|call| (call.cluster, call.place))
        .chain(fetched)
        .filter_map(find)
        .chain(in_the_clear)
        .collect()
}

/// A cluster that a configuration calls.
struct Call<'a> {
    cluster: &'a str,
    place: Path,
    /// Whether keys, a list or an answer about a token is fetched there.
    is_document: bool,
}

/// The clusters that a configuration calls. Those that it only compares with are in conditions.
fn calls<'a>(value: &Cursor<'a>) -> Vec<Call<'a>> {
    const CONDITIONS: [&str; 3] = ["match", "when", "exempt"];
    const NAMES: [&str; 2] = ["cluster", "jwks_cluster"];
    let mut found = Vec::new();
    // That of `discovery` follows from the issuer.
    let is_document = value.get("uri").is_some() || value.place.ends_with("discovery");
    for (name, member) in value.members().filter(|(name, _)| !CONDITIONS.contains(name)) {
        match member.value.as_str() {
            Some(cluster) if NAMES.contains(&name) => {
                found.push(Call { cluster, place: member.place, is_document });
            }
            _ => found.extend(calls(&member)),
        }
    }
    found.extend(value.items().flat_map(|item| calls(&item)));
    found
}

/// Whether TLS is spoken, and with whom, is up to the cluster: the URI only says what is asked for.
fn in_the_clear(call: &Call<'_>, surroundings: &Surroundings) -> Option<Finding> {
    let host = call.cluster.rsplit('|').next().unwrap_or_default();
    let is_of_istio = host != call.cluster;
    let (what, remedy) = match surroundings.security(call.cluster).filter(|_| call.is_document)? {
        Security::Checked => return None,
        Security::Plain if is_of_istio => (
            "goes over plain HTTP",
            format!(
                "write a DestinationRule for {host} with tls: {{mode: SIMPLE}}, or check it together with this file"
            ),
        ),
        Security::Plain => ("goes over plain HTTP", "write a transport_socket with TLS".to_owned()),
        Security::Unchecked if is_of_istio => (
            "comes from whoever answers, as nobody looks at the certificate",
            "leave out insecureSkipVerify".to_owned(),
        ),
        Security::Unchecked => (
            "comes from whoever answers, as nobody looks at the certificate",
            "write a validation_context with trusted_ca and the name of the server".to_owned(),
        ),
    };
    let problem = format!(
        "what is fetched there {what}, whatever its URI says: who is on the way can give keys of his own; {remedy}"
    );
    Some(Finding::warning("not-encrypted", &call.place, problem))
}

fn missing(plugin: &Plugin, place: &Path, name: &str, remedy: &str) -> Finding {
    let problem =
        format!("there is no cluster {name:?}, so {} cannot call it; define it in {remedy}", plugin.name);
    Finding::error("no-cluster", place, problem)
}

/// Istio names clusters by itself: `outbound|443||idp.example.com`, of a service in the mesh or of a ServiceEntry.
fn in_istio(
    name: &str,
    place: &Path,
    surroundings: &Surroundings,
    is_for_waypoints: bool,
) -> Option<Finding> {
    let parts: Vec<_> = name.split('|').collect();
    let port = |port: &str| port.parse::<u16>().ok().map(u64::from);
    let (port, host) = match parts.as_slice() {
        ["outbound", number, _subset, host] if !host.is_empty() && port(number).is_some() => {
            (port(number)?, *host)
        }
        _ => {
            let problem = format!(
                "there is no cluster {name:?}: Istio calls them outbound|443||idp.example.com, by port, subset and host"
            );
            return Some(Finding::error("no-cluster", place, problem));
        }
    };
    let has_host = surroundings.services.iter().any(|(known, _)| known == host);
    if has_host && !surroundings.services.contains(&(host.to_owned(), port)) {
        let problem =
            format!("the ServiceEntry for {host} has no port {port}; without it the cluster does not exist");
        return Some(Finding::error("no-cluster", place, problem));
    }
    if is_for_waypoints && !surroundings.referenced.contains(host) {
        let problem = format!(
            "a waypoint has no clusters but of what it routes to; name {host} in the annotation {REFERENCED} of an EnvoyFilter for it"
        );
        return Some(Finding::warning("no-cluster", place, problem));
    }
    (!has_host && !is_of_the_cluster(host)).then(|| {
        let problem = format!(
            "there is no ServiceEntry for {host} in what is checked here, and it is no whole name of a service of Kubernetes; without one the cluster does not exist"
        );
        Finding::warning("no-cluster", place, problem)
    })
}

/// `orders.shop.svc.cluster.local`, or with another domain.
fn is_of_the_cluster(host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    labels.len() > 3 && labels.get(2) == Some(&"svc")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::documents;

    #[test]
    fn what_is_called_is_found_and_what_is_compared_with_is_not() {
        let configuration = json!({
            "jwt_auth": {
                "providers": [{"jwks": {"remote": {"cluster": "idp"}}}],
                "rules": [{"match": {"cluster": "upstream"}}]
            },
            "circuit_breaker": {"breakers": [{"exempt": [{"cluster": "legacy"}]}]},
            "token_bucket": {"limits": [{"when": {"cluster": "upstream"}, "key": [{"cluster": true}]}], "service": {"cluster": "rls"}}
        });
        let found = calls(&Cursor::at(&configuration, Path::default()));
        let found: Vec<_> = found.into_iter().map(|call| (call.cluster, call.place.to_string())).collect();
        let expected = [
            ("idp", "jwt_auth.providers[0].jwks.remote.cluster".to_owned()),
            ("rls", "token_bucket.service.cluster".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn istio_has_names_of_its_own() {
        let entry = "kind: ServiceEntry\nspec: {hosts: [idp.example.com], ports: [{number: 443}]}\n";
        let surroundings = Surroundings::of(&documents(entry).unwrap());
        let level = |name: &str, is_for_waypoints| {
            let finding = in_istio(name, &Path::default(), &surroundings, is_for_waypoints);
            finding.map(|finding| finding.level.to_string())
        };
        for (name, expected) in [
            ("outbound|443||idp.example.com", None),
            ("outbound|8443||idp.example.com", Some("error")),
            ("outbound|80|v1|otel.observability.svc.cluster.local", None),
            ("outbound|80||otel.observability.svc", Some("warning")),
            ("outbound|443||other.example.com", Some("warning")),
            ("idp", Some("error")),
            ("outbound|https||idp.example.com", Some("error")),
            ("inbound|443||idp.example.com", Some("error")),
        ] {
            assert_eq!(level(name, false).as_deref(), expected, "{name}");
        }
        assert_eq!(level("outbound|443||idp.example.com", true).as_deref(), Some("warning"));
    }

    #[test]
    fn who_fetches_speaks_tls_with_whom_he_means() {
        let call = |cluster, is_document| Call { cluster, place: Path::default(), is_document };
        let told = |text: &str, cluster, is_document| {
            let found =
                in_the_clear(&call(cluster, is_document), &Surroundings::of(&documents(text).unwrap()));
            found.map(|finding| if finding.problem.contains("certificate") { "unchecked" } else { "plain" })
        };
        let bootstrap = |socket: &str| format!("static_resources: {{clusters: [{{name: idp, {socket}}}]}}\n");
        let tls = |context: &str| {
            format!(
                "transport_socket: {{typed_config: {{\"@type\": x/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, {context}}}}}"
            )
        };
        assert_eq!(told(&bootstrap(""), "idp", true), Some("plain"));
        assert_eq!(told(&bootstrap(""), "idp", false), None, "it is no document");
        assert_eq!(told(&bootstrap("transport_socket: {name: raw}"), "idp", true), Some("plain"));
        assert_eq!(told(&bootstrap(&tls("sni: a")), "idp", true), Some("unchecked"));
        let checked = "common_tls_context: {validation_context: {trusted_ca: {filename: a}}}";
        assert_eq!(told(&bootstrap(&tls(checked)), "idp", true), None);
        assert_eq!(told(&bootstrap(""), "other", true), None, "it is missing, which is told");
        let patch = "kind: EnvoyPatchPolicy\nspec: {jsonPatches: [{operation: {value: {name: idp, connect_timeout: 1s}}}]}\n";
        assert_eq!(told(patch, "idp", true), Some("plain"));
        let entry = "kind: ServiceEntry\nspec: {hosts: [idp.example.com], ports: [{number: 80}]}\n";
        let rule = |tls: &str| {
            format!(
                "{entry}---\nkind: DestinationRule\nspec: {{host: idp.example.com, trafficPolicy: {tls}}}\n"
            )
        };
        let cluster = "outbound|80||idp.example.com";
        assert_eq!(told(entry, cluster, true), Some("plain"));
        assert_eq!(told(&rule("{tls: {mode: DISABLE}}"), cluster, true), Some("plain"));
        assert_eq!(told(&rule("{tls: {mode: SIMPLE}}"), cluster, true), None);
        assert_eq!(
            told(&rule("{tls: {mode: SIMPLE, insecureSkipVerify: true}}"), cluster, true),
            Some("unchecked")
        );
        assert_eq!(
            told(&rule("{portLevelSettings: [{port: {number: 80}, tls: {mode: MUTUAL}}]}"), cluster, true),
            None
        );
        let of_another = "{portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]}";
        assert_eq!(told(&rule(of_another), cluster, true), Some("plain"));
        let but_here =
            "{tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}";
        assert_eq!(told(&rule(but_here), cluster, true), Some("plain"));
        let of_all = rule("{tls: {mode: SIMPLE}}")
            .replace("host: idp.", "host: \"*.")
            .replace("example.com, traffic", "example.com\", traffic");
        assert_eq!(told(&of_all, cluster, true), None);
        assert_eq!(told("kind: Other\n", cluster, true), None, "nobody knows");
    }
}
