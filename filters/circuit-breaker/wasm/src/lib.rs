//! circuit-breaker as a proxy-wasm module.

portcullis_shell::export!(portcullis_circuit_breaker::CircuitBreaker, callbacks: [
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
]);
