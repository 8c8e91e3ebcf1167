//! `portcullis audit` as its users meet it: files of four writers, and what it makes of them.

mod export;
mod hostile;
mod keys;
mod nothing;
mod show;
mod verify;
mod writers;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// How a run has ended, and what it has said.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// A folder with the file of four writers.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write("audit.jsonl", writers::lines(400).join("\n") + "\n");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The records of the file, each once.
    fn records(&self) -> Vec<serde_json::Value> {
        let text = self.read("audit.jsonl");
        let mut seen = std::collections::BTreeSet::new();
        text.lines()
            .filter(|line| seen.insert(*line))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Runs it in the folder.
    fn audit(&self, arguments: &[&str]) -> Ran {
        self.fed(arguments, b"")
    }

    /// Runs it with this as its standard input.
    fn fed(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.arg("audit").args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended without reading it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }
}
