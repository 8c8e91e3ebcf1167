;; Has both start functions; each says its name.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "_initialize_start")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "_initialize") (drop (call $log (i32.const 2) (i32.const 16) (i32.const 11))))
  (func (export "_start") (drop (call $log (i32.const 2) (i32.const 27) (i32.const 6))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))
