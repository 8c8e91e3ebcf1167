;; Goes on after a trap in its allocator, and asks once more.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) ":path")
  (data (i32.const 32) "status 0")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) unreachable)
  (func $ask
    (i32.store8 (i32.const 39) (i32.add (i32.const 48)
      (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 8) (i32.const 12))))
    (drop (call $log (i32.const 2) (i32.const 32) (i32.const 8))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $ask)
    (call $ask)
    (i32.const 0))
  (func (export "proxy_on_log") (param i32)
    (call $ask)))
