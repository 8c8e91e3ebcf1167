//! Names of chains and of records.

use std::fmt;

use crate::hex;

/// Which chain: 128 random bits of its writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u8; 16]);

impl Uid {
    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        hex::parse(digits).map(Self)
    }

    /// Its first eight digits, by which people tell chains apart.
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("{}\u{2026}", hex::lower(&[a, b, c, d]))
    }
}

/// The chain and the number in the id of a record.
pub(crate) fn parse_id(id: &[u8]) -> Option<(Uid, u64)> {
    let (chain, rest) = id.split_at_checked(32)?;
    let digits = std::str::from_utf8(rest.strip_prefix(b"-")?).ok()?;
    let is_plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let sequence = digits.parse().ok().filter(|_| is_plain)?;
    Some((Uid::parse(chain)?, sequence))
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::lower(&self.0))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_chain_and_a_number() {
        let chain = "00112233445566778899aabbccddeeff";
        let (uid, sequence) = parse_id(format!("{chain}-170").as_bytes()).unwrap();
        assert_eq!((uid.to_string().as_str(), uid.short().as_str(), sequence), (chain, "00112233…", 170));
        for bad in ["", "--1", "0", "-", "-+1", "-01", "-1x", " -1"] {
            assert_eq!(parse_id(format!("{chain}{bad}").as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_id(chain.to_uppercase().as_bytes()), None);
    }
}
