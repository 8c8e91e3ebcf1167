//! The figure of the README: SVG, readable on light and on dark ground.

use std::fmt::{self, Write};

use super::comparisons::{COMPARISONS, Comparison};
use super::{Report, Row};
use crate::cases::Packing;
use crate::setting::Setting;

const WIDTH: f64 = 860.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 250.0;
const LONGEST: f64 = 450.0;
const BAR: f64 = 15.0;
const BETWEEN_BARS: f64 = 3.0;
const BETWEEN_GROUPS: f64 = 16.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 34.0;

/// Viewers that cannot choose take the first colours, which are readable on either ground.
const STYLE: &str = "\
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #768390 }
.title { font-size: 17px; font-weight: 600 } .value { font-size: 12px }
.grid { stroke: #8c959f; stroke-opacity: .3 } .error { stroke: #768390; stroke-width: 1.2 }
.suite { fill: #0969da } .modules { fill: #6cb0f5 } .native { fill: #9da5ae }
@media (prefers-color-scheme: light) {
text { fill: #59636e } .title, .job { fill: #1f2328 } .error { stroke: #1f2328 } .suite { fill: #0550ae }
}
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title, .job { fill: #f0f6fc } .error { stroke: #f0f6fc }
.suite { fill: #79c0ff } .modules { fill: #2f74c8 } .native { fill: #6e7681 }
}
";

struct Bar<'a> {
    class: &'static str,
    row: &'a Row,
}

/// What each case adds, ours beside Envoy's own.
pub(crate) fn plot(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a text does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    let groups: Vec<(&str, Vec<Bar>)> = COMPARISONS
        .iter()
        .map(|it| (it.job, bars(report, it)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let height = TOP + groups.iter().map(|(_, bars)| group_height(bars)).sum::<f64>() + BOTTOM;
    let all = groups.iter().flat_map(|(_, bars)| bars);
    let most = all.map(|bar| bar.row.added_us + bar.row.error_us).fold(1.0, f64::max);
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
    )?;
    writeln!(out, "<title>CPU per request that each filter adds, beside Envoy's own</title>")?;
    writeln!(out, "<style>\n{STYLE}</style>")?;
    writeln!(
        out,
        r#"<text class="title" x="16" y="28">CPU per request added by filters, in microseconds</text>"#
    )?;
    let setting = escaped(&format!("{}; {}", Setting::FIRST, report.provenance()));
    writeln!(out, r#"<text x="16" y="49">{setting}</text>"#)?;
    legend(out)?;
    let scale = LONGEST / most;
    grid(out, most, scale, height - BOTTOM)?;
    let mut y = TOP;
    for (job, bars) in &groups {
        group(out, job, bars, y, scale)?;
        y += group_height(bars);
    }
    writeln!(out, "</svg>")
}

fn bars<'a>(report: &'a Report, comparison: &Comparison) -> Vec<Bar<'a>> {
    let is_there = |case: &str| report.row(Setting::FIRST, case).is_some();
    if !comparison.ours.iter().any(|(_, case)| is_there(case)) {
        return Vec::new();
    }
    let ours = comparison.ours.iter().map(|(packing, case)| match packing {
        Packing::Suite => ("suite", *case),
        Packing::Modules => ("modules", *case),
    });
    let all = ours.chain([("native", comparison.native)]);
    all.filter_map(|(class, case)| Some(Bar { class, row: report.row(Setting::FIRST, case)? })).collect()
}

fn group_height(bars: &[Bar]) -> f64 {
    bars.len() as f64 * (BAR + BETWEEN_BARS) + BETWEEN_GROUPS
}

fn legend(out: &mut String) -> fmt::Result {
    let entries = [
        ("suite", 16.0, "Portcullis, one module for all"),
        ("modules", 250.0, "Portcullis, a module each"),
        ("native", 460.0, "Envoy's own"),
    ];
    for (class, x, label) in entries {
        writeln!(out, r#"<rect class="{class}" x="{x}" y="63" width="12" height="12" rx="2"/>"#)?;
        writeln!(out, r#"<text x="{}" y="74">{label}</text>"#, x + 18.0)?;
    }
    Ok(())
}

fn grid(out: &mut String, most: f64, scale: f64, bottom: f64) -> fmt::Result {
    let step = step(most);
    for number in 0..=(most / step) as u32 {
        let value = f64::from(number) * step;
        let x = LEFT + value * scale;
        writeln!(out, r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{bottom:.1}"/>"#, TOP - 8.0)?;
        writeln!(out, r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{value}</text>"#, bottom + 18.0)?;
    }
    Ok(())
}

/// 1, 2 or 5 times a power of ten, so that there are four to ten lines.
fn step(most: f64) -> f64 {
    let power = 10f64.powf((most / 4.0).log10().floor());
    let factor = [5.0, 2.0, 1.0].into_iter().find(|factor| factor * power * 4.0 <= most);
    factor.unwrap_or(1.0) * power
}

fn group(out: &mut String, job: &str, bars: &[Bar], top: f64, scale: f64) -> fmt::Result {
    let middle = top + (bars.len() as f64 * (BAR + BETWEEN_BARS) - BETWEEN_BARS) / 2.0 + 4.5;
    let job = escaped(job);
    writeln!(out, r#"<text class="job" x="{}" y="{middle:.1}" text-anchor="end">{job}</text>"#, LEFT - 12.0)?;
    for (number, Bar { class, row }) in bars.iter().enumerate() {
        let y = top + number as f64 * (BAR + BETWEEN_BARS);
        let length = row.added_us.max(0.0) * scale;
        writeln!(
            out,
            r#"<rect class="{class}" x="{LEFT}" y="{y:.1}" width="{length:.1}" height="{BAR}" rx="2">"#
        )?;
        writeln!(out, "<title>{}: {:.2} ± {:.2}</title></rect>", row.case, row.added_us, row.error_us)?;
        let (from, to) = (length - row.error_us * scale, length + row.error_us * scale);
        let (from, to, line) = (LEFT + from.max(0.0), LEFT + to, y + BAR / 2.0);
        writeln!(out, r#"<line class="error" x1="{from:.1}" x2="{to:.1}" y1="{line:.1}" y2="{line:.1}"/>"#)?;
        let (x, y) = (to + 7.0, y + BAR - 3.0);
        let ratio = row.of_native.map_or_else(String::new, |ratio| format!(" ({ratio:.2} × Envoy's)"));
        writeln!(out, r#"<text class="value" x="{x:.1}" y="{y:.1}">{:.1}{ratio}</text>"#, row.added_us)?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    /// Elements by name, with their attributes; panics where it is no XML.
    fn elements(svg: &str, name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
        let mut reader = Reader::from_str(svg);
        reader.config_mut().check_end_names = true;
        let mut found = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) | Event::Empty(element) => {
                    let attribute = |it: quick_xml::events::attributes::Attribute| {
                        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                        (text(it.key.as_ref()), text(&it.value))
                    };
                    let attributes = element.attributes().map(|it| attribute(it.unwrap())).collect();
                    if element.name().as_ref() == name.as_bytes() {
                        found.push(attributes);
                    }
                }
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let mut report = report();
        report.machine.cpu = "a <fast> one & more".to_owned();
        let svg = plot(&report);
        // Three in the legend; two for each of six jobs, three for all five.
        let bars: Vec<_> = elements(&svg, "rect").into_iter().skip(3).collect();
        assert_eq!(bars.len(), 15);
        let length = |number: usize| bars[number]["width"].parse::<f64>().unwrap();
        // jwt-auth-hit adds 1, all-native 16.
        assert!((length(14) / length(0) - 16.0).abs() < 0.1);
        assert_eq!(length(14), LONGEST);
        assert!(svg.contains("a &lt;fast&gt; one &amp; more"));
    }

    #[test]
    fn all_is_within_the_picture() {
        let svg = plot(&report());
        let number = |text: &String| text.parse::<f64>().unwrap();
        let height = number(&elements(&svg, "svg")[0]["height"]);
        for element in elements(&svg, "rect") {
            assert!(number(&element["y"]) + number(&element["height"]) < height, "{element:?}");
            assert!(number(&element["x"]) + number(&element["width"]) < WIDTH, "{element:?}");
        }
    }

    #[test]
    fn grid_lines_are_at_round_figures() {
        assert_eq!([step(4.0), step(9.9), step(18.0), step(47.0), step(90.0)], [1.0, 2.0, 2.0, 10.0, 20.0]);
    }
}
