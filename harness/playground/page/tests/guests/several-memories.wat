;; 1 GiB for each memory, which Envoy gives.
(module
    (memory (export "memory") 1)
    (memory 16384)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096)))
