//! What Envoy makes of a plugin.

use serde_json::Value;

use super::Ours;
use crate::cursor::Cursor;
use crate::envoy::message;
use crate::{Document, Finding, SUITE};

const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const DISCOVERED: &str = "envoy.config.core.v3.TypedExtensionConfig";
const WITH_A_MATCHER: &str = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";

pub(super) fn of(ours: &Ours<'_>, document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut place = ours.plugin.place.parent();
    while let Some(path) = place {
        let value = path.of(&document.value).map(|value| Cursor::at(value, path.clone()));
        match value.as_ref().and_then(message) {
            Some((CONNECTION_MANAGER, manager)) => {
                findings.extend(native_tracing(ours, &manager));
                findings.extend(client_address(ours, &manager));
            }
            Some((DISCOVERED, _)) => findings.extend(never_fetched(ours, document)),
            Some((WITH_A_MATCHER, matcher)) => findings.extend(matched(ours, &matcher)),
            _ => findings.extend(value.as_ref().and_then(disabled)),
        }
        place = path.parent();
    }
    findings
}

/// `HttpFilter` has the plugin in its `typed_config`.
fn disabled(filter: &Cursor<'_>) -> Option<Finding> {
    let disabled = filter.get("disabled").filter(|it| it.value == &Value::Bool(true))?;
    filter.get("typed_config")?;
    let problem = "it applies to no request but those of routes that have typed_per_filter_config for it";
    Some(Finding::warning("never-applies", &disabled.place, problem))
}

/// Without it Envoy takes the address of a client from `x-forwarded-for`, as the client has written it.
fn client_address(ours: &Ours<'_>, manager: &Cursor<'_>) -> Option<Finding> {
    let has = |name: &str, value: &Value| manager.get(name).is_some_and(|member| member.value == value);
    let is_known = has("use_remote_address", &Value::Bool(true))
        || manager.get("original_ip_detection_extensions").is_some();
    let configuration = Cursor::at(ours.configuration, ours.plugin.configured_at.clone());
    let mut limits_by_it = false;
    let limits = if ours.filter == SUITE { configuration.get("token_bucket") } else { Some(configuration) };
    limits?.each(&mut |value| {
        limits_by_it |= value.get("client_address").is_some() || value.value == "client_address";
    });
    (limits_by_it && !is_known && ours.has("token-bucket")).then(|| {
        let problem = "limits go by the address of the client, which anybody can write into x-forwarded-for: write use_remote_address: true, and xff_num_trusted_hops behind another proxy";
        Finding::warning("client-address", &manager.place, problem)
    })
}

/// Envoy's tracer writes `traceparent` behind all filters.
fn native_tracing(ours: &Ours<'_>, manager: &Cursor<'_>) -> Option<Finding> {
    let tracing = manager.get("tracing").filter(|tracing| tracing.get("provider").is_some())?;
    ours.has("trace-injection").then(|| {
        let problem = "Envoy's own tracer has spans of the same requests, and its traceparent takes the place of that of trace-injection; leave out one of them";
        Finding::warning("native-tracing", &tracing.place, problem)
    })
}

/// A filter that a matcher picks does not exist before it has been picked (envoyproxy/envoy#23488).
fn matched(ours: &Ours<'_>, matcher: &Cursor<'_>) -> Option<Finding> {
    ours.has("audit-log").then(|| {
        let problem = "what a filter in front of it answers is not recorded: Envoy picks a plugin behind a matcher when the request comes to it; put the conditions into its configuration";
        Finding::warning("matcher", &matcher.place, problem)
    })
}

/// An update by ECDS does not wait for a module, and a plugin without one is not there; `docs/failures.md` has how that was tried.
fn never_fetched(ours: &Ours<'_>, document: &Document) -> Option<Finding> {
    let code = ours.plugin.code.as_ref().filter(|code| code.cluster.is_some())?;
    let plugin = Cursor::at(ours.plugin.place.of(&document.value)?, ours.plugin.place.clone());
    let nack = plugin.find(&["vm_config", "nack_on_code_cache_miss"]);
    nack.is_none_or(|nack| nack.value != &Value::Bool(true)).then(|| {
        let problem = "an update by ECDS takes this over without its module and never fetches it: every request passes as if the plugin were not there, whatever failure_policy says; \
                       take the module from a file, or write nack_on_code_cache_miss: true";
        Finding::error("never-fetched", &code.place, problem)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{documents, plugins};

    fn codes(text: &str, filter: &str) -> Vec<(&'static str, String)> {
        let documents = documents(text).unwrap();
        let configuration = json!({});
        let plugins = plugins(&documents[0]);
        let ours: Vec<_> =
            plugins.iter().map(|plugin| Ours { plugin, filter, configuration: &configuration }).collect();
        let findings = ours.iter().flat_map(|one| of(one, &documents[0]));
        findings.map(|finding| (finding.code, finding.place.to_string())).collect()
    }

    const WASM: &str =
        r#"{"@type": "x/envoy.extensions.filters.http.wasm.v3.Wasm", "config": {"name": "n"}}"#;

    #[test]
    fn a_tracer_beside_another_is_one_too_many() {
        let manager = |tracing: &str| {
            format!(
                r#"{{"listeners": [{{"@type": "x/{CONNECTION_MANAGER}", {tracing} "http_filters": [{{"typed_config": {WASM}}}]}}]}}"#
            )
        };
        let with = manager(r#""tracing": {"provider": {"name": "otel"}},"#);
        assert_eq!(codes(&with, "trace-injection"), [("native-tracing", "listeners[0].tracing".to_owned())]);
        assert_eq!(codes(&with, "jwt-auth"), []);
        assert_eq!(codes(&manager(r#""tracing": {},"#), "trace-injection"), []);
    }

    #[test]
    fn an_update_does_not_wait_for_a_module() {
        let resource = |nack: &str, code: &str| {
            format!(
                r#"{{"resources": [{{"@type": "x/{DISCOVERED}", "typed_config": {{"@type": "x/envoy.extensions.filters.http.wasm.v3.Wasm",
                    "config": {{"vm_config": {{{nack} "code": {code}}}}}}}}}]}}"#
            )
        };
        let remote = r#"{"remote": {"http_uri": {"uri": "https://h.example/a.wasm", "cluster": "modules"}}}"#;
        let found = codes(&resource("", remote), "jwt-auth");
        assert_eq!(
            found,
            [("never-fetched", "resources[0].typed_config.config.vm_config.code.remote".to_owned())]
        );
        assert_eq!(codes(&resource(r#""nack_on_code_cache_miss": true,"#, remote), "jwt-auth"), []);
        assert_eq!(codes(&resource("", r#"{"local": {"filename": "a.wasm"}}"#), "jwt-auth"), []);
    }

    #[test]
    fn an_address_that_anybody_can_write_is_no_key() {
        let found = |member: &str, key: &str| {
            let text = format!(
                r#"{{"listeners": [{{"@type": "x/{CONNECTION_MANAGER}", {member} "http_filters": [{{"typed_config": {WASM}}}]}}]}}"#
            );
            let document = documents(&text).unwrap().remove(0);
            let (plugin, configuration) =
                (plugins(&document).remove(0), json!({"limits": [{"key": [{key: {}}]}]}));
            let ours = Ours { plugin: &plugin, filter: "token-bucket", configuration: &configuration };
            of(&ours, &document).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(found("", "client_address"), ["client-address"]);
        assert_eq!(found(r#""use_remote_address": true,"#, "client_address"), [""; 0]);
        assert_eq!(found("", "header"), [""; 0]);
    }

    #[test]
    fn behind_a_matcher_denials_in_front_are_not_recorded() {
        let text = format!(
            r#"{{"a": {{"@type": "x/{WITH_A_MATCHER}", "extension_config": {{"typed_config": {WASM}}}}}}}"#
        );
        assert_eq!(codes(&text, "audit-log"), [("matcher", "a".to_owned())]);
        assert_eq!(codes(&text, "jwt-auth"), []);
    }
}
