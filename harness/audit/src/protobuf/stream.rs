//! Files of messages: one after the other, each behind its length as a varint.

use std::io::{self, BufRead, Read, Write};

use portcullis_proto::audit::{FILE, Record};
use prost::Message;

use super::{ContradictionError, from_json, to_json};

/// The longest message that is read: as long as the longest line.
const LONGEST: u64 = 16 << 20;

/// What the first message begins with: its length, the number of its member, the length of that, and some of it.
const FIRST: &[u8] = b"\x16\xaa\x02\x13port";

/// Whether a file of which this is the beginning is one of messages. No text begins so, nor does one that has somebody's control character before it.
pub(crate) fn begins_stream(beginning: &[u8]) -> bool {
    // One of a few bytes is the beginning of such a file that was cut off.
    !beginning.is_empty() && (beginning.starts_with(FIRST) || FIRST.starts_with(beginning))
}

/// Writes messages.
#[derive(Debug)]
pub struct MessageWriter<W> {
    out: W,
}

impl<W: Write> MessageWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self { out };
        writer.message(&Record { file: Some(FILE.to_owned()), ..Record::default() })?;
        Ok(writer)
    }

    /// Writes a record, of which this is the JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn record(&mut self, json: &[u8]) -> io::Result<()> {
        self.message(&from_json(json))
    }

    fn message(&mut self, message: &Record) -> io::Result<()> {
        self.out.write_all(&message.encode_length_delimited_to_vec())
    }

    /// Gives back what it writes to, after the last record.
    ///
    /// # Errors
    /// What was written last cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads messages.
#[derive(Debug)]
pub struct MessageReader<R> {
    input: R,
    is_begun: bool,
    position: u64,
    message: Vec<u8>,
}

/// Why a file of messages cannot be read any further.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// Reading failed.
    Read(io::Error),
    /// It does not begin as a file of messages does.
    NoStream,
    /// It says that it has something else, such as a later version.
    Version(String),
    /// It ends within a message.
    End,
    /// A message is longer than any.
    TooLong,
    /// A message is none of protobuf.
    Message(prost::DecodeError),
    /// A message contradicts itself.
    Contradiction(ContradictionError),
}

impl std::error::Error for StreamError {}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::NoStream => write!(f, "no file of messages: the first one does not say {FILE}"),
            Self::Version(version) => write!(f, "a file of {version:?}; this program reads {FILE}"),
            Self::End => f.write_str("the file ends within a message: it is cut off"),
            Self::TooLong => {
                f.write_str("a message of more than 16 MiB, which no record has: the file is damaged")
            }
            Self::Message(error) => write!(f, "no record: {error}; the file is damaged"),
            Self::Contradiction(error) => write!(f, "no record: {error}"),
        }
    }
}

impl<R: BufRead> MessageReader<R> {
    /// Reads a file.
    pub fn new(input: R) -> Self {
        Self { input, is_begun: false, position: 0, message: Vec::new() }
    }

    /// How many bytes were read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How long the last message was, in bytes, without what says so.
    pub fn last_length(&self) -> u64 {
        self.message.len() as u64
    }

    /// The JSON of the next record; `None` at the end. Files that were put together are one file.
    ///
    /// # Errors
    /// The file cannot be read any further.
    pub fn record(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        while self.message()? {
            let record = Record::decode(&*self.message).map_err(StreamError::Message)?;
            match &record.file {
                Some(file) if file == FILE => self.is_begun = true,
                Some(file) => return Err(StreamError::Version(file.clone())),
                None if self.is_begun => {
                    return to_json(&record).map(Some).map_err(StreamError::Contradiction);
                }
                None => return Err(StreamError::NoStream),
            }
        }
        Ok(None)
    }

    /// Reads a message, if there is one.
    fn message(&mut self) -> Result<bool, StreamError> {
        let Some(length) = self.length()? else { return Ok(false) };
        if length > LONGEST {
            return Err(StreamError::TooLong);
        }
        self.message.clear();
        let mut input = (&mut self.input).take(length);
        let read = input.read_to_end(&mut self.message).map_err(StreamError::Read)? as u64;
        self.position += read;
        if read < length { Err(StreamError::End) } else { Ok(true) }
    }

    fn length(&mut self) -> Result<Option<u64>, StreamError> {
        let mut length = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let Some(byte) = self.byte()? else {
                return if shift == 0 { Ok(None) } else { Err(StreamError::End) };
            };
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(Some(length));
            }
        }
        Err(StreamError::TooLong)
    }

    fn byte(&mut self) -> Result<Option<u8>, StreamError> {
        let byte = self.input.fill_buf().map_err(StreamError::Read)?.first().copied();
        if byte.is_some() {
            self.input.consume(1);
            self.position += 1;
        }
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_as_it_is_said_to() {
        let file = MessageWriter::new(Vec::new()).unwrap().finish().unwrap();
        assert!(begins_stream(&file) && begins_stream(&file[..8]) && begins_stream(&file[..1]));
        assert!(!begins_stream(b"") && !begins_stream(b"\x16{\"class_uid\":") && !begins_stream(b"\x16\n"));
    }
}
