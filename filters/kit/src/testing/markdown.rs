//! Documents, for the tests that what they say is true.

/// What stands between backticks.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the first table, as cells, without its head. The first and the last cell are empty: outside of the outer bars.
pub fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let table =
        text.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|line| line.split('|').map(str::trim).collect())
}

/// The table below a heading.
///
/// # Panics
/// Where there is no such heading.
#[expect(clippy::unwrap_used, reason = "a test that is wrong fails")]
pub fn table<'t>(text: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
    rows(section).collect()
}

/// The blocks of code that are indented, without that.
pub fn blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut block) = (Vec::new(), String::new());
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(code) => block.extend([code, "\n"]),
            None if line.is_empty() && !block.is_empty() => block.push('\n'),
            None if !block.is_empty() => blocks.push(std::mem::take(&mut block)),
            None => {}
        }
    }
    blocks
}
