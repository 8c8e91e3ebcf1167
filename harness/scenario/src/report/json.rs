use serde::Serialize;

use super::{ScenarioReport, Totals};

/// The report as JSON: `{"totals": …, "scenarios": […]}`.
pub fn json(reports: &[ScenarioReport]) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        totals: Totals,
        scenarios: &'a [ScenarioReport],
    }
    let report = Report { totals: Totals::of(reports), scenarios: reports };
    // Texts, numbers and lists of them always serialise.
    serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
}
