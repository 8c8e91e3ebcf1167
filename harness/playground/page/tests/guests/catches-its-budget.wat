;; Catches what a hostcall throws that is beyond the budget, again and again.
(module
    (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (local $times i32)
        (loop $again
            (block $caught (try_table (catch_all $caught) (drop (call $now (i32.const 512)))))
            (local.set $times (i32.add (local.get $times) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $times) (i32.const 1000100))))
        (i32.const 0)))
