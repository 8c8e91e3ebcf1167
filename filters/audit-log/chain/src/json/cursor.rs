//! A place in a JSON text, and the steps from there.

use std::fmt;

use crate::canonical::plain_run;
use crate::hex;

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

/// Why a text is not the JSON that is wanted, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    why: &'static str,
    at: usize,
    is_half: bool,
}

impl Wrong {
    /// Whether the text is right as far as it goes.
    pub(crate) fn is_half(self) -> bool {
        self.is_half
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.why, self.at + 1)
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is between two offsets.
    pub(crate) fn span(&self, span: std::ops::Range<usize>) -> &'a [u8] {
        self.text.get(span).unwrap_or_default()
    }

    /// What is wrong here.
    pub(crate) fn wrong(&self, why: &'static str) -> Wrong {
        Wrong { why, at: self.at, is_half: self.at >= self.text.len() }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The first byte of the next token.
    pub(crate) fn peek(&mut self) -> Result<u8, Wrong> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(self.wrong("it ends too early")),
            }
        }
    }

    fn take(&mut self, wanted: u8, why: &'static str) -> Result<(), Wrong> {
        match self.peek()? == wanted {
            true => self.at += 1,
            false => return Err(self.wrong(why)),
        }
        Ok(())
    }

    /// Nothing comes any more.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            Ok(_) => Err(self.wrong("something comes after its end")),
            Err(_) => Ok(()),
        }
    }

    /// An object. `member` gets the name of each member, as it is written, and takes its value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        self.take(b'{', "an object is missing")?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.take(b':', "a colon is missing")?;
            member(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(self.wrong("a comma is missing")),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// An array. `item` takes each element.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        self.take(b'[', "an array is missing")?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return Err(self.wrong("a comma is missing")),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// What is between the quotes of a string, as it is written.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Wrong> {
        self.take(b'"', "a string is missing")?;
        let start = self.at;
        loop {
            self.at += plain_run(self.text.get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape().map(drop)?,
                Some(_) => return Err(self.wrong("a control character is not escaped")),
                None => return Err(self.wrong("a string does not end")),
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(text)
    }

    /// The character of an escape.
    fn escape(&mut self) -> Result<char, Wrong> {
        self.at += 1;
        let Some(byte) = self.byte() else { return Err(self.wrong("a string does not end")) };
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(),
            _ => return Err(self.wrong("there is no such escape")),
        };
        self.at += 1;
        Ok(char::from(plain))
    }

    fn unicode(&mut self) -> Result<char, Wrong> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.wrong("half of a surrogate pair"));
        }
        if self.byte() != Some(b'\\') {
            return Err(self.wrong("half of a surrogate pair"));
        }
        self.at += 1;
        if self.byte() != Some(b'u') {
            return Err(self.wrong("half of a surrogate pair"));
        }
        let second = self.unit()?;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
        let joined = low.map(|low| 0x1_0000 + ((first - 0xd800) << 10) + low);
        joined.and_then(char::from_u32).ok_or_else(|| self.wrong("half of a surrogate pair"))
    }

    /// The code unit of an escape: `u` and four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Wrong> {
        self.at += 1;
        let Some(digits) = self.text.get(self.at..self.at + 4) else {
            self.at = self.text.len();
            return Err(self.wrong("a string does not end"));
        };
        let unit = hex::parse::<2>(&digits.to_ascii_lowercase());
        let unit = unit.ok_or_else(|| self.wrong("an escape has four hexadecimal digits"))?;
        self.at += 4;
        Ok(u32::from(u16::from_be_bytes(unit)))
    }

    /// What a string says that is written like this.
    pub(crate) fn unescape(&self, written: &'a [u8]) -> Result<String, Wrong> {
        let mut text = Vec::with_capacity(written.len());
        let mut inside = Self::new(written);
        loop {
            let rest = written.get(inside.at..).unwrap_or_default();
            let plain = plain_run(rest);
            text.extend_from_slice(rest.get(..plain).unwrap_or_default());
            inside.at += plain;
            if inside.at >= written.len() {
                return String::from_utf8(text).map_err(|_| self.wrong("a string is not UTF-8"));
            }
            let character = inside.escape().map_err(|wrong| self.wrong(wrong.why))?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// `true`, `false`, or `null`, which is `None`.
    pub(crate) fn literal(&mut self) -> Result<Option<bool>, Wrong> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [("true", Some(true)), ("false", Some(false)), ("null", None)] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
            if word.as_bytes().starts_with(rest) {
                self.at = self.text.len();
            }
        }
        Err(self.wrong("there is no such word"))
    }

    /// A number, as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a [u8], Wrong> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits("there is no such value")?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits("a number has no digits behind its point")?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits("a number has no digits in its exponent")?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self, why: &'static str) -> Result<(), Wrong> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Err(self.wrong(why)),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }
}
