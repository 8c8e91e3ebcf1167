use std::collections::HashMap;
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
    /// What has been read and not been asked for.
    details: HashMap<u16, String>,
}

impl AccessLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, details: HashMap::new() }
    }

    /// The `response_code_details` of the request from `port`, if its line has been written since [`Self::forget`]. Every
    /// request has its own socket, so that the port tells them apart.
    pub(crate) fn details(&mut self, port: u16) -> io::Result<Option<String>> {
        self.read()?;
        Ok(self.details.remove(&port))
    }

    /// Forgets the lines so far: ports come again.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.read()?;
        self.details.clear();
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        // A line without its end is still being written.
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.read += line.len() as u64;
            self.details.extend(parse(line));
        }
        Ok(())
    }
}

/// `54321 via_upstream\n`
fn parse(line: &[u8]) -> Option<(u16, String)> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (port, details) = line.split_once(' ')?;
    Some((port.parse().ok()?, details.to_owned()))
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
        assert_eq!(log.details(40001).unwrap().as_deref(), Some("late"));
    }

    #[test]
    fn a_line_of_an_earlier_request_is_not_taken_for_this_one_s() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut log = AccessLog::new(&path);
        fs::write(&path, "40001 late\n").unwrap();
        log.forget().unwrap();
        assert_eq!(log.details(40001).unwrap(), None);
    }
}
