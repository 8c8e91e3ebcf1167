;; Throws an exception that nobody catches.
(module
    (memory (export "memory") 1)
    (tag $tag)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (throw $tag)))
