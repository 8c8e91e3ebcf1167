;; Exports two memories, and logs what is in the one that hostcalls see.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory $first (export "memory") 1)
  (memory $second (export "other") 1)
  (data (memory $first) (i32.const 16) "first")
  (data (memory $second) (i32.const 16) "other")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $log (i32.const 2) (i32.const 16) (i32.const 5))))
