;; Logs its VM configuration and its environment, NUL-separated, when the VM starts.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environment (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 0: an address or a count, 4: a size
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (drop (call $buffer (i32.const 6) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
    (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $environment (i32.const 2048) (i32.const 4096)))
    (drop (call $log (i32.const 2) (i32.const 4096) (i32.load (i32.const 4))))
    (i32.const 1)))
