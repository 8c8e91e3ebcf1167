//! What the tests of this folder share.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::Message;

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Builds a binary of the workspace as `cargo test` builds it: with a test among the targets it has the same features, so that nothing is compiled twice.
pub fn executable(binary: &str) -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--bin", binary, "--test", "architecture"]);
    build.args(["--quiet", "--message-format=json-render-diagnostics"]);
    let built = build.current_dir(root()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = Message::parse_stream(built.stdout.as_slice());
    let executables = messages.filter_map(|message| match message.unwrap() {
        Message::CompilerArtifact(artifact) if artifact.target.name == binary => artifact.executable,
        _ => None,
    });
    executables.last().expect("there is such a binary").into()
}
