;; Changes buffers to bytes that are outside of its memory.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "buffer 0: 0")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $buffer i32)
    (loop $next
      (i32.store8 (i32.const 23) (i32.add (i32.const 48) (local.get $buffer)))
      (i32.store8 (i32.const 26) (i32.add (i32.const 48)
        (call $set (local.get $buffer) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 5))))
      (drop (call $log (i32.const 2) (i32.const 16) (i32.const 11)))
      (local.set $buffer (i32.add (i32.const 1) (local.get $buffer)))
      (br_if $next (i32.lt_u (local.get $buffer) (i32.const 10))))
    (i32.const 0)))
