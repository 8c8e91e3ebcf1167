//! `tracestate`: what tracing systems have noted (W3C Trace Context Level 2, section 3.3).

use crate::text::{pair, trim};

/// Members in a list.
const MOST: usize = 32;
/// Characters that are handed on at least (section 3.3.1.5); longer lists lose whole members when they are written.
const LONGEST: usize = 512;
/// Members longer than this go first when a list is too long.
const LONG: usize = 128;

/// A list of members, each the note of one system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState {
    members: Vec<(Vec<u8>, Vec<u8>)>,
}

impl TraceState {
    /// Reads the values of all `tracestate` headers, in order. `None` where any of it breaks the grammar: then none of it counts.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut members: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut count = 0;
        for member in values.into_iter().flat_map(|value| value.split(|byte| *byte == b',')) {
            let member = trim(member);
            if member.is_empty() {
                continue;
            }
            let (key, value) = pair(member)?;
            count += 1;
            if count > MOST || !is_key(key) || !is_value(value) {
                return None;
            }
            // Of a key that was sent twice, the first is the newest.
            if !members.iter().any(|(other, _)| other == key) {
                members.push((key.to_vec(), value.to_vec()));
            }
        }
        Some(Self { members })
    }

    /// The note of a system.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.members.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Notes something, in front of what others have noted. What breaks the grammar is not noted.
    pub fn set(&mut self, key: &str, value: &str) {
        self.remove(key);
        if is_key(key.as_bytes()) && is_value(value.as_bytes()) {
            self.members.insert(0, (key.as_bytes().to_vec(), value.as_bytes().to_vec()));
            self.members.truncate(MOST);
        }
    }

    /// Takes out the note of a system.
    pub fn remove(&mut self, key: &str) {
        self.members.retain(|(name, _)| name != key.as_bytes());
    }

    /// Whether nobody has noted anything.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The value of the header, at most 512 bytes: from a longer list whole members are left out, first those of more than 128
    /// characters, then from the right (section 3.3.1.5).
    pub fn render(&self) -> Vec<u8> {
        let mut members: Vec<_> =
            self.members.iter().map(|(key, value)| [key, &b"="[..], value].concat()).collect();
        let size = |members: &[Vec<u8>]| {
            members.iter().map(Vec::len).sum::<usize>() + members.len().saturating_sub(1)
        };
        while size(&members) > LONGEST {
            match members.iter().rposition(|member| member.len() > LONG) {
                Some(place) => drop(members.remove(place)),
                None => drop(members.pop()),
            }
        }
        members.join(&b',')
    }
}

/// A lower-case letter or digit, and up to 255 more characters.
fn is_key(key: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= 256
        && key.first().is_some_and(is_first)
        && key.iter().all(|byte| is_first(byte) || b"_-*/@".contains(byte))
}

/// 1 to 256 printable characters but `,` and `=`, the last of them no blank.
fn is_value(value: &[u8]) -> bool {
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(is_plain) && value.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<TraceState> {
        TraceState::parse([text.as_bytes()])
    }

    #[test]
    fn members_keep_their_order_and_several_headers_are_one_list() {
        let state = TraceState::parse([&b"foo=1, ,\tbar= 2 ,"[..], b"", b"a@b=3,0*-_/x=4"]).unwrap();
        assert_eq!(state.render(), b"foo=1,bar= 2,a@b=3,0*-_/x=4");
        assert_eq!(state.get("bar"), Some(&b" 2"[..]));
        assert_eq!(parse(" "), Some(TraceState::default()));
    }

    #[test]
    fn one_bad_member_costs_the_list() {
        let long_key = format!("{}=1", "k".repeat(257));
        let long_value = format!("k={}", "v".repeat(257));
        let many = vec!["a=1"; 33].join(",");
        for bad in [
            "foo",
            "foo=",
            "=1",
            "foo=bar=baz",
            "Foo=1",
            "foo =1",
            "_a=1",
            "f\u{f6}=1",
            "a=\u{7f}",
            "foo=,bar=3",
        ]
        .into_iter()
        .chain([long_key.as_str(), &long_value, &many])
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let most: Vec<_> = (0..32).map(|number| format!("k{number}=1")).collect();
        assert!(parse(&most.join(",")).is_some());
        assert!(parse(&format!("{}=1", "k".repeat(256))).is_some());
    }

    #[test]
    fn who_notes_something_comes_first_and_nobody_is_there_twice() {
        let mut state = parse("a=1,ot=2,b=3,a=4").unwrap();
        state.set("ot", "th:8");
        assert_eq!(state.render(), b"ot=th:8,a=1,b=3");
        state.set("ot", "=");
        assert_eq!(state.render(), b"a=1,b=3");
        let mut full = parse(&(0..32).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",")).unwrap();
        full.set("ot", "1");
        assert!(full.render().starts_with(b"ot=1,k0=1,") && full.render().ends_with(b",k30=1"));
    }

    #[test]
    fn long_lists_lose_whole_members() {
        let (short, long) = ("s=".to_owned() + &"1".repeat(100), "l=".to_owned() + &"1".repeat(200));
        let list =
            [&short, &long, &short.replace('s', "t"), &long.replace('l', "m"), &short.replace('s', "u")];
        let rendered = parse(&list.map(String::as_str).join(",")).unwrap().render();
        assert_eq!(
            rendered,
            list[..3]
                .iter()
                .map(|it| it.as_bytes())
                .chain([list[4].as_bytes()])
                .collect::<Vec<_>>()
                .join(&b',')
        );
        let many: Vec<_> = (0..6).map(|n| format!("k{n}={}", "1".repeat(97))).collect();
        assert_eq!(parse(&many.join(",")).unwrap().render(), many[..5].join(",").as_bytes());
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read_and_says_the_same(text in "[ -~\t]{0,80}", key in "[a-z0-9@]{1,9}", value in "[ -~]{0,9}") {
            let Some(mut state) = parse(&text) else { return Ok(()) };
            prop_assert_eq!(&parse(std::str::from_utf8(&state.render()).unwrap()).unwrap(), &state);
            state.set(&key, &value);
            prop_assert_eq!(&parse(std::str::from_utf8(&state.render()).unwrap()).unwrap(), &state);
        }
    }
}
