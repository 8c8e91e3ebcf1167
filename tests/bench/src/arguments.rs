use std::time::Duration;

use crate::cases::Case;

const USAGE: &str = "usage: portcullis-bench [--seconds N] [--rounds N] [--case NAME]...";

/// What is to be measured, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The time for one case in one round.
    pub(crate) span: Duration,
    pub(crate) rounds: u32,
    /// `none` first: the others are compared with it.
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
                "--case" => parsed.cases.push(case(&value)?),
                _ => return Err(USAGE.to_owned()),
            }
        }
        let chosen = |case: &Case| *case == Case::None || parsed.cases.contains(case);
        let all = parsed.cases.is_empty();
        parsed.cases = Case::ALL.into_iter().filter(|case| all || chosen(case)).collect();
        Ok(parsed)
    }
}

fn number(name: &str, value: &str) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (1..=600).contains(number));
    number.ok_or_else(|| format!("{name} {value}: a whole number from 1 to 600"))
}

fn case(name: &str) -> Result<Case, String> {
    let case = Case::ALL.into_iter().find(|case| case.name() == name);
    let names = Case::ALL.map(Case::name).join(", ");
    case.ok_or_else(|| format!("--case {name}: one of {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_told_otherwise() {
        assert_eq!(parse("").unwrap().cases, Case::ALL);
        let chosen = parse("--case native-jwt-hit --seconds 1 --rounds 5").unwrap();
        assert_eq!(chosen.cases, [Case::None, Case::NativeHit]);
        assert_eq!((chosen.span, chosen.rounds), (Duration::from_secs(1), 5));
        assert_eq!(parse("--case none").unwrap().cases.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(parse("--seconds 0").unwrap_err().contains("--seconds 0"));
        assert!(parse("--case jwt").unwrap_err().contains("jwt-auth-hit"));
        assert!(parse("--rounds").unwrap_err().starts_with("usage"));
        assert!(parse("--fast 1").unwrap_err().starts_with("usage"));
    }
}
