//! A file of which pieces are copied on demand.

use std::io::{self, Read};

/// Reads a file from its beginning to its end, piece by piece.
pub struct Slices<F> {
    read: F,
    position: u64,
    size: u64,
}

impl<F: FnMut(u64, &mut [u8]) -> io::Result<usize>> Slices<F> {
    /// A file of this many bytes. The function copies those from an offset on, as many as there is room for, and says how many it has copied.
    pub fn new(size: u64, read: F) -> Self {
        Self { read, position: 0, size }
    }
}

impl<F: FnMut(u64, &mut [u8]) -> io::Result<usize>> Read for Slices<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position);
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let Some(into) = into.get_mut(..room).filter(|into| !into.is_empty()) else { return Ok(0) };
        let copied = (self.read)(self.position, into)?.min(room);
        if copied == 0 {
            // What is left would pass for a file that was cut off.
            let problem = format!("it has only {} of {} bytes: it has changed", self.position, self.size);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        self.position += copied as u64;
        Ok(copied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: u64) -> io::Result<Vec<u8>> {
        let copy = |offset: u64, into: &mut [u8]| {
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(into.len()).min(7);
            into[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        };
        let mut read = Vec::new();
        Slices::new(size, copy).read_to_end(&mut read).map(|_| read)
    }

    #[test]
    fn a_file_is_read_piece_by_piece() {
        let bytes: Vec<_> = (0..100).collect();
        assert_eq!(read(&bytes, 100).unwrap(), bytes);
        assert_eq!(read(&bytes, 50).unwrap(), bytes[..50]);
        assert!(read(&bytes, 0).unwrap().is_empty());
        assert_eq!(
            read(&bytes, 101).unwrap_err().to_string(),
            "it has only 100 of 101 bytes: it has changed"
        );
    }
}
