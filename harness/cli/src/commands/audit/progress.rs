//! How far a command has got with its files.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use portcullis_audit::Lines;

/// A bar on a terminal; nothing anywhere else.
pub(super) fn progress(lines: Lines) -> (Lines, ProgressBar) {
    let (bar, template) = match lines.size() {
        // Nobody knows how long a pipe is.
        0 => (ProgressBar::no_length(), "{spinner} {bytes}, {bytes_per_sec}, {elapsed}"),
        size => (ProgressBar::new(size), "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {elapsed}"),
    };
    let bar = match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    let watched = bar.clone();
    (lines.watched(move |read| watched.set_position(read)), bar)
}

/// Writes while the bar makes place.
pub(super) struct Beside<W> {
    bar: ProgressBar,
    out: W,
}

impl<W: Write> Beside<W> {
    pub(super) fn new(bar: &ProgressBar, out: W) -> Self {
        Self { bar: bar.clone(), out }
    }
}

impl<W: Write> Write for Beside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = &mut self.out;
        // A bar on the same terminal goes on below what is written.
        self.bar.suspend(|| {
            out.write_all(bytes)?;
            out.flush()
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
