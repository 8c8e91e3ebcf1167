use std::collections::BTreeMap;

use portcullis_scenario::Taken;
use portcullis_scenario::report::{ScenarioReport, shown_line};

use super::Figures;
use super::difference::{at, percent};
use crate::traffic;

/// What one call takes, a table for each scenario; beside it by how much its fuel has moved since the golden file.
pub(crate) fn table(reports: &[ScenarioReport], golden: Option<&Figures>) -> String {
    let of_report = |report: &ScenarioReport| {
        let rows = report.taken.iter().flat_map(|taken| {
            let steps = std::iter::once(taken.step.clone()).chain(std::iter::repeat(String::new()));
            taken.callbacks.iter().zip(steps).map(|((callback, found), step)| {
                let golden = golden.map(|golden| at(golden, (&report.name, &taken.step, callback)));
                row(step, callback, found, golden)
            })
        });
        let head = ["step", "callback", "calls", "fuel", "", "bytes", "hostcalls"];
        let rows = traffic::table(head, &rows.collect::<Vec<_>>());
        format!("{}\n\n{rows}", shown_line(&report.name))
    };
    reports.iter().map(of_report).collect::<Vec<_>>().join("\n")
}

fn row(step: String, callback: &str, found: &Taken, golden: Option<Option<&Taken>>) -> [String; 7] {
    let of_one = |total: u64| total.checked_div(found.calls).unwrap_or_default().to_string();
    let moved = match golden {
        None => String::new(),
        Some(None) => "new".to_owned(),
        Some(Some(golden)) => percent(golden.fuel, found.fuel),
    };
    let hostcalls = listed(&found.hostcalls, found.calls);
    let calls = found.calls.to_string();
    [step, callback.to_owned(), calls, of_one(found.fuel), moved, of_one(found.bytes), hostcalls]
}

fn listed(hostcalls: &BTreeMap<String, u64>, calls: u64) -> String {
    let one = |(name, times): (&String, &u64)| {
        let name = name.strip_prefix("proxy_").unwrap_or(name);
        match times.checked_rem(calls) {
            Some(0) => format!("{name} {}", times / calls),
            _ => format!("{name} {times}/{calls}"),
        }
    };
    hostcalls.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use portcullis_scenario::StepTaken;

    use super::*;
    use crate::fuel::figures;

    #[test]
    fn a_row_is_about_one_call() {
        let hostcalls = BTreeMap::from([("proxy_log".to_owned(), 4), ("random_get".to_owned(), 1)]);
        let log = Taken { calls: 2, fuel: 210, bytes: 7, hostcalls };
        let callbacks = BTreeMap::from([
            ("proxy_on_log".to_owned(), log),
            ("proxy_on_tick".to_owned(), Taken::default()),
        ]);
        let mut report = ScenarioReport::not_run("s", "wasm", "");
        report.taken = vec![StepTaken { step: "again".to_owned(), callbacks }];
        let mut golden = figures(std::slice::from_ref(&report));
        let of_step = golden.get_mut("s").unwrap().get_mut("again").unwrap();
        of_step.get_mut("proxy_on_log").unwrap().fuel = 200;
        of_step.remove("proxy_on_tick");
        let rows = |golden| {
            let text = table(std::slice::from_ref(&report), golden);
            let lines =
                text.lines().skip(4).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(
            rows(Some(&golden)),
            ["again proxy_on_log 2 105 +5.0 % 3 log 2, random_get 1/2", "proxy_on_tick 0 0 new 0"]
        );
        assert_eq!(rows(None), ["again proxy_on_log 2 105 3 log 2, random_get 1/2", "proxy_on_tick 0 0 0"]);
    }
}
