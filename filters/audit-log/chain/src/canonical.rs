//! JSON in the one form of RFC 8785: members in the order of their UTF-16 code units, no blanks, numbers as ECMAScript has them.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// From here on a double does not hold every integer (RFC 8785 section 3.2.2.3, and appendix D).
const EXACT: u64 = 1 << 53;

/// Appends a string with its quotes.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, from) = rest.split_at(plain_run(rest));
        out.extend_from_slice(plain);
        let Some((first, after)) = from.split_first() else { break };
        escape(out, *first);
        rest = after;
    }
    out.push(b'"');
}

/// How many bytes need no escape, from the beginning on.
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    let words = bytes.chunks_exact(8).take_while(|word| {
        let Ok(word) = <[u8; 8]>::try_from(*word) else { return false };
        !has_escaped(u64::from_ne_bytes(word))
    });
    let start = words.count() * 8;
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| is_escaped(*byte)).unwrap_or(rest.len())
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of eight bytes has to be escaped, by arithmetic on all at once.
fn has_escaped(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & (ONES << 7);
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | is(b'"') | is(b'\\') != 0
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            return crate::hex::push(out, &[byte]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends an integer. One that a double does not hold becomes the double next to it, which is what RFC 8785 makes of it.
pub fn integer(out: &mut Vec<u8>, number: u64) {
    match number <= EXACT {
        true => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        false => double(out, number as f64),
    }
}

/// Appends a number.
pub fn number(out: &mut Vec<u8>, number: &Number) {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => integer(out, number),
        (None, Some(negative)) => {
            out.push(b'-');
            integer(out, negative.unsigned_abs());
        }
        // serde_json has neither infinities nor NaN.
        _ => double(out, number.as_f64().unwrap_or_default()),
    }
}

fn double(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(ryu_js::Buffer::new().format(number).as_bytes());
}

/// Appends any value.
pub fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(it) => number(out, it),
        Value::String(text) => string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                self::value(out, item);
            }
            out.push(b']');
        }
        Value::Object(members) => object(out, members),
    }
}

fn object(out: &mut Vec<u8>, members: &serde_json::Map<String, Value>) {
    let mut sorted: Vec<_> = members.iter().collect();
    if !sorted.is_sorted_by(|(a, _), (b, _)| order(a, b).is_lt()) {
        sorted.sort_unstable_by(|(a, _), (b, _)| order(a, b));
    }
    out.push(b'{');
    for (index, (name, member)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        value(out, member);
    }
    out.push(b'}');
}

/// In which order two members stand: that of their UTF-16 code units (RFC 8785 section 3.2.3).
pub fn order(a: &str, b: &str) -> Ordering {
    // UTF-8 has the order of code points. It differs only where a surrogate (0xd800..) meets U+E000 and later ones.
    match a.is_ascii() || b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        value(&mut out, &crate::json::parse(text.as_bytes()).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_sample_of_rfc_8785() {
        let sample = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = concat!(
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(canonical(sample), expected);
    }

    #[test]
    fn the_order_of_rfc_8785() {
        let sample = r#"{
            "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        let sorted = canonical(sample);
        let names = [r"\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"];
        let places: Vec<_> = names.iter().map(|name| sorted.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{sorted}");
    }

    #[test]
    fn the_numbers_of_rfc_8785() {
        // Appendix B: the bits of a double, and how it is written.
        let samples: [(u64, &str); 24] = [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ];
        for (bits, expected) in samples {
            let mut out = Vec::new();
            number(&mut out, &Number::from_f64(f64::from_bits(bits)).unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn integers_are_doubles() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-17", "-17"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740993", "9007199254740992"),
            ("-9007199254740993", "-9007199254740992"),
            ("18446744073709551615", "18446744073709552000"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }

    #[test]
    fn escapes_are_found_wherever_they_stand() {
        for byte in 0..128_u8 {
            for place in 0..20 {
                let mut text = "\u{fc}\u{7f}0123456789abcdefgh".to_owned();
                text.insert(text.char_indices().nth(place).unwrap().0, char::from(byte));
                let mut out = Vec::new();
                string(&mut out, &text);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
                let inside = &out[1..out.len() - 1];
                assert_eq!(inside.len() == text.len(), !is_escaped(byte), "{text:?}");
            }
        }
    }
}
