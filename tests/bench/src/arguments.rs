use std::path::PathBuf;
use std::time::Duration;

use crate::cases::Case;
use crate::rounds::Plan;
use crate::setting::{Protocol, Setting, Upstream};

const USAGE: &str = "\
usage: portcullis-bench [--full] [--case NAME|all]... [--protocol http1|http2|grpc] [--upstream direct|real] [--workers N]
                        [--seconds S] [--rounds N] [--save DIRECTORY]
       portcullis-bench --rate N [--case NAME]...   latencies at so many requests a second
       portcullis-bench --soak 10m [--case NAME] [--workers N]   memory under load
       portcullis-bench --render DIRECTORY   the figure and the tables of the pages, from the report in it";

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) task: Task,
    /// What is measured in each setting; the first case of all is always there, the others are compared with it.
    pub(crate) work: Vec<Work>,
    /// What is measured at a fixed rate, so many requests a second.
    pub(crate) paced: Option<(u32, Work)>,
    pub(crate) plan: Plan,
    /// Where the report, the figure and the tables of the pages go as well.
    pub(crate) save: Option<PathBuf>,
}

/// A setting, and the cases in it.
pub(crate) type Work = (Setting, Vec<Case>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// In the mode `short` or `full`.
    Measure(&'static str),
    Soak(Duration),
    Render(PathBuf),
}

/// The rate of the full mode, a second.
const RATE: u32 = 12_700;
/// What is measured at that rate.
const PACED: [&str; 4] = ["none", "suite", "five-modules", "all-native"];

#[derive(Default)]
struct Given {
    full: bool,
    cases: Vec<Case>,
    all: bool,
    protocol: Option<Protocol>,
    upstream: Option<Upstream>,
    workers: Option<u32>,
    span: Option<Duration>,
    rounds: Option<u32>,
    rate: Option<u32>,
    soak: Option<Duration>,
    save: Option<PathBuf>,
    render: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut given = Given::default();
        while let Some(word) = words.next() {
            if word == "--full" {
                given.full = true;
                continue;
            }
            let value = words.next().ok_or(USAGE)?;
            given.take(&word, &value)?;
        }
        if given.rate.is_some() && given.protocol.is_some_and(|protocol| protocol != Protocol::Http1) {
            return Err("--rate: only over HTTP/1.1".to_owned());
        }
        Ok(given.meant())
    }

    /// All cases, some of them more than once.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let paced = self.paced.iter().map(|(_, work)| work);
        self.work.iter().chain(paced).flat_map(|(_, cases)| cases.iter().copied()).collect()
    }
}

impl Given {
    fn take(&mut self, word: &str, value: &str) -> Result<(), String> {
        match word {
            "--case" if value == "all" => self.all = true,
            "--case" => self.cases.push(case(value)?),
            "--protocol" => self.protocol = Some(choice(word, value, &PROTOCOLS)?),
            "--upstream" => self.upstream = Some(choice(word, value, &UPSTREAMS)?),
            "--workers" => self.workers = Some(number(word, value, 64)?),
            "--seconds" => self.span = Some(seconds(word, value)?),
            "--rounds" => self.rounds = Some(number(word, value, 1000)?),
            "--rate" => self.rate = Some(number(word, value, 1_000_000)?),
            "--soak" => self.soak = Some(seconds(word, value)?),
            "--save" => self.save = Some(value.into()),
            "--render" => self.render = Some(value.into()),
            _ => return Err(USAGE.to_owned()),
        }
        Ok(())
    }

    fn meant(self) -> Arguments {
        let mut plan = if self.full { Plan::FULL } else { Plan::SHORT };
        if let Some(span) = self.span {
            plan = Plan { span, ..plan };
        }
        if let Some(rounds) = self.rounds {
            plan = Plan { least: rounds, most: rounds, ..plan };
        }
        if !self.cases.is_empty() || self.all {
            plan = Plan { budget: None, ..plan };
        }
        let work: Vec<Work> =
            self.settings().into_iter().map(|setting| (setting, self.cases_in(setting))).collect();
        let (work, paced) = match (self.rate, work.first()) {
            // A rate that was asked for is all that is wanted.
            (Some(rate), Some(first)) => (Vec::new(), Some((rate, first.clone()))),
            (None, Some((Setting::FIRST, cases))) if self.full => {
                let is_paced = |case: &&Case| PACED.contains(&case.name);
                let cases = cases.iter().filter(is_paced).copied().collect();
                (work, Some((RATE, (Setting::FIRST, cases))))
            }
            _ => (work, None),
        };
        let task = match (self.render, self.soak) {
            (Some(directory), _) => Task::Render(directory),
            (None, Some(span)) => Task::Soak(span),
            _ => Task::Measure(if self.full { "full" } else { "short" }),
        };
        Arguments { task, work, paced, plan, save: self.save }
    }

    /// A dimension that is given is fixed; the others are all there are in the full mode, and otherwise those of the first setting.
    fn settings(&self) -> Vec<Setting> {
        let fits = |setting: &Setting| {
            self.protocol.is_none_or(|protocol| setting.protocol == protocol)
                && self.upstream.is_none_or(|upstream| setting.upstream == upstream)
                && self.workers.is_none_or(|workers| setting.workers == workers)
        };
        if self.full {
            return Setting::ALL.into_iter().filter(fits).collect();
        }
        let protocol = self.protocol.unwrap_or(Setting::FIRST.protocol);
        let upstream = match protocol {
            Protocol::Grpc => Upstream::Real,
            _ => self.upstream.unwrap_or(Setting::FIRST.upstream),
        };
        vec![Setting::new(protocol, upstream, self.workers.unwrap_or(Setting::FIRST.workers))]
    }

    fn cases_in(&self, setting: Setting) -> Vec<Case> {
        let in_detail = self.all || self.full && setting == Setting::FIRST;
        let chosen = |case: &Case| match (self.cases.is_empty(), self.rate, self.soak) {
            (false, ..) => self.cases.contains(case),
            (true, _, Some(_)) => case.name == "suite",
            (true, Some(_), _) => PACED.contains(&case.name),
            _ => case.is_main || in_detail,
        };
        // What is answered with an error is told from the rest by HTTP/1.1 alone.
        let fits = |case: &Case| setting.protocol == Protocol::Http1 || case.status() == 200;
        let others = Case::ALL.into_iter().skip(1).filter(|case| chosen(case) && fits(case));
        Case::ALL.into_iter().take(1).chain(others).collect()
    }
}

const PROTOCOLS: [(&str, Protocol); 3] =
    [("http1", Protocol::Http1), ("http2", Protocol::Http2), ("grpc", Protocol::Grpc)];
const UPSTREAMS: [(&str, Upstream); 2] = [("direct", Upstream::Direct), ("real", Upstream::Real)];

fn choice<T: Copy>(word: &str, value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let choice = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    choice.ok_or_else(|| format!("{word} {value}: one of {}", names()))
}

fn number(word: &str, value: &str, most: u32) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{word} {value}: a whole number from 1 to {most}"))
}

/// `0.5`, `0.5s` or `10m`.
fn seconds(word: &str, value: &str) -> Result<Duration, String> {
    let (digits, unit) = match value.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (value.strip_suffix('s').unwrap_or(value), 1.0),
    };
    let seconds = digits.parse().ok().map(|number: f64| number * unit);
    let seconds = seconds.filter(|seconds| (0.05..=86_400.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("{word} {value}: a time such as 0.5, 10s or 10m"))
}

fn case(name: &str) -> Result<Case, String> {
    let case = Case::ALL.into_iter().find(|case| case.name == name);
    let names = Case::ALL.map(|case| case.name).join(", ");
    case.ok_or_else(|| format!("--case {name}: one of {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    fn names(line: &str) -> Vec<&'static str> {
        parse(line).unwrap().work[0].1.iter().map(|case| case.name).collect()
    }

    #[test]
    fn the_main_cases_are_measured_unless_told_otherwise() {
        assert_eq!(names("").get(..2), Some(&["none", "jwt-auth-hit"][..]));
        assert!(!names("").contains(&"native-flood") && names("").contains(&"suite"));
        assert_eq!(names("--case all").len(), Case::ALL.len());
        assert_eq!(names("--case native-flood --seconds 1"), ["none", "native-flood"]);
        assert_eq!(names("--case none"), ["none"]);
        assert_eq!(names("--soak 10m --workers 2"), ["none", "suite"]);
    }

    #[test]
    fn the_full_mode_is_every_setting_and_all_cases_in_the_first() {
        let full = parse("--full").unwrap();
        let settings: Vec<_> = full.work.iter().map(|(setting, _)| *setting).collect();
        assert_eq!(settings, Setting::ALL);
        assert_eq!(full.work[0].1.len(), Case::ALL.len());
        assert!(full.work[1..].iter().all(|(_, cases)| cases.iter().all(|case| case.is_main)));
        assert_eq!(full.task, Task::Measure("full"));
        let (rate, (setting, cases)) = full.paced.unwrap();
        assert_eq!((rate, setting, cases.len()), (RATE, Setting::FIRST, PACED.len()));
        let calls = parse("--full --protocol grpc").unwrap();
        assert_eq!((calls.work.len(), calls.paced), (2, None));
        let (_, (_, cases)) = parse("--full --case suite --case audit-log").unwrap().paced.unwrap();
        assert_eq!(cases.iter().map(|case| case.name).collect::<Vec<_>>(), ["none", "suite"]);
    }

    #[test]
    fn a_rate_alone_is_measured_at_that_rate() {
        let paced = parse("--rate 1000").unwrap();
        assert!(paced.work.is_empty());
        let (rate, (setting, cases)) = paced.paced.unwrap();
        let names: Vec<_> = cases.iter().map(|case| case.name).collect();
        assert_eq!((rate, setting, names.len()), (1000, Setting::FIRST, PACED.len()));
        assert!(PACED.iter().all(|name| names.contains(name)));
    }

    #[test]
    fn what_cannot_be_paced_is_an_error() {
        assert!(parse("--rate 1000 --protocol http2").unwrap_err().contains("HTTP/1.1"));
    }

    #[test]
    fn a_setting_is_chosen_by_its_dimensions() {
        let setting = |line: &str| parse(line).unwrap().work[0].0;
        assert_eq!(setting(""), Setting::FIRST);
        assert_eq!(setting("--workers 4"), Setting { workers: 4, ..Setting::FIRST });
        assert_eq!(setting("--protocol grpc").upstream, Upstream::Real);
        assert_eq!(
            setting("--protocol http2 --upstream real").to_string(),
            "HTTP/2, real upstream, 1 worker"
        );
        assert!(!names("--protocol http2 --case all").contains(&"native-flood"));
    }

    #[test]
    fn times_and_rounds_are_as_they_are_told() {
        let chosen = parse("--seconds 0.5 --rounds 5").unwrap().plan;
        assert_eq!((chosen.span, chosen.least, chosen.most), (Duration::from_millis(500), 5, 5));
        assert_eq!(parse("--soak 10m").unwrap().task, Task::Soak(Duration::from_secs(600)));
        assert_eq!(parse("--render docs/bench").unwrap().task, Task::Render("docs/bench".into()));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(parse("--seconds 0").unwrap_err().contains("--seconds 0"));
        assert!(parse("--seconds 10h").unwrap_err().contains("10h"));
        assert!(parse("--case jwt").unwrap_err().contains("jwt-auth-hit"));
        assert!(parse("--protocol http3").unwrap_err().contains("http2, grpc"));
        assert!(parse("--rounds").unwrap_err().starts_with("usage"));
        assert!(parse("--fast 1").unwrap_err().starts_with("usage"));
    }
}
