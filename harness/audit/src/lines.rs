//! Files of records, line by line; or message by message, where they begin as `export --protobuf` has written them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use portcullis_audit_chain::logged;

use crate::protobuf::{MessageReader, begins_stream};

/// The longest line that is read. A record with two bodies is far from it.
const LONGEST: usize = 16 << 20;
/// What is read of a file at once.
const AT_ONCE: usize = 256 << 10;
/// How much is read between two reports of progress.
const STRIDE: u64 = 1 << 20;

/// The lines of several files, in their order. At any time one of them is in memory.
pub struct Lines {
    waiting: VecDeque<(PathBuf, Input)>,
    /// The file that is being read.
    file: PathBuf,
    number: u64,
    line: Vec<u8>,
    read: u64,
    size: u64,
    told: u64,
    progress: Box<dyn FnMut(u64)>,
}

/// What is read.
enum Input {
    Text(Box<dyn BufRead>),
    Messages(MessageReader<Box<dyn BufRead>>),
}

/// One line.
#[derive(Debug)]
pub struct Line<'a> {
    /// The file that it is in, as it was named.
    pub file: &'a Path,
    /// Its number, from 1 on; in a file of messages, that of the record.
    pub number: u64,
    /// What is in it.
    pub content: Content<'a>,
    /// The whole of it, also where that is something else than a record.
    pub text: &'a [u8],
}

/// What is in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// What begins as a JSON object, without the line feed and without what a log has written before it.
    Record(&'a [u8]),
    /// Something else.
    Other,
    /// More than 16 MiB, which are not kept.
    TooLong,
}

/// Why a file cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be opened.
    Open(PathBuf, io::Error),
    /// It is a folder.
    Folder(PathBuf),
    /// Reading failed in the middle.
    Read(PathBuf, io::Error),
}

impl std::error::Error for ReadError {}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(path, error) | Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Folder(path) => write!(f, "{}: a folder; name the files in it", path.display()),
        }
    }
}

impl Lines {
    /// Opens files; `-` is the standard input. All of them are opened at once: a name that is wrong is told before the first is
    /// read.
    ///
    /// # Errors
    /// A file cannot be opened, or is a folder.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ReadError> {
        let mut lines = Self {
            waiting: VecDeque::new(),
            file: PathBuf::new(),
            number: 0,
            line: Vec::new(),
            read: 0,
            size: 0,
            told: 0,
            progress: Box::new(|_| {}),
        };
        for path in paths {
            let input =
                Input::new(lines.reader(path)?).map_err(|error| ReadError::Read(path.clone(), error))?;
            lines.waiting.push_back((path.clone(), input));
        }
        Ok(lines)
    }

    fn reader(&mut self, path: &Path) -> Result<Box<dyn BufRead>, ReadError> {
        if path.as_os_str() == "-" {
            return Ok(Box::new(BufReader::with_capacity(AT_ONCE, io::stdin())));
        }
        let fail = |error| ReadError::Open(path.to_owned(), error);
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(ReadError::Folder(path.to_owned()));
        }
        self.size += metadata.len();
        Ok(Box::new(BufReader::with_capacity(AT_ONCE, file)))
    }

    /// Calls this now and then with the number of bytes that have been read.
    #[must_use]
    pub fn watched(mut self, progress: impl FnMut(u64) + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// The bytes of all files together; pipes count as none.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next line that is not empty; `None` after the last of the last file.
    ///
    /// # Errors
    /// A file cannot be read any further.
    #[expect(clippy::should_implement_trait, reason = "what it returns is in the buffer of the next line")]
    pub fn next(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        while let Some((path, input)) = self.waiting.front_mut() {
            if self.number == 0 {
                self.file.clone_from(path);
            }
            self.line.clear();
            let (read, too_long) =
                input.read(&mut self.line).map_err(|error| ReadError::Read(path.clone(), error))?;
            if read == 0 {
                self.waiting.pop_front();
                self.number = 0;
                continue;
            }
            self.number += 1;
            self.count(read);
            if self.line.trim_ascii().is_empty() && !too_long {
                continue;
            }
            let content = if too_long { Content::TooLong } else { content(self.line.trim_ascii()) };
            return Ok(Some(Line { file: &self.file, number: self.number, content, text: &self.line }));
        }
        (self.progress)(self.read);
        Ok(None)
    }

    fn count(&mut self, read: u64) {
        self.read += read;
        if self.read - self.told >= STRIDE {
            self.told = self.read;
            (self.progress)(self.read);
        }
    }
}

impl Input {
    fn new(mut reader: Box<dyn BufRead>) -> io::Result<Self> {
        let is_stream = begins_stream(reader.fill_buf()?);
        Ok(if is_stream { Self::Messages(MessageReader::new(reader)) } else { Self::Text(reader) })
    }

    /// How many bytes were read, and whether that was more than a line may have.
    fn read(&mut self, line: &mut Vec<u8>) -> io::Result<(u64, bool)> {
        let reader = match self {
            Self::Text(reader) => return read_line(reader, line),
            Self::Messages(reader) => reader,
        };
        let start = reader.position();
        let Some(json) = reader.record().map_err(io::Error::other)? else { return Ok((0, false)) };
        *line = json;
        Ok((reader.position() - start, false))
    }
}

/// How many bytes were read, and whether that was more than a line may have; then the rest of it is passed over.
fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<(u64, bool)> {
    let mut read = reader.take(LONGEST as u64).read_until(b'\n', line)? as u64;
    if line.len() < LONGEST || line.ends_with(b"\n") {
        return Ok((read, false));
    }
    line.clear();
    line.shrink_to(AT_ONCE);
    read += reader.skip_until(b'\n')? as u64;
    Ok((read, true))
}

fn content(line: &[u8]) -> Content<'_> {
    if line.starts_with(b"{") {
        return Content::Record(line);
    }
    logged(line).map_or(Content::Other, Content::Record)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::protobuf::MessageWriter;

    fn files(texts: &[&[u8]]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = texts.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(format!("{number}.jsonl"));
            std::fs::write(&path, text).unwrap();
            path
        });
        let paths = paths.collect();
        (folder, paths)
    }

    fn all(texts: &[&[u8]]) -> Vec<(String, u64, String)> {
        let (_folder, paths) = files(texts);
        let mut lines = Lines::open(&paths).unwrap();
        let mut found = Vec::new();
        while let Some(Line { file, number, content, .. }) = lines.next().unwrap() {
            let content = match content {
                Content::Record(record) => String::from_utf8_lossy(record).into_owned(),
                other => format!("{other:?}"),
            };
            found.push((file.file_name().unwrap().to_str().unwrap().to_owned(), number, content));
        }
        found
    }

    #[test]
    fn lines_have_the_name_of_their_file_and_a_number_in_it() {
        let found = all(&[b"{\"a\":1}\n\n {\"b\":2}\r\n", b"", b"x\n{half"]);
        let expected = [
            ("0.jsonl", 1, "{\"a\":1}"),
            ("0.jsonl", 3, "{\"b\":2}"),
            ("2.jsonl", 1, "Other"),
            ("2.jsonl", 2, "{half"),
        ];
        assert_eq!(found, expected.map(|(file, number, text)| (file.to_owned(), number, text.to_owned())));
    }

    #[test]
    fn a_record_in_the_log_of_envoy_begins_behind_the_mark_of_the_filter() {
        let found = all(&[
            b"[2026-11-28 22:56:40.165][18338][info][wasm] [source/extensions/common/wasm/context.cc:1151] \
              wasm log audit: portcullis-audit {\"a\":\"portcullis-audit {\"}\n\
              portcullis-audit {\"b\":2}\nGET / \"portcullis-audit {\"\n\
              portcullis-audit no record\nportcullis-audit{\n",
        ]);
        let texts: Vec<_> = found.iter().map(|(_, _, text)| text.as_str()).collect();
        assert_eq!(texts, ["{\"a\":\"portcullis-audit {\"}", "{\"b\":2}", "Other", "Other", "Other"]);
    }

    #[test]
    fn a_line_that_never_ends_is_passed_over() {
        let mut text = vec![b'{'; LONGEST - 1];
        text.extend(b"\n{}\n{");
        text.extend(vec![b'x'; 2 * LONGEST]);
        text.extend(b"\n{\"a\":1}");
        let found = all(&[&text]);
        let lengths: Vec<_> = found.iter().map(|(_, number, text)| (*number, text.len())).collect();
        assert_eq!(lengths, [(1, LONGEST - 1), (2, 2), (3, "TooLong".len()), (4, 7)]);
    }

    #[test]
    fn messages_are_lines_as_well() {
        let mut file = MessageWriter::new(Vec::new()).unwrap();
        file.record(b"{\"a\":1}").unwrap();
        file.record(b"{\"b\":2}").unwrap();
        let file = file.finish().unwrap();
        let found = all(&[&file, b"{}\n"]);
        let expected = [("0.jsonl", 1, "{\"a\":1}"), ("0.jsonl", 2, "{\"b\":2}"), ("1.jsonl", 1, "{}")];
        assert_eq!(found, expected.map(|(file, number, text)| (file.to_owned(), number, text.to_owned())));

        let (_folder, paths) = files(&[&file[..file.len() - 1]]);
        let mut lines = Lines::open(&paths).unwrap();
        assert_eq!(lines.next().unwrap().unwrap().content, Content::Record(b"{\"a\":1}"));
        let error = lines.next().unwrap_err().to_string();
        assert!(error.ends_with("0.jsonl: the file ends within a message: it is cut off"), "{error}");
    }

    #[test]
    fn a_name_that_is_wrong_is_told_before_the_first_line() {
        let (folder, mut paths) = files(&[b"{}\n"]);
        paths.push(folder.path().join("none.jsonl"));
        let error = Lines::open(&paths).err().unwrap().to_string();
        assert!(error.ends_with("none.jsonl: No such file or directory (os error 2)"), "{error}");
        let error = Lines::open(&[folder.path().to_owned()]).err().unwrap().to_string();
        assert!(error.ends_with(": a folder; name the files in it"), "{error}");
    }

    #[test]
    fn progress_comes_now_and_then_and_at_the_end() {
        let text = b"{\"a\":1}\n".repeat(300_000);
        let (_folder, paths) = files(&[&text]);
        let told = Rc::new(Cell::new((0, 0)));
        let seen = Rc::clone(&told);
        let mut lines = Lines::open(&paths).unwrap().watched(move |read| seen.set((seen.get().0 + 1, read)));
        assert_eq!(lines.size(), text.len() as u64);
        while lines.next().unwrap().is_some() {}
        assert_eq!(told.get(), (text.len() as u64 / STRIDE + 1, text.len() as u64));
    }
}
