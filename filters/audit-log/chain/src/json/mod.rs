//! JSON as it comes back: strict (RFC 8259), no member twice, doubles rounded right.
//!
//! `serde_json` keeps the last of two equal members without a word, and without a feature that would change it for the whole workspace it rounds some
//! doubles wrong. Either would let a record pass as another one.

mod cursor;

use serde_json::{Map, Number, Value};

pub(crate) use cursor::{Cursor, Wrong};

/// The nesting that is accepted.
pub(crate) const DEPTH: usize = 64;

/// Parses one JSON text.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Wrong> {
    let mut cursor = Cursor::new(text);
    let value = value(&mut cursor, DEPTH)?;
    cursor.end()?;
    Ok(value)
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, Wrong> {
    let depth = depth.checked_sub(1).ok_or_else(|| cursor.wrong("it is nested too deep"))?;
    match cursor.peek()? {
        b'{' => {
            let mut members = Map::new();
            cursor.object(|cursor, name| {
                let name = cursor.unescape(name)?;
                let member = value(cursor, depth)?;
                match members.insert(name, member) {
                    Some(_) => Err(cursor.wrong("a member is there twice")),
                    None => Ok(()),
                }
            })?;
            Ok(Value::Object(members))
        }
        b'[' => {
            let mut items = Vec::new();
            cursor.array(|cursor| {
                items.push(value(cursor, depth)?);
                Ok(())
            })?;
            Ok(Value::Array(items))
        }
        b'"' => {
            let text = cursor.string()?;
            cursor.unescape(text).map(Value::String)
        }
        b't' | b'f' | b'n' => cursor.literal().map(|literal| literal.map_or(Value::Null, Value::Bool)),
        _ => {
            let digits = cursor.number()?;
            number(digits).map(Value::Number).ok_or_else(|| cursor.wrong("a number is too large"))
        }
    }
}

fn number(digits: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(digits).ok()?;
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    // `-0` is the double.
    if let Some(negative) = text.parse::<i64>().ok().filter(|it| *it != 0) {
        return Some(negative.into());
    }
    Number::from_f64(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_allows_comes_out_as_serde_json_has_it() {
        for text in [
            r#"{"a":[1,-2,3.5,true,false,null,"x"],"b":{"c":{}},"d":[]}"#,
            " [ 1 , 2e3 , -0.5E-2,\t{ \"a\" : \"b\" }\r\n] ",
            r#""\u00fc\ud83d\ude00\"\\\/\b\f\n\r\t ü 😀""#,
            "18446744073709551615",
            "-9223372036854775808",
            "0",
        ] {
            assert_eq!(
                parse(text.as_bytes()).unwrap(),
                serde_json::from_str::<Value>(text).unwrap(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_json_does_not_allow_is_refused() {
        for text in [
            "",
            "{",
            "[",
            "\"",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "{,}",
            "{a:1}",
            "{1:1}",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "-Infinity",
            "tru",
            "nul",
            "True",
            "1 2",
            "{} {}",
            "[1 2]",
            "{\"a\" 1}",
            "'a'",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "\"\u{1}\"",
            "1e400",
            "\u{feff}{}",
            "\u{a0}{}",
            "// x\n{}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_repeated_member_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            let told = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(told.starts_with("a member is there twice, at byte "), "{text}: {told}");
        }
    }

    #[test]
    fn it_is_not_nested_without_end() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(DEPTH)).is_ok());
        assert!(parse(&nested(DEPTH + 1)).is_err());
    }

    #[test]
    fn where_a_text_ends_too_early_it_is_half_of_one() {
        let text = r#"{"a":[1.5,true,"x\u00fc"],"b":{}}"#;
        for length in 0..text.len() {
            assert!(parse(&text.as_bytes()[..length]).unwrap_err().is_half(), "{length}");
        }
        assert!(!parse(b"{\"a\":1]").unwrap_err().is_half());
    }
}
