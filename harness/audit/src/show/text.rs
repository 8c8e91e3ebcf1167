//! Texts from the wire on their way to a terminal.

use portcullis_scenario::report::shown_line;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text as a single line that does nothing: what a terminal would obey is escaped, and so is what nobody would see. Two users whose names
/// differ by such a character are two.
pub fn told(text: &str) -> String {
    if !text.contains(is_invisible) {
        return shown_line(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_invisible(c) {
            true => escaped.extend(c.escape_unicode()),
            false => escaped.push(c),
        }
    }
    shown_line(&escaped)
}

/// Whether a character takes no place of its own, or does not look like what it is. Combining marks are left: names are written with them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{3000}')
}

/// The columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text of at most this many columns: of a longer one, its start and its end.
pub(crate) fn cut_middle(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let Some(room) = most.checked_sub(1) else { return String::new() };
    // The end of a path or an id says more than its middle; of two halves the start is the longer one.
    let end = room / 2;
    let head = taken(text.chars(), room - end);
    format!("{head}…{}", last(text, end))
}

/// From so many columns on, a path that has lost its middle still says where it begins.
const BOTH_ENDS: usize = 24;

/// A request of at most this many columns: of a long one, the host is cut first, because the path says more.
pub(crate) fn cut_host(request: &str, most: usize) -> String {
    let over = width(request).saturating_sub(most);
    let parts = request
        .split_once(' ')
        .and_then(|(method, target)| Some((method, target.split_at(target.find('/')?))));
    match parts {
        // One column of the host makes place for the dots.
        Some((method, (host, path))) if over > 0 && over < width(host) => {
            format!("{method} {}…{path}", taken(host.chars(), width(host) - over - 1))
        }
        Some((method, (host, path))) if over > 0 && !host.is_empty() => {
            let room = most.saturating_sub(width(method) + 2);
            match room >= BOTH_ENDS {
                true => format!("{method} …{}", cut_middle(path, room)),
                false => cut_middle(&format!("{method} …{}", last(path, room)), most),
            }
        }
        _ => cut_middle(request, most),
    }
}

/// The end of a text.
fn last(text: &str, most: usize) -> String {
    taken(text.chars().rev(), most).chars().rev().collect()
}

fn taken(chars: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or_default();
        used <= most
    };
    chars.take_while(fits).collect()
}

/// A text in exactly this many columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let mut text = cut_middle(text, columns);
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&text))));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed_and_nothing_is_hidden() {
        assert_eq!(told("a\r\x1b[2J\u{9b}\u{202e}\tb\n"), r"a\r\u{1b}[2J\u{9b}\u{202e}\tb\n");
        for hidden in
            ['\u{200b}', '\u{61c}', '\u{2060}', '\u{feff}', '\u{e0041}', '\u{a0}', '\u{3000}', '\u{ad}']
        {
            assert_eq!(told(&format!("al{hidden}ice")), format!("al\\u{{{:x}}}ice", hidden as u32));
        }
        assert_eq!(told("Zoë zoe\u{308} 日本"), "Zoë zoe\u{308} 日本");
        assert_eq!(told("::error::a"), r"\u{3a}:error::a");
    }

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(cut_middle("/orders/7", 9), "/orders/7");
        assert_eq!(cut_middle("/orders/7/items", 9), "/ord…tems");
        assert_eq!(cut_middle("/orders/7/items", 8), "/ord…ems");
        assert_eq!((cut_middle("abc", 1).as_str(), cut_middle("abc", 0).as_str()), ("…", ""));
        assert_eq!(cut_middle("日本語の文", 6), "日…文");
        assert_eq!(cut_middle("e\u{308}e\u{308}e\u{308}", 3), "e\u{308}e\u{308}e\u{308}");
    }

    #[test]
    fn a_request_loses_its_host_first() {
        let cut = |most| cut_host("GET shop.example/orders/7", most);
        assert_eq!(
            (cut(25).as_str(), cut(24).as_str()),
            ("GET shop.example/orders/7", "GET shop.examp…/orders/7")
        );
        assert_eq!((cut(16).as_str(), cut(14).as_str()), ("GET sh…/orders/7", "GET …/orders/7"));
        assert_eq!((cut(13).as_str(), cut(1).as_str()), ("GET …orders/7", "…"));
        let long = format!("GET shop.example/api/{}/items", "x".repeat(50));
        assert_eq!(
            (cut_host(&long, 30).as_str(), cut_host(&long, 20).as_str()),
            ("GET …/api/xxxxxxx…xxxxxx/items", "GET …xxxxxxxxx/items")
        );
        assert_eq!(
            (cut_host("GET /orders/7", 9).as_str(), cut_host("日本語", 5).as_str()),
            ("GET …rs/7", "日…語")
        );
    }

    #[test]
    fn every_text_takes_the_columns_it_is_given() {
        for text in ["", "a", "日本語の文", "/a/very/long/path/indeed", "Zoë"] {
            for columns in 0..20 {
                assert_eq!(width(&padded(text, columns)), columns, "{text} {columns}");
            }
        }
    }
}
