use std::fmt::{self, Write};

use super::{PacedRow, Report, Row};

/// What a reader of the figures has to know.
const NOTES: &str = "\
added: CPU of Envoy over that of the case none in the same setting, the median of the rounds' differences, with its standard error.
native: what is added, in times of what Envoy's own counterpart adds.
p50, p99, p99.9: as clients saw them, of whom 16 wait all the time; at a fixed rate, from when a request was due.
hit: the same token each time; miss: another one each time; flood: another one each time, its signature wrong.
module: Envoy verifies no signatures for the filter, which does it itself. users: a bucket for each of a million users, who take turns.";

/// All rows, for a terminal.
pub(crate) fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a text does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "CPU of Envoy per request; {}", report.provenance())?;
    for setting in report.settings() {
        writeln!(out, "\n{setting}")?;
        writeln!(
            out,
            "{:<27}{:>8}{:>9}{:>6}{:>14}{:>9}{:>8}{:>8}{:>8}{:>9}{:>7}",
            "case", "cpu us", "added", "", "native", "rps", "p50 ms", "p99", "p99.9", "RSS MiB", "added"
        )?;
        for row in report.rows.iter().filter(|row| row.setting == setting) {
            measured(out, row)?;
        }
    }
    if let Some(first) = report.paced.first() {
        writeln!(out, "\n{} requests a second; {}", first.rate, first.setting)?;
        writeln!(
            out,
            "{:<27}{:>8}{:>9}{:>6}{:>9}{:>8}{:>8}{:>17}{:>8}",
            "case", "cpu us", "added", "", "rps", "p50 ms", "p99", "of the rounds", "p99.9"
        )?;
        report.paced.iter().try_for_each(|row| paced(out, row))?;
    }
    writeln!(out, "\n{NOTES}")
}

fn measured(out: &mut String, row: &Row) -> fmt::Result {
    let ratio = row.of_native.zip(row.of_native_error);
    let ratio = ratio.map_or_else(String::new, |(ratio, error)| format!("x{ratio:.2} ±{error:.2}"));
    writeln!(
        out,
        "{:<27}{:>8.1}{:>+9.1}{:>6}{:>14}{:>9.0}{:>8.2}{:>8.2}{:>8.2}{:>9.0}{:>+7.0}",
        row.case,
        row.cpu_us,
        row.added_us,
        format!("±{:.1}", row.error_us),
        ratio,
        row.rps,
        row.p50_ms,
        row.p99_ms,
        row.p999_ms,
        row.rss_mib,
        row.rss_added_mib,
    )
}

fn paced(out: &mut String, row: &PacedRow) -> fmt::Result {
    let [best, worst] = row.p99_ms_range;
    writeln!(
        out,
        "{:<27}{:>8.1}{:>+9.1}{:>6}{:>9.0}{:>8.2}{:>8.2}{:>17}{:>8.2}",
        row.case,
        row.cpu_us,
        row.added_us,
        format!("±{:.1}", row.error_us),
        row.rps,
        row.p50_ms,
        row.p99_ms,
        format!("{best:.2} to {worst:.2}"),
        row.p999_ms,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn columns_are_aligned_and_settings_named() {
        let table = table(&report());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines.contains(&"HTTP/1.1, direct response, 1 worker"), "{table}");
        assert!(lines.contains(&"gRPC, real upstream, 1 worker"), "{table}");
        let widths = |start: &str| -> Vec<usize> {
            let lines = lines.iter().filter(|line| line.starts_with(start));
            lines.map(|line| line.chars().count()).collect()
        };
        assert_eq!(widths("case").first(), widths("suite-three").first());
        assert_eq!(widths("audit-log"), widths("suite-three"));
        let suite = lines.iter().find(|line| line.starts_with("suite ")).unwrap();
        assert!(suite.contains("+14.0") && suite.contains("x0.88"), "{suite}");
        assert!(table.contains("12700 requests a second"), "{table}");
    }
}
