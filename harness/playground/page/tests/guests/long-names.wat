;; Sets a header with a name of a megabyte, two hundred times.
(module
    (import "env" "proxy_set_header_map_pairs" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 32)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (local $times i32)
        (i32.store (i32.const 8) (i32.const 1))
        (i32.store (i32.const 12) (i32.const 1000000))
        (i32.store (i32.const 16) (i32.const 0))
        (memory.fill (i32.const 20) (i32.const 255) (i32.const 1000000))
        (loop $again
            (drop (call $set (i32.const 0) (i32.const 8) (i32.const 1000014)))
            (local.set $times (i32.add (local.get $times) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $times) (i32.const 200))))
        (i32.const 0)))
