use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What is read of the access log at a time, at most.
const MAX_READ: u64 = 1 << 20;

/// The access log of [`Bootstrap::access_log`](crate::Bootstrap::access_log), read as it grows.
#[derive(Debug)]
pub(crate) struct AccessLog {
    path: PathBuf,
    read: u64,
}

impl AccessLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// The `response_code_details` of the request from `port`, if its line has been written since the last call
    /// that found one. Every request has its own socket, so that the port tells them apart.
    pub(crate) fn details(&mut self, port: u16) -> io::Result<Option<String>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        let mut read = self.read;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            read += line.len() as u64;
            let Some(details) = details_of(line, port) else { continue };
            self.read = read;
            return Ok(Some(details));
        }
        Ok(None)
    }
}

/// `54321 via_upstream\n`; a line without its end is still being written.
fn details_of(line: &[u8], port: u16) -> Option<String> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (from, details) = line.split_once(' ')?;
    (from.parse() == Ok(port)).then(|| details.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_request_finds_its_own_line_once_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = AccessLog::new(&path);
        fs::write(&path, "40001 late\n40002 via_ups").unwrap();
        assert_eq!(log.details(40002).unwrap(), None);
        fs::write(&path, "40001 late\n40002 via_upstream\n").unwrap();
        assert_eq!(log.details(40002).unwrap().as_deref(), Some("via_upstream"));
        assert_eq!(log.details(40002).unwrap(), None);
    }
}
