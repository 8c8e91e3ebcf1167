;; Grows a memory that the proxy makes as far as it can, says so, and asks for more.
(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "table" (table $table 1 funcref))
    (data (i32.const 16) "all")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (memory.grow (i32.const 16384)) (i32.const -1)) (then (unreachable)))
        (if (i32.ne (memory.grow (i32.const 16383)) (i32.const 1)) (then (unreachable)))
        (if (i32.ne (table.grow $table (ref.null func) (i32.const 10000000)) (i32.const -1)) (then (unreachable)))
        (drop (call $log (i32.const 2) (i32.const 16) (i32.const 3)))
        (i32.const 0)))
