;; Likewise, in its allocator.
(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func $malloc (export "malloc") (param i32) (result i32)
        (drop (call $log (i32.const 0) (i32.const 16) (i32.const 1)))
        (i32.add (call $malloc (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $pairs (i32.const 0) (i32.const 512) (i32.const 516))))
