//! The table of what the cases show, for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::LAST_ROW;
use crate::case::Case;

const INTRODUCTION: &str = "\
# Parity with Envoy

What Envoy makes of proxy-wasm where the specification (ABI 0.2.1) leaves a choice, says something else or says nothing. Each
line is shown by a case in [tests/abi](../tests/abi): the same file is played in the harness and in a real Envoy, and
the expectations in it are what the real Envoy has shown. `cargo test --test conformance` plays all of them and fails when this
page says something else; with `BLESS=1` it writes the page.

*Specification* and *Envoy* say what each does; *open* is what the specification leaves open. *Harness* and the column of the
Envoy version say how the case ended there: `ok`, or why it cannot be played. *Observed* is where it showed: log lines of the
guest, what the client and the upstream got, `response_code_details` in the access log. Several cases of one line stand below each
other; words that all of them share stand once. Where the specification says something else than Envoy does, [tests/spec](../tests/spec)
has the case for `--profile spec`, which only the harness can play.
";

/// The page, from the cases and how they ended in the harness and in an Envoy of this version.
pub(crate) fn page(cases: &[Case], version: &str) -> String {
    let mut rows = BTreeMap::<u32, Vec<&Case>>::new();
    let mut others = Vec::new();
    for case in cases {
        match case.row {
            Some(row) => rows.entry(row).or_default().push(case),
            None => others.push(case),
        }
    }
    let mut page = INTRODUCTION.to_owned();
    let _ = write!(page, "\n{}\n", counts(&rows, cases, version));
    page += "\n## The rows\n\n";
    page += &head("| Row ", "|---", version);
    for (row, cases) in rows {
        let _ = writeln!(page, "| P{row:02} {}", line(&cases));
    }
    page += "\n## Cases without a row\n\n";
    page += &head("", "", version);
    for case in others {
        let _ = writeln!(page, "{}", line(&[case]));
    }
    page
}

fn counts(rows: &BTreeMap<u32, Vec<&Case>>, cases: &[Case], version: &str) -> String {
    let held =
        |all: fn(&Case) -> bool| rows.values().filter(|cases| cases.iter().any(|case| all(case))).count();
    let (harness, envoy) = (held(|case| case.harness == "ok"), held(|case| case.envoy == "ok"));
    let files = cases.len();
    format!(
        "Of {LAST_ROW} rows, {harness} hold in the harness and {envoy} were observed on a real Envoy {version}; \
         {files} cases in all."
    )
}

fn head(first: &str, rule: &str, version: &str) -> String {
    format!(
        "{first}| Case | Specification | Envoy | Harness | Envoy {version} | Observed |\n{rule}|---|---|---|---|---|---|\n"
    )
}

fn line(cases: &[&Case]) -> String {
    let links = cases.iter().map(|case| format!("[{}](../{})", cell(&case.topic), slashes(&case.file)));
    let shared = |text: fn(&Case) -> &str| {
        let mut texts: Vec<_> = cases.iter().map(|case| cell(text(case))).collect();
        let mut seen = Vec::new();
        texts.retain(|text| {
            !seen.contains(text) && {
                seen.push(text.clone());
                true
            }
        });
        texts.join("<br>")
    };
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        links.collect::<Vec<_>>().join("<br>"),
        shared(|case| &case.spec),
        shared(|case| &case.does),
        shared(|case| &case.harness),
        shared(|case| &case.envoy),
        shared(|case| &case.observed),
    )
}

/// A text that does not end its cell, and in which `<` is no tag.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn slashes(file: &str) -> String {
    Path::new(file).components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
