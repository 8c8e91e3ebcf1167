//! jwt-auth as a proxy-wasm module.

portcullis_shell::export!(portcullis_jwt_auth::JwtAuth, callbacks: [
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_tick",
]);
