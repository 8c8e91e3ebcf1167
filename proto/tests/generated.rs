//! `src/NAME.rs` is what `NAME.proto` says; `BLESS=1 cargo test -p portcullis-proto` writes it anew.

use std::{env, fs};

use portcullis_proto::{audit, logs, ratelimit, trace};
use prost_build::{Config, Module};
use protox::prost_reflect::prost_types::FileDescriptorProto;

#[test]
fn the_code_of_ratelimit_is_that_of_its_proto_file() {
    check_service("ratelimit", ratelimit::SERVICE, ratelimit::METHOD);
}

#[test]
fn the_code_of_trace_is_that_of_its_proto_file() {
    check_service("trace", trace::SERVICE, trace::METHOD);
}

#[test]
fn the_code_of_logs_is_that_of_its_proto_file() {
    check_service("logs", logs::SERVICE, logs::METHOD);
}

#[test]
fn the_code_of_common_is_that_of_its_proto_file() {
    check("common");
}

#[test]
fn the_code_of_audit_is_that_of_its_proto_file() {
    assert_eq!(audit::FILE, check("audit").package());
}

fn check_service(name: &str, service: &str, method: &str) {
    let file = check(name);
    let [theirs] = &*file.service else { panic!("{name} has one service") };
    let [only] = &*theirs.method else { panic!("{name} has one method") };
    assert_eq!(service, format!("{}.{}", file.package(), theirs.name()));
    assert_eq!(method, only.name());
}

/// Compares the code, and gives back what it is made of.
fn check(name: &str) -> FileDescriptorProto {
    let (folder, source) = (env!("CARGO_MANIFEST_DIR"), format!("{name}.proto"));
    let files = protox::compile([&source], [folder]).unwrap().file;
    let file = files.iter().find(|file| file.name() == source).unwrap().clone();

    let module = Module::from_protobuf_package_name(file.package());
    let mut config = Config::new();
    if name != "common" {
        config.extern_path(".opentelemetry.proto.common.v1", "crate::common");
    }
    let files = files.into_iter().map(|file| (Module::from_protobuf_package_name(file.package()), file));
    let code = config.generate(files.collect()).unwrap().remove(&module).unwrap();
    let code = format!("// Generated from {source} by tests/generated.rs.\n\n{code}");
    let path = format!("{folder}/src/{name}.rs");
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &code).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), code, "BLESS=1 writes it anew");
    file
}
