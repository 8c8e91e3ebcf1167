//! CPU per request in a real Envoy, ours beside its native filters.
//!
//! Every case is an Envoy process of its own. All those of a setting stay up; in every round each is loaded in its
//! turn, so that whatever else the machine does falls on all of them. The figure is the CPU time of the
//! loaded process, user and system, divided by the requests that it served.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod arguments;
mod cases;
mod cpu;
mod guard;
mod http2;
mod lab;
mod load;
mod native;
mod ours;
mod report;
mod requests;
mod rounds;
mod running;
mod sample;
mod setting;
mod soak;
mod statistics;
mod tokens;
mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::{Arguments, Task};
use lab::Lab;
use report::{COSTS, Report, in_page, page, plot, table};

/// Something is not there that can be made or installed.
const NOT_SET_UP: u8 = 2;

fn main() -> ExitCode {
    let began = Instant::now();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => return fail(&message, NOT_SET_UP),
    };
    if let Task::Render(directory) = &arguments.task {
        return ended(render(directory));
    }
    let lab = match Lab::new(&root(), &arguments.cases()) {
        Ok(lab) => lab,
        Err(remedy) => return fail(&remedy, NOT_SET_UP),
    };
    match arguments.task {
        Task::Measure(mode) => ended(measure(&arguments, mode, &lab, began)),
        Task::Soak(span) => ended(soak(&arguments, span, &lab)),
        Task::Render(_) => ExitCode::SUCCESS,
    }
}

fn measure(arguments: &Arguments, mode: &str, lab: &Lab, began: Instant) -> Result<(), String> {
    let modules = arguments.cases().iter().flat_map(|case| case.modules()).collect();
    let mut report = Report::new(mode, lab.binary.version()?, &lab.modules, modules)?;
    for work in &arguments.work {
        report.rows.extend(rounds::measure(lab, work, &arguments.plan, began)?);
    }
    if let Some((rate, work)) = &arguments.paced {
        report.paced = rounds::pace(lab, work, &arguments.plan, *rate)?;
    }
    println!("{}", table(&report));
    write(&root().join("target/bench.json"), &report.to_json()?)?;
    let Some(directory) = &arguments.save else { return Ok(()) };
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    write(&directory.join(REPORT), &report.to_json()?)?;
    render(directory)
}

fn soak(arguments: &Arguments, span: Duration, lab: &Lab) -> Result<(), String> {
    let Some(work) = arguments.work.first() else { return Ok(()) };
    let soak = soak::soak(lab, work, span)?;
    println!("{soak}");
    write(&root().join("target/bench-soak.json"), &format!("{:#}\n", soak.to_json()))
}

const REPORT: &str = "bench.json";
const FIGURE: &str = "bench.svg";

/// The figure, beside the report, and the tables of all pages.
fn render(directory: &Path) -> Result<(), String> {
    let report = Report::read(&directory.join(REPORT))?;
    write(&directory.join(FIGURE), &plot(&report))?;
    for (name, tables) in tables(&report) {
        let path = root().join(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = in_page(&text, &tables).ok_or_else(|| format!("{name} has no place for the tables"))?;
        write(&path, &text)?;
    }
    Ok(())
}

/// The pages that show what was measured, and what they show.
fn tables(report: &Report) -> Vec<(&'static str, String)> {
    let readme = ("README.md", page(report));
    [readme].into_iter().chain(COSTS.iter().map(|costs| (costs.path, costs.table(report)))).collect()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message, 1),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pages show is what was measured, and nothing else.
    #[test]
    fn tables_and_figure_are_those_of_the_report() {
        let directory = root().join("docs/bench");
        let report = Report::read(&directory.join(REPORT)).unwrap();
        let remedy = "run cargo run -p portcullis-bench -- --render docs/bench";
        assert_eq!(fs::read_to_string(directory.join(FIGURE)).unwrap(), plot(&report), "{remedy}");
        for case in COSTS.iter().flat_map(|costs| costs.cases()) {
            let is_there = report.rows.iter().any(|row| row.case == case);
            assert!(is_there, "{case} was not measured: make bench-full ARGS='--save docs/bench'");
        }
        for (name, tables) in tables(&report) {
            let text = fs::read_to_string(root().join(name)).unwrap();
            assert_eq!(in_page(&text, &tables), Some(text), "{name}: {remedy}");
        }
    }

    /// The whole way, with real processes: two cases, one round.
    #[test]
    fn a_tiny_run_gives_a_report_with_a_row_for_each_case() {
        let line = "--case native-local-ratelimit --rounds 2 --seconds 0.1 --upstream real";
        let arguments = Arguments::parse(line.split(' ').map(str::to_owned)).unwrap();
        let lab = Lab::of_tests(&arguments.cases());
        let mut report =
            Report::new("short", "1.40.0".to_owned(), Path::new("."), Default::default()).unwrap();
        report.rows = rounds::measure(&lab, &arguments.work[0], &arguments.plan, Instant::now()).unwrap();
        let names: Vec<_> = report.rows.iter().map(|row| row.case.as_str()).collect();
        assert_eq!(names, ["none", "native-local-ratelimit"]);
        for row in &report.rows {
            assert!(row.cpu_us > 1.0 && row.rps > 10.0 && row.rss_mib > 10.0, "{row:?}");
            assert!(row.p50_ms > 0.0 && row.p50_ms <= row.p99_ms && row.p99_ms <= row.p999_ms, "{row:?}");
        }
        assert_eq!((report.rows[0].rounds, report.rows[1].rounds), (4, 2));
        assert!(table(&report).contains("HTTP/1.1, real upstream, 1 worker"));
    }
}
