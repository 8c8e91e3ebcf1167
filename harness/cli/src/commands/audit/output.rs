//! Where an export goes.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that is there when it is complete, and not before; or what is no file.
pub(super) enum Output {
    /// Beside the one that it will replace.
    File(NamedTempFile, PathBuf),
    /// A pipe or a device.
    Open(File),
    /// The standard output.
    Standard(io::Stdout),
}

impl Output {
    /// Opens a file; `-` is the standard output.
    pub(super) fn create(path: &Path, inputs: &[PathBuf]) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            let out = io::stdout();
            return match out.is_terminal() {
                true => Err(
                    "-: the standard output is a terminal; name a file, or read with portcullis audit show"
                        .into(),
                ),
                false => Ok(Self::Standard(out)),
            };
        }
        let fail = |error: io::Error| format!("{}: {error}", path.display());
        // Followed, for /dev/stdout is a link: its place must not be taken by a file.
        let Ok(metadata) = path.metadata() else { return Self::beside(path) };
        if metadata.is_dir() {
            return Err(format!("{}: a folder; name a file in it", path.display()));
        }
        if !metadata.is_file() {
            return OpenOptions::new().write(true).open(path).map(Self::Open).map_err(fail);
        }
        let known = path.canonicalize().map_err(fail)?;
        match inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == known)) {
            true => Err(format!("{}: it is one of the files that are read; name another", path.display())),
            false => Self::beside(&known),
        }
    }

    fn beside(path: &Path) -> Result<Self, String> {
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self::File(file, path.to_owned()))
    }

    pub(super) fn writer(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Self::File(file, _) => file.as_file_mut(),
            Self::Open(file) => file,
            Self::Standard(out) => out,
        }
    }

    /// Puts the file in its place.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::File(file, path) => file.persist(path).map(|_| ()).map_err(|error| error.error),
            Self::Open(mut file) => file.flush(),
            Self::Standard(mut out) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let mut output = Output::create(&path, &[]).unwrap();
        output.writer().write_all(b"half").unwrap();
        drop(output);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        for text in ["first", "second"] {
            let mut output = Output::create(&path, &[]).unwrap();
            output.writer().write_all(text.as_bytes()).unwrap();
            output.finish().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_read_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "{}").unwrap();
        let other = folder.path().join(".").join("audit.jsonl");
        let error = Output::create(&other, std::slice::from_ref(&path)).err().unwrap();
        assert!(error.ends_with("it is one of the files that are read; name another"), "{error}");
        let error = Output::create(folder.path(), &[]).err().unwrap();
        assert!(error.ends_with("a folder; name a file in it"), "{error}");
        assert!(matches!(Output::create(Path::new("/dev/null"), &[]), Ok(Output::Open(_))));
        let error = Output::create(&folder.path().join("none/out"), &[]).err().unwrap();
        assert!(error.contains("No such file or directory"), "{error}");
    }
}
