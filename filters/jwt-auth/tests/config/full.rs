use serde_json::{Value, json};

/// A configuration that has every member.
#[expect(clippy::too_many_lines, reason = "every member that there is")]
pub(crate) fn full() -> Value {
    json!({
        "providers": [
            {
                "name": "shop",
                "issuer": "https://issuer.example",
                "audiences": ["orders"],
                "jwks": {"inline": {"keys": [ec_key()]}},
                "algorithms": ["ES256"],
                "types": ["JWT", "at+jwt"],
                "from": [
                    {"header": {"name": "authorization", "scheme": "Bearer"}},
                    {"query": "access_token"},
                    {"cookie": "session"},
                ],
                "forward": true,
                "clock_skew": "30s",
                "require_expiration": false,
                "max_lifetime": "24h",
                "subjects": [{"prefix": "user-"}],
                "claims_to_headers": [
                    {"claim": "sub", "header": "x-jwt-sub"},
                    {"path": ["realm_access", "roles"], "header": "x-jwt-roles"},
                ],
                "payload_header": {"name": "x-jwt-payload", "padded": true},
                "filter_state": {"payload": "p", "header": "h", "failure": "f", "space_delimited_claims": ["scope"]},
                "authorize": {"all": [
                    {"scope": "orders:read"},
                    {"any": [{"not": {"claim": {"name": "banned", "equals": true}}}]},
                    {"claim": {"path": ["a", "b"], "equals_request": {"path_segment": 1}}},
                ]},
                "revocation": {
                    "inline": {"jti": ["a"], "issued_before": [{"sub": "b", "before": 1}]},
                    "remote": fetched(json!({})),
                    "failure_mode": "allow",
                },
                "sender_constraint": {
                    "require": "any",
                    "dpop": {"algorithms": ["ES256"], "replay": {"entries": 1024}, "nonce": {"secret": "A".repeat(43)}},
                    "mtls": {},
                },
                "clear_route_cache": true,
            },
            {
                "name": "fetched",
                "issuers": ["https://a.example", "https://b.example"],
                "audiences": [],
                "jwks": {"remote": fetched(json!({"max_keys": 10}))},
            },
            {
                "name": "discovered",
                "issuer": "https://idp.example",
                "audiences": [],
                "jwks": {"discovery": fetched(json!({"jwks_cluster": "keys"}))},
            },
            {
                "name": "asked",
                "audiences": [],
                "introspection": {
                    "cluster": "idp",
                    "uri": "https://idp.example/introspect",
                    "client": {"id": "proxy", "secret": "s"},
                    "token_type_hint": "access_token",
                    "timeout": "2s",
                    "cache": {"ttl": "60s", "inactive_ttl": "10s", "max_bytes": "1MiB"},
                    "failure_mode": "deny",
                    "max_waiting": 100,
                },
            },
            {
                "name": "partner",
                "issuer": "https://partner.example",
                "audiences": [],
                "jwks": {"inline": {"keys": [{"kty": "oct", "alg": "HS256", "k": "A".repeat(43)}]}},
            },
        ],
        "requirements": {"users": {"any": [{"provider": "shop"}, "allow_missing"]}},
        "by_filter_state": {"name": "wasm.tier", "requires": {"internal": {"named": "users"}}},
        "bypass_cors_preflight": true,
        "cache": {"verified": "1MiB", "rejected": "64KiB", "max_token": "4KiB"},
        "stat_prefix": "edge",
        "rules": [
            {"match": {"path": {"exact": "/health"}}, "require": "none"},
            {"match": {"path": {"regex": "/v[0-9]+/.*"}}, "require": "deny"},
            {
                "match": {
                    "host": "*.example.com",
                    "path": {"prefix": "/shop/"},
                    "methods": ["GET"],
                    "headers": [{"name": "x-env", "value": {"exact": "test"}}],
                },
                "require": {"provider_and_audiences": {"provider": "shop", "audiences": ["orders"]}},
                "authorize": {"scope": ["a", "b"]},
            },
            {"match": {}, "require": {"extract_only": {"provider": "shop", "status_header": "x-checked"}}},
            {"match": {"grpc": {"service": "shop.v1.Orders", "method": "List"}}, "require": {"any": [{"provider": "shop"}, {"provider": "partner"}]}},
        ],
        "otherwise": {"provider": "shop"},
        "mode": "shadow",
        "reply": {
            "format": "text",
            "realm": "shop",
            "resource_metadata": "https://api.example/.well-known/oauth-protected-resource",
            "bare": false,
            "headers": {"x-denied-by": "edge"},
            "overrides": {"portcullis_jwt_missing": {"status": 403, "body": "no", "content_type": "text/plain"}},
        },
    })
}

/// A document that is fetched, with every member.
fn fetched(more: Value) -> Value {
    let mut document = json!({
        "cluster": "idp",
        "uri": "https://idp.example/document",
        "timeout": "5s",
        "refresh": "10m",
        "min_refresh": "1m",
        "max_refresh": "24h",
        "refetch_interval": "30s",
        "retry": {"base": "1s", "max": "1m"},
        "stale_for": "1h",
        "max_bytes": "128KiB",
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

pub(crate) fn ec_key() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "kid": "k1",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}
