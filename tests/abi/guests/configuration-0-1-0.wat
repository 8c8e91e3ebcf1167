;; Logs what proxy_get_configuration of ABI 0.1.0 gives, in each callback.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_1_0"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func $tell
    (drop (call $configuration (i32.const 8) (i32.const 12)))
    (drop (call $log (i32.const 2) (i32.load (i32.const 8)) (i32.load (i32.const 12)))))
  (func (export "proxy_on_context_create") (param i32 i32) (call $tell))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $tell) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $tell) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32) (result i32) (call $tell) (i32.const 0)))
