use std::time::Duration;

use crate::cases::Case;

const USAGE: &str = "usage: portcullis-bench [--seconds N] [--rounds N] [--case NAME|all]...";

/// What is to be measured, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The time for one case in one round.
    pub(crate) span: Duration,
    pub(crate) rounds: u32,
    /// The first of all is always there: the others are compared with it.
    pub(crate) cases: Vec<Case>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self { span: Duration::from_secs(4), rounds: 3, cases: Vec::new() };
        while let Some(word) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match word.as_str() {
                "--seconds" => parsed.span = Duration::from_secs(number(&word, &value)?.into()),
                "--rounds" => parsed.rounds = number(&word, &value)?,
                "--case" if value == "all" => parsed.cases.extend(Case::ALL),
                "--case" => parsed.cases.push(case(&value)?),
                _ => return Err(USAGE.to_owned()),
            }
        }
        let usual = parsed.cases.is_empty();
        let chosen = |case: &Case| if usual { case.is_usual } else { parsed.cases.contains(case) };
        let base = Case::ALL.into_iter().take(1);
        parsed.cases = base.chain(Case::ALL.into_iter().skip(1).filter(chosen)).collect();
        Ok(parsed)
    }
}

fn number(name: &str, value: &str) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (1..=600).contains(number));
    number.ok_or_else(|| format!("{name} {value}: a whole number from 1 to 600"))
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

    #[test]
    fn the_usual_cases_are_measured_unless_told_otherwise() {
        let names = |line: &str| parse(line).unwrap().cases.iter().map(|case| case.name).collect::<Vec<_>>();
        assert_eq!(names("").get(..2), Some(&["none", "jwt-auth-hit"][..]));
        assert!(!names("").contains(&"native-flood"));
        assert_eq!(names("--case all").len(), Case::ALL.len());
        assert_eq!(names("--case native-flood --seconds 1"), ["none", "native-flood"]);
        assert_eq!(names("--case none"), ["none"]);
        let chosen = parse("--seconds 1 --rounds 5").unwrap();
        assert_eq!((chosen.span, chosen.rounds), (Duration::from_secs(1), 5));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(parse("--seconds 0").unwrap_err().contains("--seconds 0"));
        assert!(parse("--case jwt").unwrap_err().contains("jwt-auth-hit"));
        assert!(parse("--rounds").unwrap_err().starts_with("usage"));
        assert!(parse("--fast 1").unwrap_err().starts_with("usage"));
    }
}
