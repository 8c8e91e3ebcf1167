//! Files of records, line by line; or message by message, where they begin as `export --protobuf` has written them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use portcullis_audit_chain::logged;
use portcullis_proto::audit::Record;
use prost::Message;
use schemars::JsonSchema;
use serde::Serialize;

use crate::kind;
use crate::protobuf::{MessageReader, StreamError, begins_stream, to_json};

/// The longest line that is read. A record with two bodies is far from it.
const LONGEST: usize = 16 << 20;
/// What is read of a file at once.
const AT_ONCE: usize = 256 << 10;
/// Likewise of what is no file: each time, a browser has to be asked.
const AT_ONCE_FROM_AFAR: usize = 1 << 20;
/// What editors write before a text in UTF-8. It is no part of it: RFC 8259 section 8.1 lets readers pass over it. Where files were put together it stands
/// before a line in the middle.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// How much is read between two reports of progress.
const STRIDE: u64 = 1 << 20;

/// The lines of several files, in their order. At any time one of them is in memory.
pub struct Lines {
    waiting: VecDeque<(PathBuf, Input)>,
    /// How many files there were at the beginning.
    files: usize,
    /// The first of them that begins as one of another kind does, and that kind.
    kind: Option<(PathBuf, &'static str)>,
    /// The file that is being read.
    file: PathBuf,
    number: u64,
    /// How much of it has been read, in bytes.
    position: u64,
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

/// What was read at once.
enum Piece {
    /// A line or a message.
    Read {
        bytes: u64,
        is_too_long: bool,
        /// The length of the message.
        message: Option<u64>,
    },
    /// Nothing is left.
    End,
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
    /// The whole of it, also where that is something else than a record, but without the mark that an editor has put before it.
    pub text: &'a [u8],
    /// Where the record is in its file.
    pub place: Place,
}

/// Where something is in a file, in bytes: by that it can be read again without what is before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// Where it begins: a record in a log behind what the log has written before it, a message behind its length.
    pub offset: u64,
    /// How long it is: a record without the line feed, a message as it is encoded.
    pub length: u64,
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
        let mut lines = Self::none();
        for path in paths {
            let reader = lines.reader(path)?;
            lines.push(path.clone(), reader)?;
        }
        Ok(lines)
    }

    /// The lines of what is no file, such as one that a browser has: its name, what gives its bytes, and how many those are.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(name: impl Into<PathBuf>, input: impl Read + 'static, size: u64) -> Result<Self, ReadError> {
        let mut lines = Self { size, ..Self::none() };
        lines.push(name.into(), Box::new(BufReader::with_capacity(AT_ONCE_FROM_AFAR, input)))?;
        Ok(lines)
    }

    fn none() -> Self {
        Self {
            waiting: VecDeque::new(),
            files: 0,
            kind: None,
            file: PathBuf::new(),
            number: 0,
            position: 0,
            line: Vec::new(),
            read: 0,
            size: 0,
            told: 0,
            progress: Box::new(|_| {}),
        }
    }

    fn push(&mut self, path: PathBuf, mut reader: Box<dyn BufRead>) -> Result<(), ReadError> {
        let mut beginning = Vec::new();
        if let Err(error) = reader.by_ref().take(kind::BEGINNING).read_to_end(&mut beginning) {
            return Err(ReadError::Read(path, error));
        }
        self.files += 1;
        if self.kind.is_none() {
            self.kind = kind::of(&beginning).map(|kind| (path.clone(), kind));
        }
        self.waiting.push_back((path, Input::new(beginning, reader)));
        Ok(())
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

    /// What one of the files seems to be, by how it begins: `it is an image`. That explains why there is no record in it, once it has been read.
    pub fn kind(&self) -> Option<String> {
        let (path, kind) = self.kind.as_ref()?;
        Some(if self.files > 1 { format!("{} is {kind}", path.display()) } else { format!("it is {kind}") })
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
            let piece = input.read(&mut self.line).map_err(|error| ReadError::Read(path.clone(), error))?;
            let Piece::Read { bytes, is_too_long, message } = piece else {
                self.waiting.pop_front();
                (self.number, self.position) = (0, 0);
                continue;
            };
            self.number += 1;
            self.count(bytes);
            if without_mark(&self.line).trim_ascii().is_empty() && !is_too_long {
                continue;
            }
            let text = without_mark(&self.line);
            let content = if is_too_long { Content::TooLong } else { content(text.trim_ascii()) };
            let place = self.place(content, bytes, message);
            return Ok(Some(Line { file: &self.file, number: self.number, content, text, place }));
        }
        (self.progress)(self.read);
        Ok(None)
    }

    /// Where the record is of which this was read last.
    fn place(&self, content: Content<'_>, read: u64, message: Option<u64>) -> Place {
        let start = self.position - read;
        match (message, content) {
            (Some(length), _) => Place { offset: self.position - length, length },
            // It ends where the line does.
            (None, Content::Record(record)) => Place {
                offset: start + (self.line.trim_ascii_end().len() - record.len()) as u64,
                length: record.len() as u64,
            },
            (None, Content::Other | Content::TooLong) => Place { offset: start, length: read },
        }
    }

    fn count(&mut self, read: u64) {
        self.read += read;
        self.position += read;
        if self.read - self.told >= STRIDE {
            self.told = self.read;
            (self.progress)(self.read);
        }
    }
}

impl Input {
    /// Of which the beginning has been read already.
    fn new(beginning: Vec<u8>, rest: Box<dyn BufRead>) -> Self {
        let is_stream = begins_stream(&beginning);
        let reader = Box::new(Cursor::new(beginning).chain(rest));
        if is_stream { Self::Messages(MessageReader::new(reader)) } else { Self::Text(reader) }
    }

    fn read(&mut self, line: &mut Vec<u8>) -> io::Result<Piece> {
        let reader = match self {
            Self::Text(reader) => return read_line(reader, line),
            Self::Messages(reader) => reader,
        };
        let start = reader.position();
        let Some(json) = reader.record().map_err(io::Error::other)? else { return Ok(Piece::End) };
        *line = json;
        let message = Some(reader.last_length());
        Ok(Piece::Read { bytes: reader.position() - start, is_too_long: false, message })
    }
}

/// The JSON of a record that is read again: these are the bytes at its [`Place`].
///
/// # Errors
/// At this place there is no record.
pub fn read_again(bytes: &[u8]) -> Result<Cow<'_, [u8]>, StreamError> {
    // No message of ours begins so: that is a group, which proto3 has not.
    if bytes.starts_with(b"{") {
        return Ok(bytes.into());
    }
    let message = Record::decode(bytes).map_err(StreamError::Message)?;
    to_json(&message).map(Cow::Owned).map_err(StreamError::Contradiction)
}

/// Reads a line. Of one that is longer than it may be, the rest is passed over.
fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Piece> {
    let mut bytes = reader.take(LONGEST as u64).read_until(b'\n', line)? as u64;
    if bytes == 0 {
        return Ok(Piece::End);
    }
    let is_too_long = line.len() >= LONGEST && !line.ends_with(b"\n");
    if is_too_long {
        line.clear();
        line.shrink_to(AT_ONCE);
        bytes += reader.skip_until(b'\n')? as u64;
    }
    Ok(Piece::Read { bytes, is_too_long, message: None })
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
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

    /// What of the bytes is where the records are said to be.
    fn at_their_places(bytes: &'static [u8]) -> Vec<&'static [u8]> {
        let mut lines = Lines::of("dropped", bytes, bytes.len() as u64).unwrap();
        let mut found = Vec::new();
        while let Some(Line { file, place, .. }) = lines.next().unwrap() {
            assert_eq!(file, Path::new("dropped"));
            found.push(&bytes[place.offset as usize..][..place.length as usize]);
        }
        found
    }

    #[test]
    fn a_record_can_be_read_again_at_its_place() {
        let found = at_their_places(
            b"\n  {\"a\":1} \r\n\
              [2026-11-28 22:56:40.165][18338][info][wasm] [source/extensions/common/wasm/context.cc:1151] \
              wasm log audit: portcullis-audit {\"b\":\"\xc3\xa9\"}\r\nother\n{\"c\":3}",
        );
        let expected: [&[u8]; 4] = [b"{\"a\":1}", b"{\"b\":\"\xc3\xa9\"}", b"other\n", b"{\"c\":3}"];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_message_can_be_read_again_at_its_place() {
        let record = include_bytes!("../tests/records/request.ocsf.json").trim_ascii();
        let mut file = MessageWriter::new(Vec::new()).unwrap();
        file.record(record).unwrap();
        file.record(b"{}").unwrap();
        let found = at_their_places(file.finish().unwrap().leak());
        let read: Vec<_> = found.into_iter().map(|message| read_again(message).unwrap()).collect();
        assert_eq!(read, [record, b"{}"]);
        assert_eq!(read_again(record).unwrap(), record);
        assert!(read_again(b"other").is_err());
    }

    #[test]
    fn a_place_is_one_in_its_own_file() {
        let (_folder, paths) = files(&[b"{\"a\":1}\n", b" {}"]);
        let mut lines = Lines::open(&paths).unwrap();
        assert_eq!(lines.next().unwrap().unwrap().place, Place { offset: 0, length: 7 });
        assert_eq!(lines.next().unwrap().unwrap().place, Place { offset: 1, length: 2 });
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_name() {
        struct Gone;
        impl Read for Gone {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("it was moved"))
            }
        }
        let error = Lines::of("dropped.jsonl", Gone, 7).err().unwrap().to_string();
        assert_eq!(error, "dropped.jsonl: it was moved");
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
    fn a_file_that_begins_as_one_of_another_kind_is_read_all_the_same() {
        let (_folder, paths) = files(&[b"{}\n", b"\x89PNG\r\n\x1a\n\0\0", b"BZh{}\n{\"a\":1}"]);
        let mut lines = Lines::open(&paths).unwrap();
        let mut count = 0;
        while lines.next().unwrap().is_some() {
            count += 1;
        }
        assert_eq!((count, lines.kind()), (6, Some(format!("{} is an image", paths[1].display()))));
        let lines = Lines::of("audit.gz", Cursor::new(b"\x1f\x8b\x08"), 3).unwrap();
        assert_eq!(lines.kind().unwrap(), "it is packed with gzip; unpack it first");
        assert_eq!(Lines::open(&paths[..1]).unwrap().kind(), None);
        assert_eq!(all(&[b"{}", b""]), [("0.jsonl".to_owned(), 1, "{}".to_owned())]);
    }

    #[test]
    fn the_mark_of_utf_8_is_no_part_of_a_line() {
        let expected = [
            ("0.jsonl", 1, "{}"),
            ("2.jsonl", 1, "{\"a\":1}"),
            ("2.jsonl", 3, "{\"b\":2}"),
            ("2.jsonl", 4, "{}"),
            ("2.jsonl", 5, "Other"),
        ];
        let found = all(&[
            b"\xef\xbb\xbf{}",
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf\r\n\xef\xbb\xbf{\"b\":2}\n\xef\xbb\xbfportcullis-audit {}\n\xef\xbb\xbf\xef\xbb\xbf{}\n",
        ]);
        assert_eq!(found, expected.map(|(file, number, text)| (file.to_owned(), number, text.to_owned())));
        assert_eq!(
            at_their_places(b"\xef\xbb\xbf {\"a\":1}\r\n{}\n\xef\xbb\xbf{\"b\":2} \n\xef\xbb\xbfx"),
            [&b"{\"a\":1}"[..], b"{}", b"{\"b\":2}", b"\xef\xbb\xbfx"]
        );
        let (told, text) = (Rc::new(Cell::new(0)), &b"\xef\xbb\xbf{}\n"[..]);
        let seen = Rc::clone(&told);
        let mut lines = Lines::of("x", text, 6).unwrap().watched(move |read| seen.set(read));
        assert_eq!(lines.next().unwrap().unwrap().text, b"{}\n");
        while lines.next().unwrap().is_some() {}
        assert_eq!(told.get(), 6);
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
