//! DER (ITU-T X.690) of public keys and signatures, as far as the host is to read them. Only written, never read.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// AlgorithmIdentifier of an RSA key (RFC 3279 section 2.3.1): rsaEncryption, NULL.
const RSA: [u8; 15] = [SEQUENCE, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// The algorithm of an EC key (RFC 5480 section 2.1.1): id-ecPublicKey.
const EC: [u8; 9] = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// secp256r1 (RFC 5480 section 2.1.1.1).
pub(crate) const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// secp384r1.
pub(crate) const P384: [u8; 7] = [6, 5, 0x2b, 0x81, 4, 0, 0x22];
/// secp521r1.
pub(crate) const P521: [u8; 7] = [6, 5, 0x2b, 0x81, 4, 0, 0x23];

/// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of an RSA key, from big-endian numbers.
pub(crate) fn rsa_public_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    let key = pair(n, e);
    element(SEQUENCE, &[&RSA, &element(BIT_STRING, &[&[0], &key])])
}

/// SubjectPublicKeyInfo of an uncompressed point on a curve.
pub(crate) fn ec_public_key(curve: &[u8], point: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&element(SEQUENCE, &[&EC, curve]), &element(BIT_STRING, &[&[0], point])])
}

/// ECDSA-Sig-Value (RFC 3279 section 2.2.3) and RSAPublicKey (section 2.3.1): two numbers that are not negative.
pub(crate) fn pair(first: &[u8], second: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&integer(first), &integer(second)])
}

/// Without zeros in front, but for the one that keeps it from being negative (X.690 section 8.3).
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if number.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}

/// Tag, length (X.690 section 8.1.3) and contents.
fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length = contents.iter().map(|part| part.len()).sum::<usize>();
    let mut element = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..=0x7f) => element.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let bytes = bytes.get(zeros..).unwrap_or_default();
            element.push(u8::try_from(bytes.len()).unwrap_or(0) | 0x80);
            element.extend(bytes);
        }
    }
    contents.iter().for_each(|part| element.extend(*part));
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_the_shortest_that_are_not_negative() {
        for (number, der) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[1], &[2, 1, 1]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0, 0xff, 0], &[2, 3, 0, 0xff, 0]),
        ] {
            assert_eq!(integer(number), der, "{number:?}");
        }
    }

    #[test]
    fn lengths_have_the_short_form_below_128() {
        let head = |length: usize| {
            let der = element(INTEGER, &[&vec![1; length]]);
            der[..der.len() - length].to_vec()
        };
        assert_eq!(head(127), [2, 0x7f]);
        assert_eq!(head(128), [2, 0x81, 0x80]);
        assert_eq!(head(255), [2, 0x81, 0xff]);
        assert_eq!(head(256), [2, 0x82, 1, 0]);
        assert_eq!(head(65_536), [2, 0x83, 1, 0, 0]);
    }
}
