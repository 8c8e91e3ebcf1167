//! `src/ratelimit.rs` is what `ratelimit.proto` says; `BLESS=1 cargo test -p portcullis-proto` writes it anew.

use std::{env, fs};

use prost_build::{Config, Module};

const HEAD: &str = "// Generated from ratelimit.proto by tests/generated.rs.\n\n";

#[test]
fn the_code_is_that_of_the_proto_file() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let files = protox::compile(["ratelimit.proto"], [folder]).unwrap().file;
    let file = files.into_iter().find(|file| file.name() == "ratelimit.proto").unwrap();
    let service = &file.service[0];
    assert_eq!(portcullis_proto::SERVICE, format!("{}.{}", file.package(), service.name()));
    assert_eq!(portcullis_proto::METHOD, service.method[0].name());

    let module = Module::from_protobuf_package_name(file.package());
    let code = Config::new().generate(vec![(module.clone(), file)]).unwrap().remove(&module).unwrap();
    let code = HEAD.to_owned() + &code;
    let path = format!("{folder}/src/ratelimit.rs");
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &code).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), code, "BLESS=1 writes it anew");
}
