//! Records as messages of protobuf.

use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::protobuf::MessageWriter;
use crate::row::Row;
use crate::scan::Sink;

/// Writes records as messages of protobuf. The bytes that were read can be made of them again: they can still be verified.
#[derive(Debug)]
pub struct Messages<W> {
    out: MessageWriter<W>,
}

impl<W: Write> Messages<W> {
    /// To there.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        MessageWriter::new(out).map(|out| Self { out })
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish().map(drop)
    }
}

impl<W: Write> Sink for Messages<W> {
    fn take(&mut self, _: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        self.out.record(record)?;
        Ok(ControlFlow::Continue(()))
    }
}
