;; As several-tables, of which the proxy makes one.
(module
    (import "env" "table" (table 10000000 funcref))
    (table 10000000 funcref)
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096)))
