//! Files of other kinds, by their first bytes.

/// How many bytes are enough to tell.
pub(crate) const BEGINNING: u64 = 8;

/// What files begin with, what they are, and what to do.
const KINDS: [(&[u8], &str); 12] = [
    (b"\x1f\x8b", "packed with gzip; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it first"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it first"),
    (b"BZh", "packed with bzip2; unpack it first"),
    (b"\0asm", "a WebAssembly module; portcullis inspect reads those, and the tab Module of the playground"),
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"%PDF-", "a PDF document"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
    (b"PAR1", "a Parquet file; give the file that it was made of"),
];

/// What a file may be that begins so, and what to do. Whoever can write to a file of records can let it begin so too: this explains no more than why there
/// are none.
pub(crate) fn of(beginning: &[u8]) -> Option<&'static str> {
    KINDS.iter().find(|(start, _)| beginning.starts_with(start)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_what_is_read_of_it() {
        for (start, kind) in KINDS {
            assert!(start.len() as u64 <= BEGINNING, "{kind}");
            assert_eq!(of(&[start, b"and more"].concat()), Some(kind));
            assert_eq!(of(&start[..start.len() - 1]), None, "{kind}");
        }
        for text in [&b""[..], b"{\"class_uid\":", b"[2026-09-21 14:13:20.165][1][info]", b"\x16\x0a"] {
            assert_eq!(of(text), None);
        }
    }
}
