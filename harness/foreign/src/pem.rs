//! PEM as BoringSSL reads it: laxer than RFC 7468 in some places, and stricter in others.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Of the last character there may be bits that nobody needs.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// So many bytes are read at a time, and a line that is longer counts as several.
const PIECE: usize = 253;

/// A section of a PEM text, from its BEGIN to its END.
struct Section<'a> {
    label: &'a [u8],
    has_header: bool,
    content: Vec<u8>,
}

/// The first section that has one of these labels, with its label. What cannot be read ends the search; a section with a
/// header is encrypted or broken.
pub(crate) fn first<'a>(text: &'a str, labels: &[&str]) -> Option<(&'a [u8], Vec<u8>)> {
    let mut pieces = Pieces(text.as_bytes());
    loop {
        let Section { label, has_header, content } = section(&mut pieces)?;
        if labels.iter().any(|meant| meant.as_bytes() == label) {
            return (!has_header).then_some((label, content));
        }
    }
}

fn section<'a>(pieces: &mut Pieces<'a>) -> Option<Section<'a>> {
    let label = pieces.find_map(begun)?;
    let (mut header, mut body) = (None, Vec::new());
    let end = loop {
        let piece = pieces.next()?;
        if let Some(end) = piece.strip_prefix(b"-----END ") {
            break end;
        }
        match header {
            // What came before the first blank line was no body.
            None if piece.is_empty() => header = Some(std::mem::take(&mut body)),
            _ => body.extend_from_slice(piece),
        }
    };
    body.retain(|byte| !b" \t\r\n".contains(byte));
    let content = BASE64.decode(body).ok().filter(|content| !content.is_empty())?;
    // To a library in C, a text ends with a zero.
    let has_header = header.is_some_and(|header| !matches!(*header, [] | [0, ..]));
    (end.strip_suffix(b"-----")? == label).then_some(Section { label, has_header, content })
}

/// The label of a section that begins here.
fn begun(piece: &[u8]) -> Option<&[u8]> {
    let label = piece.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
    (!label.contains(&0)).then_some(label)
}

/// What is left of a text, in lines or pieces of them, without what is blank at their ends.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let most = self.0.get(..PIECE).unwrap_or(self.0);
        let size = most.iter().position(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1);
        let (piece, rest) = self.0.split_at_checked(size).filter(|(piece, _)| !piece.is_empty())?;
        self.0 = rest;
        let ink = piece.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
        piece.get(..ink)
    }
}

/// A space and all below it; where a char has a sign, as on x86, all that is not ASCII is below it.
fn is_blank(byte: u8) -> bool {
    byte <= b' ' || !byte.is_ascii()
}
