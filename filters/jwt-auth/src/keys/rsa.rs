//! RSA signatures: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) and RSASSA-PSS (section 8.1.2).
//!
//! The encodings. Everything here is public data, so nothing needs to take constant time.

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::montgomery::{MAX_BYTES, Modulus};
use crate::Algorithm;

/// RFC 7518 sections 3.3 and 3.5: 2048 bits or more; and an upper bound on what one request can cost.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;
/// Smaller exponents have a history of forged paddings; larger ones only cost.
const EXPONENT: std::ops::RangeInclusive<u32> = 65_537..=u32::MAX;

/// An RSA public key, ready for Montgomery arithmetic.
#[derive(Debug)]
pub(crate) struct RsaKey {
    modulus: Modulus,
    exponent: u32,
    bits: u32,
}

/// Why a modulus or an exponent is refused, and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RsaKeyError {
    Exponent,
    Modulus,
}

impl RsaKey {
    /// A key from the big-endian bytes of `n` and `e` (RFC 7518 section 6.3.1).
    pub(crate) fn new(n: &[u8], e: &[u8]) -> Result<Self, RsaKeyError> {
        let exponent = e
            .iter()
            .try_fold(0_u32, |value, byte| value.checked_mul(256).map(|value| value | u32::from(*byte)));
        let exponent =
            exponent.filter(|e| EXPONENT.contains(e) && e % 2 == 1).ok_or(RsaKeyError::Exponent)?;
        let significant = n.iter().position(|byte| *byte != 0).and_then(|start| n.get(start..));
        let n = significant.filter(|n| n.len() <= MAX_BYTES).ok_or(RsaKeyError::Modulus)?;
        let zeros = n.first().map_or(8, |first| first.leading_zeros());
        let bits = u32::try_from(n.len() * 8).map_or(0, |bits| bits - zeros);
        let modulus = Modulus::new(n).filter(|_| MODULUS_BITS.contains(&bits)).ok_or(RsaKeyError::Modulus)?;
        Ok(Self { modulus, exponent, bits })
    }

    /// The big-endian bytes of `n`, without zeros in front.
    pub(crate) fn modulus(&self) -> &[u8] {
        self.modulus.bytes()
    }

    /// Whether this can be a signature: as long as the modulus (RFC 8017 section 8.2.2 step 1), and less (section 5.2.2).
    pub(crate) fn is_in_range(&self, signature: &[u8]) -> bool {
        signature.len() == self.modulus().len() && signature < self.modulus()
    }

    /// Whether the signature fits; `false` too for an algorithm that is not RSA.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = self.modulus.power(signature, self.exponent) else { return false };
        match algorithm {
            Algorithm::Rs256 => is_pkcs1(&encoded, &SHA256_INFO, &Sha256::digest(message)),
            Algorithm::Rs384 => is_pkcs1(&encoded, &SHA384_INFO, &Sha384::digest(message)),
            Algorithm::Rs512 => is_pkcs1(&encoded, &SHA512_INFO, &Sha512::digest(message)),
            Algorithm::Ps256 => is_pss::<Sha256>(&encoded, self.bits - 1, message),
            Algorithm::Ps384 => is_pss::<Sha384>(&encoded, self.bits - 1, message),
            Algorithm::Ps512 => is_pss::<Sha512>(&encoded, self.bits - 1, message),
            _ => false,
        }
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): the one right encoding is built and compared, nothing is parsed.
fn is_pkcs1(encoded: &[u8], digest_info: &[u8], digest: &[u8]) -> bool {
    let Some(padding) = encoded.len().checked_sub(digest_info.len() + digest.len() + 3) else { return false };
    padding >= 8 && encoded == [&[0, 1], vec![0xff; padding].as_slice(), &[0], digest_info, digest].concat()
}

/// EMSA-PSS verification (RFC 8017 section 9.1.2) with a salt as long as the digest (RFC 7518 section 3.5).
fn is_pss<D: Digest>(encoded: &[u8], em_bits: u32, message: &[u8]) -> bool {
    pss_salt_fits::<D>(encoded, em_bits, message).unwrap_or(false)
}

fn pss_salt_fits<D: Digest>(encoded: &[u8], em_bits: u32, message: &[u8]) -> Option<bool> {
    let digest_size = <D as Digest>::output_size();
    let em_length = usize::try_from(em_bits.div_ceil(8)).ok()?;
    // A modulus of 8n + 1 bits leaves one byte in front, which is zero.
    let (front, encoded) = encoded.split_at_checked(encoded.len().checked_sub(em_length)?)?;
    let (masked, rest) = encoded.split_at_checked(em_length.checked_sub(digest_size + 1)?)?;
    let (hash, trailer) = rest.split_at_checked(digest_size)?;
    let unused = u32::try_from(em_length).ok()? * 8 - em_bits;
    let unused_mask = !(0xff_u8 >> unused);
    let mut block: Vec<u8> = masked.iter().zip(mgf1::<D>(hash, masked.len())).map(|(m, g)| m ^ g).collect();
    let first = block.first_mut()?;
    if front.iter().any(|byte| *byte != 0) || trailer != [0xbc] || masked.first()? & unused_mask != 0 {
        return None;
    }
    *first &= !unused_mask;
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(digest_size)?)?;
    let (one, zeros) = padding.split_last()?;
    let salted = D::new().chain_update([0; 8]).chain_update(D::digest(message)).chain_update(salt).finalize();
    Some(*one == 1 && zeros.iter().all(|byte| *byte == 0) && salted.as_slice() == hash)
}

/// The mask generation function of RFC 8017 appendix B.2.1.
fn mgf1<D: Digest>(seed: &[u8], length: usize) -> impl Iterator<Item = u8> {
    let blocks = (0_u32..).map(move |counter| {
        D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize().to_vec()
    });
    blocks.flatten().take(length)
}

/// DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
const fn digest_info(hash: u8, length: u8) -> [u8; 19] {
    [0x30, 0x11 + length, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash, 5, 0, 4, length]
}
const SHA256_INFO: [u8; 19] = digest_info(1, 32);
const SHA384_INFO: [u8; 19] = digest_info(2, 48);
const SHA512_INFO: [u8; 19] = digest_info(3, 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_moduli_and_exponents_are_refused() {
        let modulus = |bits: usize| {
            let mut n = vec![0xff; bits / 8];
            n[0] |= 0x80;
            n
        };
        let error = |n: &[u8], e: &[u8]| RsaKey::new(n, e).err();
        assert_eq!(error(&modulus(2048), &[1, 0, 1]), None);
        let padded = RsaKey::new(&[vec![0; 20_000], modulus(2048)].concat(), &[1, 0, 1]).unwrap();
        assert_eq!(padded.modulus().len(), 256);
        assert_eq!(error(&modulus(1024), &[1, 0, 1]), Some(RsaKeyError::Modulus));
        assert_eq!(error(&modulus(16384), &[1, 0, 1]), Some(RsaKeyError::Modulus));
        assert_eq!(error(&[], &[1, 0, 1]), Some(RsaKeyError::Modulus));
        let mut even = modulus(2048);
        even[255] = 0xfe;
        assert_eq!(error(&even, &[1, 0, 1]), Some(RsaKeyError::Modulus));
        for e in [&[][..], &[1], &[3], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(error(&modulus(2048), e), Some(RsaKeyError::Exponent), "{e:?}");
        }
    }

    #[test]
    fn a_padding_that_is_too_short_is_no_padding() {
        let digest = [7; 32];
        let encoded =
            |padding: usize| [&[0, 1], vec![0xff; padding].as_slice(), &[0], &SHA256_INFO, &digest].concat();
        assert!(is_pkcs1(&encoded(8), &SHA256_INFO, &digest));
        assert!(!is_pkcs1(&encoded(7), &SHA256_INFO, &digest));
        assert!(!is_pkcs1(&[], &SHA256_INFO, &digest));
    }
}
