//! As much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as a client and a server need that know beforehand what they will say.

/// What a client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Flags of `DATA` and `HEADERS`.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// The flag of `SETTINGS` and `PING`.
const ACK: u8 = 1;

/// What a connection may receive, beyond the 65,535 bytes that it always may: as much as there can be.
const WINDOW: u32 = (1 << 31) - 1 - 65_535;

/// The length of what stands before each payload.
const HEAD: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of these bytes, once all of it is there.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let ([high, middle, low, kind, flags, id @ ..], rest) = bytes.split_first_chunk::<HEAD>()?;
        let length = u32::from_be_bytes([0, *high, *middle, *low]);
        let payload = rest.get(..usize::try_from(length).ok()?)?;
        let stream = u32::from_be_bytes(*id) & (u32::MAX >> 1);
        Some(Self { kind: *kind, flags: *flags, stream, payload })
    }

    /// How many bytes it takes.
    pub(crate) fn length(self) -> usize {
        HEAD + self.payload.len()
    }

    pub(crate) fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let [_, high, middle, low] = u32::try_from(self.payload.len()).unwrap_or_default().to_be_bytes();
        out.extend([high, middle, low, self.kind, self.flags]);
        out.extend(self.stream.to_be_bytes());
        out.extend(self.payload);
    }

    /// What the peer wants to have said to a frame that is about the connection.
    ///
    /// # Errors
    /// The peer gives up the connection or one of its streams.
    pub(crate) fn acknowledge(self, out: &mut Vec<u8>) -> Result<(), String> {
        match self.kind {
            SETTINGS if self.flags & ACK == 0 => {
                Frame { kind: SETTINGS, flags: ACK, stream: 0, payload: &[] }.write(out);
            }
            PING if self.flags & ACK == 0 => Frame { flags: ACK, ..self }.write(out),
            GOAWAY | RST_STREAM => {
                return Err(format!("HTTP/2: a frame of type {}: {:?}", self.kind, self.payload));
            }
            _ => {}
        }
        Ok(())
    }
}

/// What both sides send first, the client behind its preface: default settings, and a window that lasts.
pub(crate) fn greeting(out: &mut Vec<u8>) {
    Frame { kind: SETTINGS, flags: 0, stream: 0, payload: &[] }.write(out);
    Frame { kind: WINDOW_UPDATE, flags: 0, stream: 0, payload: &WINDOW.to_be_bytes() }.write(out);
}

/// A field of HPACK's static table (RFC 7541 appendix A).
pub(crate) mod indexed {
    pub(crate) const METHOD_GET: u8 = 0x82;
    pub(crate) const METHOD_POST: u8 = 0x83;
    pub(crate) const PATH_ROOT: u8 = 0x84;
    pub(crate) const SCHEME_HTTP: u8 = 0x86;
    pub(crate) const STATUS_200: u8 = 0x88;
}

/// Adds a field that neither side has to remember (RFC 7541 section 6.2.2).
pub(crate) fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        length(block, text.len());
        block.extend(text.bytes());
    }
}

/// An integer with a prefix of seven bits, the eighth 0 (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 127;
    let Some(mut rest) = length.checked_sub(PREFIX) else { return block.push(low_bits(length)) };
    block.push(low_bits(PREFIX));
    while rest > 127 {
        block.push(low_bits(rest) | 128);
        rest >>= 7;
    }
    block.push(low_bits(rest));
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 127).unwrap_or_default()
}

/// Whether a block of headers begins with the status 200; everybody takes that from the static table.
pub(crate) fn is_ok(block: &[u8]) -> bool {
    // A change of the size of the table may come before it (RFC 7541 section 6.3).
    let fields = block.iter().find(|byte| **byte & 0b1110_0000 != 0b0010_0000);
    fields == Some(&indexed::STATUS_200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_and_not_before_it_is_there() {
        let frame = Frame { kind: DATA, flags: END_STREAM, stream: 77, payload: b"hello" };
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        assert_eq!(bytes.len(), frame.length());
        for end in 0..bytes.len() {
            assert_eq!(Frame::first(&bytes[..end]), None, "{end}");
        }
        bytes.extend(b"more");
        assert_eq!(Frame::first(&bytes), Some(frame));
    }

    #[test]
    fn lengths_are_those_of_the_rfc() {
        let coded = |number| {
            let mut out = Vec::new();
            length(&mut out, number);
            out
        };
        assert_eq!(coded(5), [5]);
        assert_eq!(coded(126), [126]);
        assert_eq!(coded(127), [127, 0]);
        // 127 + 353 = 480; 353 = 2 * 128 + 97.
        assert_eq!(coded(480), [127, 97 | 128, 2]);
    }

    #[test]
    fn the_peer_is_told_what_it_waits_for() {
        let mut out = Vec::new();
        Frame { kind: SETTINGS, flags: 0, stream: 0, payload: &[] }.acknowledge(&mut out).unwrap();
        assert_eq!(Frame::first(&out).map(|it| (it.kind, it.flags)), Some((SETTINGS, ACK)));
        out.clear();
        Frame { kind: SETTINGS, flags: ACK, stream: 0, payload: &[] }.acknowledge(&mut out).unwrap();
        assert!(out.is_empty());
        Frame { kind: PING, flags: 0, stream: 0, payload: b"12345678" }.acknowledge(&mut out).unwrap();
        assert_eq!(Frame::first(&out).map(|it| it.payload), Some(&b"12345678"[..]));
        let gone = Frame { kind: GOAWAY, flags: 0, stream: 0, payload: &[] };
        assert!(gone.acknowledge(&mut out).is_err());
    }

    #[test]
    fn only_200_is_fine() {
        assert!(is_ok(&[0x88, 0]));
        assert!(is_ok(&[0x20, 0x88]));
        assert!(!is_ok(&[0x8d]));
        assert!(!is_ok(&[]));
    }
}
