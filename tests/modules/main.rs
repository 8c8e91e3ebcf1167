//! The modules as `make build` leaves them in `dist`: how large, with what in them, and the same wherever they are built.

mod reproducible;
mod sizes;

use std::fs;

use portcullis_tests::root;

const MODULES: [&str; 6] =
    ["portcullis", "jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log"];

/// A file in `dist`.
fn built(file: &str) -> Vec<u8> {
    let remedy = "run `make test`, or `make build` before `cargo test`";
    fs::read(root().join("dist").join(file)).unwrap_or_else(|error| panic!("dist/{file}: {error}: {remedy}"))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_module_knows_the_machine_that_built_it() {
    let home = std::env::home_dir().unwrap();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), Into::into);
    let places = [root().canonicalize().unwrap(), cargo.join("registry"), home.join(".")];
    for name in MODULES {
        let wasm = built(&format!("{name}.wasm"));
        for place in places.iter().filter_map(|place| place.to_str()) {
            assert!(!contains(&wasm, place), "dist/{name}.wasm has {place} in it");
        }
        assert!(
            contains(&wasm, "crates/"),
            "dist/{name}.wasm names no crate in its panics: is this test blind?"
        );
    }
}

#[test]
fn the_names_of_functions_are_beside_the_module() {
    for name in MODULES {
        let [wasm, named] = ["wasm", "debug.wasm"].map(|extension| built(&format!("{name}.{extension}")));
        let names = named.strip_prefix(wasm.as_slice()).unwrap_or_default();
        assert!(
            contains(names, "portcullis_kit"),
            "dist/{name}.debug.wasm is not the module with names behind it"
        );
        assert!(!contains(&wasm, "portcullis_kit6driver"), "dist/{name}.wasm has names in it");
    }
}
