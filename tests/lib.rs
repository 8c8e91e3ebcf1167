//! What the tests of this folder share.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::Message;

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Builds the binary of a package; that another package has one does not make `cargo test` build it for us.
pub fn executable(package: &str) -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--package", package, "--quiet", "--message-format=json-render-diagnostics"]);
    let built = build.current_dir(root()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = Message::parse_stream(built.stdout.as_slice());
    let executables = messages.filter_map(|message| match message.unwrap() {
        Message::CompilerArtifact(artifact) => artifact.executable,
        _ => None,
    });
    executables.last().expect("the package has a binary").into()
}
