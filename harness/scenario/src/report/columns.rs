//! Tables of any kind.

use super::shown::shown_line;

/// A text of at most this many characters.
pub fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect(),
        false => text.to_owned(),
    }
}

/// A table with its columns as wide as they need to be.
pub fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| shown_line(cell))).collect();
    let mut widths = head.map(|title| title.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [String; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let rule = line(widths.map(|width| "-".repeat(width)));
    line(head.map(str::to_owned)) + &rule + &rows.into_iter().map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "été".to_owned()], ["\u{1b}".to_owned(), String::new()]];
        let expected = "n       what\n------  ----\na       été\n\\u{1b}\n";
        assert_eq!(columns(["n", "what"], &rows), expected);
    }

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!((short("été", 3), short("étés", 3)), ("été".to_owned(), "...".to_owned()));
    }
}
