;; Grows as far as it can, says so in the last bytes of its memory, and asks for more.
(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (data (i32.const 16) "all")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (memory.grow (i32.const 16384)) (i32.const -1)) (then (unreachable)))
        (if (i32.ne (memory.grow (i32.const 16383)) (i32.const 1)) (then (unreachable)))
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
        (if (i32.ne (table.grow $table (ref.null func) (i32.const 10000000)) (i32.const -1)) (then (unreachable)))
        (memory.copy (i32.const 0x3ffffffd) (i32.const 16) (i32.const 3))
        (drop (call $log (i32.const 2) (i32.const 0x3ffffffd) (i32.const 3)))
        ;; A byte more than there is.
        (if (i32.ne (call $log (i32.const 2) (i32.const 0x3ffffffd) (i32.const 4)) (i32.const 6)) (then (unreachable)))
        (i32.const 0)))
