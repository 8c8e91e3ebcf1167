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
