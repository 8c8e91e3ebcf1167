use super::sample::Protocol;
use super::{Platform, Starter};

/// What the chosen filters do with a few requests.
pub(super) fn of(starter: &Starter, platform: Platform, manifest: &str) -> String {
    let mut text =
        format!("name: {} does what is configured\nfilter: {0}\nconfig_from: {manifest}\n", starter.module());
    let clusters: Vec<_> = starter
        .services()
        .map(|service| {
            let answer = match (service.name, service.protocol) {
                (_, Protocol::Grpc) => r#"{ grpc: { messages: [""] } }"#,
                ("issuer", _) => KEYS,
                _ => "{ status: 200 }",
            };
            format!("  \"{}\": {{ answers: [{answer}] }}\n", service.cluster(platform))
        })
        .collect();
    if !clusters.is_empty() {
        text += &format!("clusters:\n{}", clusters.concat());
    }
    text += "steps:\n";
    text += &health(starter);
    if starter.has("jwt-auth") {
        text += "  - name: without a token nothing else does\n    request: { path: /orders }\n    expect: { status: 401, details: portcullis_jwt_missing, upstream: { called: false } }\n";
    } else {
        text += "  - name: so do others\n    request: { path: /orders }\n    expect: { status: 200 }\n";
    }
    if starter.has("audit-log") {
        text += "  - name: a record of it is delivered, and the first one of the log itself\n    advance: 2s\n    expect: { metrics: { portcullis_audit_log_recorded_total: 1, portcullis_audit_log_sent_total: 2 } }\n";
    }
    text
}

fn health(starter: &Starter) -> String {
    let mut expected = vec!["status: 200".to_owned()];
    if starter.has("token-bucket") {
        expected.push("headers: { ratelimit-policy: { contains: client } }".to_owned());
    }
    if starter.has("trace-injection") {
        expected.push("upstream: { headers: { traceparent: { regex: \"^00-\" } } }".to_owned());
    }
    format!(
        "  - name: the health check passes\n    request: {{ path: /healthz }}\n    expect: {{ {} }}\n",
        expected.join(", ")
    )
}

/// Keys of nobody.
const KEYS: &str = r#"{ status: 200, body: '{"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "a", "x": "_xLTLqIPvTtL5VAKQJm4BuM19Pf59v1qxiIYnC7A5Po", "y": "pI6-12ueKjJIBWE8jsnwsoXnnmVeqi6EDRtYvpU9MpU"}]}' }"#;
