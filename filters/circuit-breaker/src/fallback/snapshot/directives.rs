use portcullis_kit::Headers;

/// What `cache-control` says (RFC 9111 section 5.2, RFC 5861), of a request or a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    /// Seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    pub(crate) max_stale: Option<u64>,
}

impl Directives {
    /// All of them together: of two numbers for the same the smaller one counts, and what is no number is 0.
    pub(crate) fn of(message: &Headers) -> Self {
        let mut directives = Self::default();
        let mut has_any = false;
        for line in message.all("cache-control") {
            has_any = true;
            parts(line).for_each(|part| directives.take(part));
        }
        // RFC 9111 section 5.4.
        if !has_any {
            directives.no_cache =
                message.all("pragma").flat_map(parts).any(|it| it.eq_ignore_ascii_case(b"no-cache"));
        }
        directives
    }

    fn take(&mut self, part: &[u8]) {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let argument = halves.next();
        let smaller = |number: &mut Option<u64>| {
            let seconds = argument.and_then(seconds).unwrap_or(0);
            *number = Some(number.map_or(seconds, |other| other.min(seconds)));
        };
        match name.as_slice() {
            b"no-store" => self.no_store = true,
            // Also where it names fields: nobody here takes single ones out.
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"min-fresh" => smaller(&mut self.min_fresh),
            // Without a number, however stale.
            b"max-stale" if argument.is_none() => self.max_stale = Some(self.max_stale.unwrap_or(u64::MAX)),
            b"max-stale" => smaller(&mut self.max_stale),
            b"max-age" => smaller(&mut self.max_age),
            b"s-maxage" => smaller(&mut self.s_maxage),
            b"stale-if-error" => smaller(&mut self.stale_if_error),
            _ => {}
        }
    }
}

/// The members of a list, whose commas do not count within quotes (RFC 9110 section 5.6.4). A line whose quotes do not end is cut at every comma:
/// what stands in it counts, whatever it was meant to be.
fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut whole = Quotes::default();
    line.iter().for_each(|byte| _ = whole.step(*byte));
    let mut quotes = Quotes::default();
    let is_comma = move |byte: &u8| {
        let is_quoted = quotes.step(*byte) && !whole.is_open;
        *byte == b',' && !is_quoted
    };
    line.split(is_comma).map(<[u8]>::trim_ascii)
}

/// Where quotes are open.
#[derive(Clone, Copy, Debug, Default)]
struct Quotes {
    is_open: bool,
    /// Whether the next byte stands for itself.
    is_escaped: bool,
}

impl Quotes {
    /// Whether a byte stands within quotes.
    fn step(&mut self, byte: u8) -> bool {
        let is_escaped = std::mem::take(&mut self.is_escaped);
        self.is_open ^= byte == b'"' && !is_escaped;
        self.is_escaped = byte == b'\\' && self.is_open && !is_escaped;
        self.is_open
    }
}

/// `delta-seconds` (RFC 9111 section 1.2.2), also in quotes.
fn seconds(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    // More than fit are very many.
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok().or(Some(u64::MAX))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> Directives {
        Directives::of(&Headers::from_iter(fields.iter().copied()))
    }

    #[test]
    fn directives_come_in_any_case_and_from_all_lines() {
        let directives = of(&[("cache-control", "Public, MAX-AGE=60"), ("cache-control", "s-maxage=\"30\"")]);
        assert!(directives.public && !directives.no_store);
        assert_eq!((directives.max_age, directives.s_maxage), (Some(60), Some(30)));
    }

    #[test]
    fn the_stricter_reading_counts() {
        assert_eq!(of(&[("cache-control", "max-age=60, max-age=10")]).max_age, Some(10));
        for text in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=abc"] {
            assert_eq!(of(&[("cache-control", text)]).max_age, Some(0), "{text}");
        }
        assert!(of(&[("cache-control", "no-cache=\"set-cookie, x\"")]).no_cache);
        assert!(!of(&[("cache-control", "x=\"no-store, private\"")]).no_store, "within quotes");
        assert!(
            of(&[("cache-control", r#"max-age=60, x="a\"b", private"#)]).private,
            "an escaped quote ends nothing"
        );
        assert!(
            of(&[("cache-control", "max-age=60, x=\"a, private")]).private,
            "quotes that do not end hide nothing"
        );
    }

    #[test]
    fn pragma_counts_where_there_is_nothing_else() {
        assert!(of(&[("pragma", "No-Cache")]).no_cache);
        assert!(!of(&[("pragma", "no-cache"), ("cache-control", "max-age=1")]).no_cache);
    }
}
