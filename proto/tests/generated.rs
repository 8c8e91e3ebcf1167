//! `src/NAME.rs` is what `NAME.proto` says; `BLESS=1 cargo test -p portcullis-proto` writes it anew.

use std::{env, fs};

use portcullis_proto::{ratelimit, trace};
use prost_build::{Config, Module};

#[test]
fn the_code_of_ratelimit_is_that_of_its_proto_file() {
    check("ratelimit", ratelimit::SERVICE, ratelimit::METHOD);
}

#[test]
fn the_code_of_trace_is_that_of_its_proto_file() {
    check("trace", trace::SERVICE, trace::METHOD);
}

fn check(name: &str, service: &str, method: &str) {
    let folder = env!("CARGO_MANIFEST_DIR");
    let source = format!("{name}.proto");
    let files = protox::compile([&source], [folder]).unwrap().file;
    let file = files.into_iter().find(|file| file.name() == source).unwrap();
    let [theirs] = &*file.service else { panic!("{source} has one service") };
    let [only] = &*theirs.method else { panic!("{source} has one method") };
    assert_eq!(service, format!("{}.{}", file.package(), theirs.name()));
    assert_eq!(method, only.name());

    let module = Module::from_protobuf_package_name(file.package());
    let code = Config::new().generate(vec![(module.clone(), file)]).unwrap().remove(&module).unwrap();
    let code = format!("// Generated from {source} by tests/generated.rs.\n\n{code}");
    let path = format!("{folder}/src/{name}.rs");
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &code).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), code, "BLESS=1 writes it anew");
}
