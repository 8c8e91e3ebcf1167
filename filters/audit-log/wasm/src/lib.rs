//! audit-log as a proxy-wasm module.

portcullis_shell::export!(portcullis_audit_log::AuditLog, callbacks: [
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_response_body",
    "proxy_on_tick",
]);
