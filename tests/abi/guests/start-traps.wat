;; Traps in _initialize, and has a main.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "main")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "_initialize") unreachable)
  (func (export "main") (param i32 i32) (result i32)
    (call $log (i32.const 2) (i32.const 16) (i32.const 4))))
