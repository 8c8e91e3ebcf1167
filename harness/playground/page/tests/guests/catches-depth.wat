;; Calls itself until the stack ends, and the proxy each time, and catches what is thrown then.
(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "x")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func $down (param i32) (result i32)
        (drop (call $log (i32.const 0) (i32.const 16) (i32.const 1)))
        (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (block $caught (try_table (catch_all $caught) (drop (call $down (i32.const 0)))))
        (i32.const 0)))
