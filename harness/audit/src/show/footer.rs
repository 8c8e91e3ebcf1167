//! What was read, in words.

use std::fmt::Write;

use super::sentence::counted;
use crate::scan::Tally;
use crate::time::rfc3339;

/// How many records there were, what they were of, and what is missing.
pub fn footer(tally: &Tally) -> String {
    let Tally {
        records, meant, repeats, others, broken, allowed, denied, undecided, lost, first, last, ..
    } = tally;
    let mut out = format!("{meant} of {}", counted(*records, "record"));
    let requests = [(allowed, "allowed"), (denied, "denied"), (undecided, "other")];
    let requests: Vec<_> = requests
        .iter()
        .filter(|(number, _)| **number > 0)
        .map(|(number, what)| format!("{} {what}", counted(**number, "request")))
        .collect();
    if !requests.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, ": {}", requests.join(", "));
    }
    if let (Some(first), Some(last)) = (first, last) {
        let _ = write!(out, "; {} to {}", rfc3339(*first), rfc3339(*last));
    }
    out.push('\n');
    if *lost > 0 {
        let _ = writeln!(out, "{} lost, as their writers say", counted(*lost, "record"));
    }
    let left_out = [
        (repeats, "record that came again", "records that came again"),
        (others, "line without a record", "lines without a record"),
        (broken, "line that cannot be read", "lines that cannot be read"),
    ];
    let left_out: Vec<_> = left_out
        .iter()
        .filter(|(number, ..)| **number > 0)
        .map(|(number, one, many)| format!("{number} {}", if **number == 1 { one } else { many }))
        .collect();
    if !left_out.is_empty() {
        let _ = writeln!(out, "left out: {}", left_out.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footer_says_what_there_was() {
        let tally = Tally { records: 1, meant: 0, ..Tally::default() };
        assert_eq!(footer(&tally), "0 of 1 record\n");
        let tally = Tally {
            records: 1630,
            meant: 412,
            ecs: 0,
            repeats: 12,
            others: 3,
            broken: 1,
            allowed: 380,
            denied: 120,
            undecided: 1,
            lost: 17,
            first: Some(1_790_000_000_000),
            last: Some(1_790_000_005_000),
            ..Tally::default()
        };
        assert_eq!(
            footer(&tally),
            "412 of 1630 records: 380 requests allowed, 120 requests denied, 1 request other; \
             2026-09-21T14:13:20.000Z to 2026-09-21T14:13:25.000Z\n\
             17 records lost, as their writers say\n\
             left out: 12 records that came again, 3 lines without a record, 1 line that cannot be read\n"
        );
    }
}
