//! token-bucket as a proxy-wasm module.

portcullis_shell::export!(portcullis_token_bucket::TokenBucket, callbacks: [
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_tick",
]);
