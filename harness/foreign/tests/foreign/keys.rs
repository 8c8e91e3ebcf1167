use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Decode, Reader, SliceReader};

use crate::common::{
    Form, MALFORMED, NO_PRIVATE_KEY, UNUSABLE, WRONG, bytes, private_key_of, rows, sign, verify,
};

const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 34];
const NULL: &[u8] = &[5, 0];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 4;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short @ 0..0x80] => vec![tag, short],
        [0, length] => vec![tag, 0x81, length],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(2, &[sign, bytes])
}

fn public_key(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(SEQUENCE, algorithm), &tlv(3, &[&[0], key])])
}

fn private_key(version: u8, algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&[2, 1, version], &tlv(SEQUENCE, algorithm), &tlv(OCTETS, &[key])])
}

/// A public key of RSA.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    public_key(&[RSA, NULL], &tlv(SEQUENCE, &[&integer(modulus), &integer(exponent)]))
}

/// The version and the eight numbers of the 512-bit key that Envoy was asked with.
fn numbers() -> Vec<Vec<u8>> {
    let key = private_key_of("s rsa512 sha512");
    let info = PrivateKeyInfoRef::from_der(&key).unwrap();
    let mut reader = SliceReader::new(info.private_key.as_bytes()).unwrap();
    let read = |reader: &mut SliceReader<'_>| {
        (0..9).map(|_| UintRef::decode(reader).map(|number| number.as_bytes().to_vec())).collect()
    };
    reader.sequence(read).unwrap()
}

fn rsa_private(numbers: &[Vec<u8>]) -> Vec<u8> {
    let integers: Vec<_> = numbers.iter().map(|number| integer(number)).collect();
    tlv(SEQUENCE, &integers.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn a_private_key_has_to_fit_itself() {
    let signed = |numbers: &[Vec<u8>]| {
        sign("sha1", Form::Der(&private_key(0, &[RSA, NULL], &rsa_private(numbers))), b"hello")
    };
    let good = numbers();
    let signature = signed(&good).unwrap();
    assert_eq!(verify("sha1", Form::Der(&rsa(&good[1], &good[2])), b"hello", &signature), Ok(()));
    for at in 0..good.len() {
        for change in [2, 0x80] {
            let mut numbers = good.clone();
            *numbers[at].last_mut().unwrap() ^= change;
            assert_eq!(signed(&numbers), Err(NO_PRIVATE_KEY.to_owned()), "{at} {change}");
        }
        let mut numbers = good.clone();
        numbers[at] = vec![1; 100_000 / 9 * 4];
        assert_eq!(signed(&numbers), Err(NO_PRIVATE_KEY.to_owned()), "{at} too long");
    }
    assert_eq!(signed(&good[..8]), Err(NO_PRIVATE_KEY.to_owned()));
}

#[test]
fn a_modulus_has_512_to_16384_bits_and_an_exponent_at_most_33() {
    let modulus = &numbers()[1];
    let answer = |modulus: &[u8], exponent: &[u8]| {
        verify("sha256", Form::Der(&rsa(modulus, exponent)), b"hello", &[1; 64]).unwrap_err()
    };
    for exponent in [&[3][..], &[1, 0, 1], &[1, 0xff, 0xff, 0xff, 0xff]] {
        assert_eq!(answer(modulus, exponent), WRONG, "{exponent:?}");
    }
    for exponent in [&[0][..], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 64], &[1; 65], &[1; 30_000]] {
        assert_eq!(answer(modulus, exponent), UNUSABLE, "{exponent:?}");
    }
    let even = [&modulus[..63], &[2]].concat();
    let short = [&[0x7f], &modulus[1..]].concat();
    let long = [&[1][..], &[0xff; 2048]].concat();
    for modulus in [&even[..], &short, &long, &[0], &[1; 60_000]] {
        assert_eq!(answer(modulus, &[1, 0, 1]), UNUSABLE, "{} bytes", modulus.len());
    }
    assert_eq!(answer(&long[1..], &[1, 0, 1]), WRONG);
    let [[key, signature]] = rows(include_str!("../fixtures/rsa16384.tsv")).collect::<Vec<_>>()[..] else {
        panic!("one line")
    };
    assert_eq!(verify("sha512", Form::Der(&bytes(key)), b"hello", &bytes(signature)), Ok(()));
}

#[test]
fn the_algorithm_of_a_key_has_its_parameters_and_no_others() {
    let numbers = numbers();
    let key = tlv(SEQUENCE, &[&integer(&numbers[1]), &integer(&numbers[2])]);
    let answer = |spki: &[u8]| verify("sha1", Form::Der(spki), b"hello", &[1; 64]).unwrap_err();
    assert_eq!(answer(&public_key(&[RSA, NULL], &key)), WRONG);
    for algorithm in [&[RSA][..], &[RSA, P256], &[RSA, NULL, NULL], &[NULL], &[EC, NULL], &[EC, P256]] {
        assert_eq!(answer(&public_key(algorithm, &key)), UNUSABLE, "{algorithm:?}");
    }
    assert_eq!(answer(&public_key(&[RSA, NULL], &[&key[..], &[0]].concat())), UNUSABLE);
}

/// An ECPrivateKey with these fields after its secret.
fn ec_private(secret: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &[&[2, 1, 1], &tlv(OCTETS, &[secret]), &fields.concat()])
}

#[test]
fn a_secret_on_a_curve_is_a_number_of_any_length_below_the_order() {
    let signed = |key: &[u8]| sign("sha256", Form::Der(&private_key(0, &[EC, P256], key)), b"hello");
    let good = signed(&ec_private(&[7; 32], &[])).unwrap();
    assert_eq!(signed(&ec_private(&[&[0; 40][..], &[7; 32]].concat(), &[])), Ok(good.clone()));
    assert_eq!(signed(&ec_private(&[7; 32], &[&tlv(0xa0, &[P256])])), Ok(good));
    assert!(signed(&ec_private(&[7], &[])).is_ok());
    let point = |bytes: &[u8]| tlv(0xa1, &[&tlv(3, &[&[0], bytes])]);
    let other = bytes("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    for (key, what) in [
        (ec_private(&[0; 32], &[]), "zero"),
        (ec_private(&[], &[]), "nothing"),
        (ec_private(&[0xff; 32], &[]), "the order and more"),
        (ec_private(&[7; 33], &[]), "too long"),
        (ec_private(&[7; 32], &[&tlv(0xa0, &[P384])]), "of another curve"),
        (ec_private(&[7; 32], &[&tlv(0xa0, &[NULL])]), "of no curve"),
        (ec_private(&[7; 32], &[&point(&other)]), "the public key of another"),
        (ec_private(&[7; 32], &[&point(&[4; 65])]), "no point"),
        (ec_private(&[7; 32], &[&tlv(0xa1, &[&[3, 1, 0]])]), "an empty point"),
        (ec_private(&[7; 32], &[NULL]), "something more"),
    ] {
        assert_eq!(signed(&key), Err(NO_PRIVATE_KEY.to_owned()), "{what}");
    }
    let more = tlv(
        SEQUENCE,
        &[&[2, 1, 0], &tlv(SEQUENCE, &[EC, P256]), &tlv(OCTETS, &[&ec_private(&[7], &[])]), NULL],
    );
    assert!(sign("sha256", Form::Der(&more), b"hello").is_ok(), "attributes are not looked at");
    let later = private_key(1, &[EC, P256], &ec_private(&[7; 32], &[]));
    assert_eq!(sign("sha256", Form::Der(&later), b"hello"), Err(NO_PRIVATE_KEY.to_owned()));
}

const DSA: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];

/// A number of so many bits that is odd.
fn odd(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0; bits.div_ceil(8)];
    bytes[0] = 1 << ((bits - 1) % 8);
    *bytes.last_mut().unwrap() |= 1;
    bytes
}

#[test]
fn a_key_of_dsa_has_to_fit_itself() {
    let below = |number: &[u8]| [&number[..number.len() - 1], &[0]].concat();
    let (p, q) = (odd(512), odd(160));
    let good = [p.clone(), q.clone(), vec![2], vec![3], vec![4]];
    let with = |changes: &[(usize, &[u8])]| {
        let mut numbers = good.clone();
        changes.iter().for_each(|(at, number)| numbers[*at] = number.to_vec());
        numbers
    };
    let signed = |[p, q, g, public, secret]: &[Vec<u8>; 5]| {
        let [p, q, g, public, secret] = [p, q, g, public, secret].map(|number| integer(number));
        let section = pem("DSA PRIVATE KEY", &tlv(SEQUENCE, &[&[2, 1, 0], &p, &q, &g, &public, &secret]));
        let alone = private_key(0, &[DSA, &tlv(SEQUENCE, &[&p, &q, &g])], &secret);
        [Form::Pem(&section), Form::Der(&alone)].map(|key| sign("sha1", key, b"hello").unwrap_err())
    };
    let (read, unread) = ([MALFORMED; 2], [NO_PRIVATE_KEY; 2]);
    for (changes, answers) in [
        (&[][..], read),
        (&[(0, &odd(8192)[..])], read),
        (&[(0, &odd(8193))], unread),
        (&[(0, &below(&p))], unread),
        (&[(1, &odd(224))], read),
        (&[(1, &odd(256))], read),
        (&[(1, &odd(161))], unread),
        (&[(1, &below(&q))], unread),
        (&[(0, &q)], unread),
        (&[(2, &[0])], unread),
        (&[(2, &below(&p))], read),
        (&[(2, &p)], unread),
        (&[(3, &[0])], [NO_PRIVATE_KEY, MALFORMED]),
        (&[(3, &p)], [NO_PRIVATE_KEY, MALFORMED]),
        (&[(4, &[0])], unread),
        (&[(4, &below(&q))], read),
        (&[(4, &q)], unread),
    ] {
        assert_eq!(signed(&with(changes)), answers, "{changes:?}");
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn the_first_key_of_a_pem_text_counts() {
    let signed = |text: &str| sign("sha1", Form::Pem(text), b"hello");
    let (rsa, ec) = (rsa_private(&numbers()), ec_private(&[7; 32], &[&tlv(0xa0, &[P256])]));
    let (by_rsa, by_ec) =
        (signed(&pem("RSA PRIVATE KEY", &rsa)).unwrap(), signed(&pem("EC PRIVATE KEY", &ec)).unwrap());
    let both = pem("RSA PRIVATE KEY", &rsa) + &pem("EC PRIVATE KEY", &ec);
    assert_eq!(signed(&both), Ok(by_rsa.clone()));
    assert_eq!(signed(&(pem("CERTIFICATE", b"?") + &both)), Ok(by_rsa.clone()));
    assert_eq!(signed(&pem("RSA PRIVATE KEY", &private_key(0, &[RSA, NULL], &rsa))), Ok(by_rsa));
    assert_eq!(signed(&pem("EC PRIVATE KEY", &private_key(0, &[EC, P256], &ec))), Ok(by_ec));
    for text in [
        pem("RSA PRIVATE KEY", b"?") + &both,
        pem("PRIVATE KEY", &rsa),
        pem("EC PRIVATE KEY", &rsa),
        pem("EC PRIVATE KEY", &ec_private(&[7; 32], &[])),
        pem("RSA PRIVATE KEY", &private_key(0, &[EC, P256], &ec)),
        pem("PUBLIC KEY", &rsa),
    ] {
        assert_eq!(signed(&text), Err(NO_PRIVATE_KEY.to_owned()), "{text}");
    }
}
