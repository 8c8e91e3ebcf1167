//! The tables of the README.

use std::fmt::{self, Write};

use super::comparisons::COMPARISONS;
use super::{Report, Row};
use crate::cases::Packing;
use crate::setting::Setting;

/// Between these two lines of a page.
const BEGIN: &str = "<!-- bench: written by portcullis-bench --render -->\n";
const END: &str = "<!-- bench: end -->\n";

/// The page with these tables in the place of those that it has; none if it has no place for them.
pub(crate) fn in_page(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{tables}{END}{after}"))
}

/// All tables, in Markdown.
pub(crate) fn page(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a text does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    let first = Setting::FIRST;
    let none = report.row(first, "none").map_or(0.0, |row| row.cpu_us);
    writeln!(
        out,
        "CPU of the Envoy process per request in microseconds, added to the {none:.1} that one costs without any filter"
    )?;
    writeln!(out, "({first}; ± is the standard error). {}.\n", report.provenance())?;
    comparisons(out, report)?;
    writeln!(out, "\nThe same worker at its limit, with 16 requests under way all the time:\n")?;
    at_the_limit(out, report)?;
    if let Some(rate) = report.paced.first().map(|row| row.rate) {
        writeln!(out, "\nAt {rate} requests a second, each latency from when the request was due:\n")?;
        at_a_rate(out, report)?;
    }
    if report.settings().len() > 1 {
        writeln!(out, "\nAll five in other settings, added CPU per request:\n")?;
        by_setting(out, report)?;
    }
    Ok(())
}

fn comparisons(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "| | Portcullis | | Envoy's own | | ratio |\n|---|---|--:|---|--:|--:|")?;
    for comparison in COMPARISONS {
        for (packing, ours) in comparison.ours {
            let find = |case| report.row(Setting::FIRST, case);
            let (Some(ours), Some(native)) = (find(*ours), find(comparison.native)) else { continue };
            let name = match packing {
                Packing::Suite => "the suite",
                Packing::Modules if ours.case == "five-modules" => "five modules in a row",
                Packing::Modules => ours.case.trim_end_matches("-hit").trim_end_matches("-otlp"),
            };
            let (job, native_name) = (comparison.job, comparison.native_name);
            let (added, of_native) = (added(ours), ratio(ours));
            writeln!(
                out,
                "| {job} | {name} | {added} | {native_name} | {} | {of_native} |",
                self::added(native)
            )?;
        }
    }
    Ok(())
}

pub(super) fn added(row: &Row) -> String {
    plus_minus(row.added_us, row.error_us)
}

fn plus_minus(value: f64, error: f64) -> String {
    format!("{value:.1} ± {error:.1}")
}

fn ratio(row: &Row) -> String {
    let ratio = row.of_native.zip(row.of_native_error);
    ratio.map_or_else(String::new, |(ratio, error)| format!("{ratio:.2} ± {error:.2}"))
}

/// The cases of the smaller tables, and what they are called there.
const WHOLE: [(&str, &str); 4] = [
    ("none", "no filter"),
    ("suite", "the suite, all five"),
    ("five-modules", "five modules in a row"),
    ("all-native", "the five of Envoy"),
];

fn at_the_limit(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "| | requests/s | p50 ms | p99 ms | p99.9 ms | memory MiB |\n|---|--:|--:|--:|--:|--:|")?;
    for (case, name) in WHOLE {
        let Some(row) = report.row(Setting::FIRST, case) else { continue };
        let Row { rps, p50_ms, p99_ms, p999_ms, rss_mib, .. } = row;
        writeln!(out, "| {name} | {rps:.0} | {p50_ms:.2} | {p99_ms:.2} | {p999_ms:.2} | {rss_mib:.0} |")?;
    }
    Ok(())
}

fn at_a_rate(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "| | p50 ms | p99 ms | p99 ms, best and worst round | p99.9 ms | CPU added, us |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for (case, name) in WHOLE {
        let Some(row) = report.paced.iter().find(|row| row.case == case) else { continue };
        let [best, worst] = row.p99_ms_range;
        let (p50, p99, p999) = (row.p50_ms, row.p99_ms, row.p999_ms);
        let added = if case == "none" { String::new() } else { plus_minus(row.added_us, row.error_us) };
        writeln!(out, "| {name} | {p50:.2} | {p99:.2} | {best:.2} to {worst:.2} | {p999:.2} | {added} |")?;
    }
    Ok(())
}

fn by_setting(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "| | no filter | the suite | five modules | the five of Envoy | suite / Envoy | suite, memory added, MiB |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
    for setting in report.settings() {
        let cell = |case, text: fn(&Row) -> String| report.row(setting, case).map_or_else(String::new, text);
        let none = cell("none", |row| format!("{:.1}", row.cpu_us));
        let [suite, modules, native] = ["suite", "five-modules", "all-native"].map(|case| cell(case, added));
        let memory = cell("suite", |row| format!("{:.0}", row.rss_added_mib));
        let ratio = cell("suite", ratio);
        writeln!(out, "| {setting} | {none} | {suite} | {modules} | {native} | {ratio} | {memory} |")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_table_has_as_many_cells_in_each_row() {
        let page = page(&report());
        let mut width = None;
        for line in page.lines() {
            if !line.starts_with('|') {
                width = None;
                continue;
            }
            let cells = line.matches('|').count();
            assert_eq!(*width.get_or_insert(cells), cells, "{line}");
        }
        assert!(
            page.contains(
                "| all five | the suite | 14.0 ± 0.0 | the five of Envoy | 16.0 ± 0.0 | 0.88 ± 0.00 |"
            ),
            "{page}"
        );
        assert!(page.contains("| no filter | 50000 | 1.00 | 2.00 | 3.00 | 84 |"), "{page}");
        assert!(page.contains("| gRPC, real upstream, 1 worker | 20.0 | 14.0 ± 0.0 |"), "{page}");
        assert!(page.contains("At 12700 requests a second"), "{page}");
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let mut report = report();
        report.rows.retain(|row| row.case != "suite" && row.setting == Setting::FIRST);
        report.paced.clear();
        let page = page(&report);
        assert!(!page.contains("the suite, all five") && !page.contains("a second"), "{page}");
        assert!(page.contains("| all five | five modules in a row |"), "{page}");
    }

    #[test]
    fn tables_go_into_their_place() {
        let old = format!("# A\n{BEGIN}old\n{END}# B\n");
        assert_eq!(in_page(&old, "new\n"), Some(format!("# A\n{BEGIN}new\n{END}# B\n")));
        assert_eq!(in_page("# A\n", "new\n"), None);
    }
}
