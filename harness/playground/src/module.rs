//! What a module is made of, and whether Envoy would take it.

/// What the module is made of, as JSON: a `Description`.
///
/// # Errors
/// Why Envoy would not take it, in one line.
pub(crate) fn read(bytes: &[u8]) -> Result<String, String> {
    let description = portcullis_inspect::inspect(bytes).map_err(|error| error.to_string())?;
    serde_json::to_string(&description).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_module_is_read_in_the_form_of_the_page() {
        let bytes = wat::parse_str(
            r#"(module
                (import "env" "proxy_done" (func (result i32)))
                (memory (export "memory") 2)
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "malloc") (param i32) (result i32) (i32.const 1024))
                (func (export "proxy_on_tick") (param i32))
                (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))
                (func (export "mine"))
                (@custom "producers" "by hand"))"#,
        );
        let bytes = bytes.unwrap();
        let mut found: Value = serde_json::from_str(&read(&bytes).unwrap()).unwrap();
        let lints = found["lints"].take();
        let expected = json!({
            "abi": "0.2.1",
            "size": bytes.len(),
            "memory": 131_072,
            "memoryMaximum": null,
            "imports": [{"module": "env", "name": "proxy_done"}],
            "calledAlways": [],
            "calledForContent": ["proxy_on_response_body"],
            "calledForTcp": [],
            "calledOnOccasion": ["proxy_on_tick"],
            "neverCalled": [],
            "lifecycle": ["memory", "proxy_abi_version_0_2_1", "malloc"],
            "otherExports": ["mine"],
            "otherExportsInAll": 1,
            "customSections": [{"name": "producers", "size": 17}],
            "customSectionsInAll": 1,
            "lints": null,
        });
        assert_eq!(found, expected);
        assert_eq!(lints[0]["name"], "body-without-trailers");
        let text = lints[0]["text"].as_str().unwrap();
        assert!(text.contains("proxy_on_response_trailers") && lints[1].is_null(), "{lints}");
    }

    #[test]
    fn what_is_no_module_is_told_in_a_line() {
        assert_eq!(read(b"hello").unwrap_err(), "not a WebAssembly module: begins with \"hello\"");
        assert!(read(b"\0asm\x01\0\0\0").unwrap_err().starts_with("not a proxy-wasm module: no export"));
    }
}
