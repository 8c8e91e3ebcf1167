//! Modular powers by Montgomery multiplication, of public numbers only: the time depends on the values.
//!
//! Limbs are narrower than their words, so that a column of products adds up without a carry: that is what makes it
//! fast in WebAssembly, which has no carry flag and no product of 128 bits.

/// 27 bits: a column sums up at most 2 x 304 products of 54 bits each, the carry from its right included, and stays below 2^64.
const WIDTH: usize = 27;
const MASK: u64 = (1 << WIDTH) - 1;
/// The longest modulus for which that holds.
pub(crate) const MAX_BYTES: usize = 1024;

/// An odd modulus `n`. With `R = 2^(27 * limbs)`, more than `4n`, no product needs a subtraction to stay below `2n`.
#[derive(Debug)]
pub(crate) struct Modulus {
    bytes: Vec<u8>,
    limbs: Vec<u32>,
    /// `-1 / n` modulo `2^27`.
    inverse: u64,
    /// `R^2` modulo `n`: what brings a number into Montgomery form.
    square: Vec<u32>,
}

impl Modulus {
    /// Takes the big-endian bytes of a modulus, without zeros in front. `None` if it is even, or one, or too long.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let (first, last) = (*bytes.first()?, *bytes.last()?);
        if first == 0 || last % 2 == 0 || bytes == [1] || bytes.len() > MAX_BYTES {
            return None;
        }
        let limbs = limbs(bytes, (bytes.len() * 8 + 2).div_ceil(WIDTH));
        let inverse = negative_inverse(u64::from(*limbs.first()?));
        let mut modulus = Self { bytes: bytes.to_vec(), limbs, inverse, square: Vec::new() };
        modulus.square = modulus.square_of_r(first);
        Some(modulus)
    }

    /// Its big-endian bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `base ^ exponent` modulo `n`, as long as `n`, of a base that is as long and less, and an odd exponent from 3 up.
    /// `None` for others.
    pub(crate) fn power(&self, base: &[u8], exponent: u32) -> Option<Vec<u8>> {
        if base.len() != self.bytes.len()
            || base >= self.bytes.as_slice()
            || exponent < 3
            || exponent.is_multiple_of(2)
        {
            return None;
        }
        let base = limbs(base, self.limbs.len());
        let form = self.product(&base, &self.square);
        let mut power = form.clone();
        for bit in (1..exponent.ilog2()).rev() {
            power = self.product(&power, &power);
            if exponent >> bit & 1 == 1 {
                power = self.product(&power, &form);
            }
        }
        power = self.product(&power, &power);
        // The last factor is not in Montgomery form, and so neither is the result.
        let power = self.product(&power, &base);
        Some(bytes(&self.reduced(power), self.bytes.len()))
    }

    /// `a * b / R` modulo `n`, below `2n`, of two factors below `2n`: column by column, with the multiple of `n` that clears each.
    fn product(&self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let count = self.limbs.len();
        let mut columns = vec![0_u64; 2 * count + 1];
        let lowest = b.first().copied().map_or(0, u64::from);
        for (index, a) in a.iter().enumerate() {
            let Some(row) = columns.get_mut(index..=index + count) else { break };
            let a = u64::from(*a);
            let cleared = row.first().map_or(0, |column| column.wrapping_add(a.wrapping_mul(lowest)));
            let multiple = cleared.wrapping_mul(self.inverse) & MASK;
            for ((column, b), n) in row.iter_mut().zip(b).zip(&self.limbs) {
                let both = a.wrapping_mul(u64::from(*b)).wrapping_add(multiple.wrapping_mul(u64::from(*n)));
                *column = column.wrapping_add(both);
            }
            if let [clear, next, ..] = row {
                *next = next.wrapping_add(*clear >> WIDTH);
            }
        }
        let mut carry = 0_u64;
        let narrow = |column: &u64| {
            carry = carry.wrapping_add(*column);
            let limb = low_limb(carry);
            carry >>= WIDTH;
            limb
        };
        columns.iter().skip(count).take(count).map(narrow).collect()
    }

    /// `R^2` modulo `n`: a power of two below `n` is doubled up to `2R`, and then raised.
    fn square_of_r(&self, first: u8) -> Vec<u32> {
        let (zeros, size) = (first.leading_zeros(), self.limbs.len() * WIDTH);
        let mut power = limbs(&top_bit(self.bytes.len(), zeros), self.limbs.len());
        let top = self.bytes.len() * 8 - 1 - usize::try_from(zeros).unwrap_or(0);
        for _ in top..=size {
            power = self.doubled(&power);
        }
        // Now it stands for two; two to the power of the bits of R, in Montgomery form, is the square.
        for bit in (0..size.ilog2()).rev() {
            power = self.reduced(self.product(&power, &power));
            if size >> bit & 1 == 1 {
                power = self.doubled(&power);
            }
        }
        power
    }

    /// Twice a number below `n`, below `n`.
    fn doubled(&self, number: &[u32]) -> Vec<u32> {
        let mut carry = 0;
        let double = |limb: &u32| {
            let twice = u64::from(*limb) * 2 + carry;
            carry = twice >> WIDTH;
            low_limb(twice)
        };
        self.reduced(number.iter().map(double).collect())
    }

    /// A number below `2n`, below `n`.
    fn reduced(&self, number: Vec<u32>) -> Vec<u32> {
        let mut borrow = 0_i64;
        let subtract = |(limb, n): (&u32, &u32)| {
            borrow += i64::from(*limb) - i64::from(*n);
            let limb = low_limb(borrow.cast_unsigned());
            borrow >>= WIDTH;
            limb
        };
        let difference: Vec<u32> = number.iter().zip(&self.limbs).map(subtract).collect();
        if borrow < 0 { number } else { difference }
    }
}

/// `-1 / n` modulo `2^27` of an odd number: each step of Newton's doubles the bits that are right, from 3 to 48.
fn negative_inverse(n: u64) -> u64 {
    let step = |inverse: u64, _| inverse.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(inverse)));
    (0..4).fold(n, step).wrapping_neg() & MASK
}

const fn low_limb(word: u64) -> u32 {
    (word & MASK) as u32
}

/// One bit, with this many zeros before it.
fn top_bit(length: usize, zeros: u32) -> Vec<u8> {
    let mut bytes = vec![0; length];
    if let Some(first) = bytes.first_mut() {
        *first = 0x80_u8 >> zeros;
    }
    bytes
}

/// Big-endian bytes as limbs, lowest first.
fn limbs(bytes: &[u8], count: usize) -> Vec<u32> {
    let (mut limbs, mut word, mut bits) = (Vec::with_capacity(count), 0_u64, 0);
    for byte in bytes.iter().rev() {
        word |= u64::from(*byte) << bits;
        bits += 8;
        if bits >= WIDTH {
            limbs.push(low_limb(word));
            word >>= WIDTH;
            bits -= WIDTH;
        }
    }
    limbs.push(low_limb(word));
    limbs.resize(count, 0);
    limbs
}

/// Limbs as so many big-endian bytes.
fn bytes(limbs: &[u32], length: usize) -> Vec<u8> {
    let (mut bytes, mut word, mut bits) = (Vec::with_capacity(length + 3), 0_u64, 0);
    for limb in limbs {
        word |= u64::from(*limb) << bits;
        bits += WIDTH;
        while bits >= 8 {
            let [byte, ..] = word.to_le_bytes();
            bytes.push(byte);
            word >>= 8;
            bits -= 8;
        }
    }
    bytes.resize(length, 0);
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    use proptest::prelude::*;

    use super::*;

    /// The same by another library.
    fn expected(n: &[u8], base: &[u8], exponent: u32) -> Vec<u8> {
        let modulus = Odd::new(BoxedUint::from_be_slice_vartime(n)).unwrap();
        let precision = modulus.as_ref().bits_precision();
        let parameters = BoxedMontyParams::new_vartime(modulus);
        let base = BoxedUint::from_be_slice(base, precision).unwrap();
        let power =
            BoxedMontyForm::new(base, &parameters).pow(&BoxedUint::from(exponent)).retrieve().to_be_bytes();
        power[power.len() - n.len()..].to_vec()
    }

    fn modulus(bytes: &mut [u8]) -> Modulus {
        let last = bytes.len() - 1;
        bytes[0] |= 1;
        bytes[last] |= 1;
        Modulus::new(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn powers_are_those_of_another_library(
            mut n in prop::collection::vec(any::<u8>(), 2..300),
            seed in prop::collection::vec(any::<u8>(), 300),
            exponent in 3_u32..,
        ) {
            let (modulus, exponent) = (modulus(&mut n), exponent | 1);
            let mut base = seed[..n.len()].to_vec();
            base[0] = base[0].min(n[0] - 1);
            prop_assert_eq!(modulus.power(&base, exponent).unwrap(), expected(&n, &base, exponent));
        }

        #[test]
        fn bytes_survive_as_limbs(number in prop::collection::vec(any::<u8>(), 1..300)) {
            let limbs = limbs(&number, (number.len() * 8 + 2).div_ceil(WIDTH));
            prop_assert!(limbs.iter().all(|limb| u64::from(*limb) <= MASK));
            prop_assert_eq!(bytes(&limbs, number.len()), number);
        }
    }

    #[test]
    fn the_longest_and_the_fullest_numbers_do_not_overflow() {
        for length in [256, 257, 384, 512, 1023, MAX_BYTES] {
            for (mut n, base) in [
                (vec![0xff; length], [vec![0xff; length - 1], vec![0xfe]].concat()),
                (vec![0xff; length], [vec![0xfe], vec![0xff; length - 1]].concat()),
                ([vec![0x80], vec![0; length - 1]].concat(), [vec![0x7f], vec![0xff; length - 1]].concat()),
                (
                    [vec![0x01], vec![0xff; length - 1]].concat(),
                    [vec![0x00], vec![0xff; length - 1]].concat(),
                ),
            ] {
                let modulus = modulus(&mut n);
                assert_eq!(modulus.power(&base, 65_537).unwrap(), expected(&n, &base, 65_537), "{length}");
                assert_eq!(modulus.power(&vec![0; length], 3).unwrap(), vec![0; length]);
            }
        }
    }

    #[test]
    fn what_is_out_of_range_has_no_power() {
        let n = [0xff, 0x01];
        let modulus = Modulus::new(&n).unwrap();
        assert_eq!(modulus.power(&[0, 2], 3), Some(vec![0, 8]));
        assert_eq!(modulus.power(&[0xff, 0x00], 3), Some(vec![0xff, 0x00]));
        for (base, exponent) in
            [(&n[..], 3), (&[0xff, 0xff], 3), (&[2], 3), (&[0, 0, 2], 3), (&[0, 2], 4), (&[0, 2], 1)]
        {
            assert_eq!(modulus.power(base, exponent), None, "{base:?} {exponent}");
        }
        for n in [&[][..], &[1], &[2], &[0, 3], &[0xff; MAX_BYTES + 1]] {
            assert!(Modulus::new(n).is_none(), "{n:?}");
        }
    }
}
