;; Imports what every object of JavaScript has a member for, and says so.
(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "__proto__" "engine" (memory 1))
    (import "__proto__" "get" (table 1 funcref))
    (import "constructor" "keys" (table 1 funcref))
    (data (i32.const 16) "on")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $log (i32.const 2) (i32.const 16) (i32.const 2)))
        (i32.const 0)))
