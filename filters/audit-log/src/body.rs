//! What is kept of a body that passes.

use sha2::{Digest, Sha256};

/// What is kept of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured {
    bytes: Vec<u8>,
    size: u64,
    digest: Option<Sha256>,
}

impl Captured {
    /// One of which the digest is made as well.
    pub(crate) fn with_digest() -> Self {
        Self { digest: Some(Sha256::new()), ..Self::default() }
    }

    /// Takes a piece, and keeps so much of it as still may be kept. How much that is.
    pub(crate) fn push(&mut self, piece: &[u8], longest: usize, room: usize) -> usize {
        self.size = self.size.saturating_add(piece.len() as u64);
        if let Some(digest) = &mut self.digest {
            digest.update(piece);
        }
        // Behind a piece that was left out there is a gap.
        let is_gapless = self.bytes.len() as u64 == self.size.saturating_sub(piece.len() as u64);
        let kept = match is_gapless {
            true => piece.len().min(longest.saturating_sub(self.bytes.len())).min(room),
            false => 0,
        };
        self.bytes.extend_from_slice(piece.get(..kept).unwrap_or_default());
        kept
    }

    /// The beginning of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long it was.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the beginning is all of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }

    /// The SHA-256 of all of it, where that was asked for.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        self.digest.clone().map(|digest| digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_and_all_is_counted() {
        let mut captured = Captured::with_digest();
        assert_eq!(captured.push(b"hello ", 8, 100), 6);
        assert_eq!(captured.push(b"world", 8, 100), 2);
        assert_eq!(captured.push(b"!", 8, 100), 0);
        assert_eq!((captured.bytes(), captured.size(), captured.is_whole()), (&b"hello wo"[..], 12, false));
        assert_eq!(captured.digest(), Some(Sha256::digest(b"hello world!").into()));
    }

    #[test]
    fn there_is_no_gap_in_what_is_kept() {
        let mut captured = Captured::default();
        assert_eq!(captured.push(b"abc", 10, 1), 1);
        assert_eq!(captured.push(b"def", 10, 100), 0);
        assert_eq!((captured.bytes(), captured.is_whole(), captured.digest()), (&b"a"[..], false, None));
    }
}
