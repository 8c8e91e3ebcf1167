;; Answers every request with 403, the body "no", the header x-by: guest and the details "guest_denied".
(module
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "guest_denied")
  (data (i32.const 32) "no")
  ;; One pair: its count, the sizes of key and value, both with a NUL behind them.
  (data (i32.const 48) "\01\00\00\00\04\00\00\00\05\00\00\00x-by\00guest\00")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $reply (i32.const 403) (i32.const 16) (i32.const 12) (i32.const 32) (i32.const 2)
      (i32.const 48) (i32.const 23) (i32.const 16)))
    (i32.const 1)))
