//! Ids of traces and spans.

use std::fmt;

use crate::text::hex;

/// The id of a trace, never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a span, never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// The id of these bytes. `None` for zeros, which are no id.
    pub fn new(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        Self::new(hex(digits)?)
    }

    /// Reads 32 or 16 digits; the shorter form has zeros in front.
    pub fn parse_short(digits: &[u8]) -> Option<Self> {
        match digits.len() {
            16 => Self::from_halves(0, u64::from_be_bytes(hex(digits)?)),
            _ => Self::parse(digits),
        }
    }

    /// The id of these halves.
    pub fn from_halves(high: u64, low: u64) -> Option<Self> {
        Self::new(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    /// The upper half.
    pub fn high(self) -> u64 {
        (u128::from_be_bytes(self.0) >> 64) as u64
    }

    /// The lower half, which is all that some systems know.
    pub fn low(self) -> u64 {
        u128::from_be_bytes(self.0) as u64
    }

    /// The last 56 bits, which samplers compare with a threshold (W3C Trace Context Level 2, "Randomness of trace-id").
    pub fn randomness(self) -> u64 {
        self.low() & ((1 << 56) - 1)
    }

    /// The bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// The id of this number. `None` for zero, which is no id.
    pub fn new(number: u64) -> Option<Self> {
        (number != 0).then(|| Self(number.to_be_bytes()))
    }

    /// Reads 16 lower-case hexadecimal digits.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        Self::new(u64::from_be_bytes(hex(digits)?))
    }

    /// The id as a number.
    pub fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// The bytes.
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.number())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_of_full_length_and_not_zero() {
        let id = TraceId::parse(b"4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((id.high(), id.low()), (0x4bf9_2f35_77b3_4da6, 0xa3ce_929d_0e0e_4736));
        assert_eq!(id.randomness(), 0x00ce_929d_0e0e_4736);
        assert_eq!(TraceId::from_halves(id.high(), id.low()), Some(id));
        let short = TraceId::parse_short(b"a3ce929d0e0e4736").unwrap();
        assert_eq!(short.to_string(), "0000000000000000a3ce929d0e0e4736");
        for bad in
            [&b"4BF92f3577b34da6a3ce929d0e0e4736"[..], b"4bf92f3577b34da6a3ce929d0e0e473", &[b'0'; 32], b""]
        {
            assert_eq!(TraceId::parse(bad), None);
        }
        assert_eq!(SpanId::parse(b"00f067aa0ba902b7").unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!(SpanId::parse(b"0000000000000000"), None);
    }
}
