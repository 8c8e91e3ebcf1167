//! Which records are meant.

use std::net::IpAddr;

use portcullis_kit::Statuses;
use portcullis_kit::parts::Cidr;

use crate::anywhere::Anywhere;
use crate::field::Field;
use crate::pattern::Pattern;
use crate::row::{Decision, Row};

/// Which records are meant: those to which all of it applies.
#[derive(Debug, Default)]
pub struct Selection {
    /// From this time on, in milliseconds since the epoch.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
    /// Of these kinds; of all, if it is empty.
    pub kinds: Vec<&'static str>,
    /// With this decision.
    pub decision: Option<Decision>,
    /// With one of these statuses.
    pub statuses: Option<Statuses>,
    /// From this client.
    pub source: Option<Source>,
    /// With such texts.
    pub texts: Vec<(Field, Pattern)>,
    /// With this text somewhere.
    pub anywhere: Option<Anywhere>,
}

/// From where requests come: addresses with the same first bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Cidr);

impl Source {
    /// Reads `192.0.2.1` and `10.0.0.0/8`.
    pub fn parse(text: &str) -> Option<Self> {
        Cidr::parse(text).map(Self)
    }

    fn contains(&self, address: &str) -> bool {
        address.parse::<IpAddr>().is_ok_and(|address| self.0.contains(address.to_canonical()))
    }
}

impl Selection {
    /// Whether a record is meant: as a row, and as the bytes that were read.
    pub fn matches(&self, row: &Row<'_>, record: &[u8]) -> bool {
        self.is_in_time(row)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| *kind == row.kind()))
            && self.decision.is_none_or(|decision| row.is_request() && row.decision() == decision)
            && self.statuses.as_ref().is_none_or(|statuses| {
                row.integer(Field::Status)
                    .is_some_and(|status| status.try_into().is_ok_and(|status| statuses.contains(status)))
            })
            && self.source.as_ref().is_none_or(|source| {
                row.text(Field::SourceIp).is_some_and(|address| source.contains(address))
            })
            && self
                .texts
                .iter()
                .all(|(field, pattern)| row.text(*field).is_some_and(|text| pattern.matches(text)))
            && self.anywhere.as_ref().is_none_or(|text| text.is_in(record))
    }

    /// Whether a record is of the time that is meant.
    pub fn is_in_time(&self, row: &Row<'_>) -> bool {
        let time = row.integer(Field::Time);
        self.since.is_none_or(|since| time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| time.is_some_and(|time| time < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = include_str!("../tests/records/request.ocsf.json");

    fn matches(selection: &Selection) -> bool {
        selection.matches(&Row::read(RECORD.as_bytes()).unwrap(), RECORD.as_bytes())
    }

    #[test]
    fn without_conditions_everything_is_meant() {
        assert!(matches(&Selection::default()));
        let loss = Row::read(br#"{"class_uid":1008,"unmapped":{"audit":{"kind":"loss"}}}"#).unwrap();
        assert!(Selection::default().matches(&loss, b""));
        let of = |kinds: &[&'static str]| Selection { kinds: kinds.into(), ..Selection::default() };
        assert!(of(&["request", "loss"]).matches(&loss, b"") && !of(&["request"]).matches(&loss, b""));
        let denied = Selection { decision: Some(Decision::Other), ..Selection::default() };
        assert!(!denied.matches(&loss, b""), "it is no request");
    }

    #[test]
    fn a_time_begins_at_since_and_ends_before_until() {
        let time = 1_790_000_000_000;
        for (since, until, expected) in
            [(time, time + 1, true), (time + 1, i64::MAX, false), (0, time, false), (0, time + 1, true)]
        {
            let selection = Selection { since: Some(since), until: Some(until), ..Selection::default() };
            assert_eq!(matches(&selection), expected, "{since} {until}");
        }
        let timeless = Row::read(br#"{"class_uid":4002}"#).unwrap();
        assert!(!Selection { since: Some(0), ..Selection::default() }.matches(&timeless, b""));
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let statuses = |text: &str| Some(Statuses::new(&[text.to_owned()]).unwrap());
        let subject = |name| vec![(Field::Subject, Pattern::text(name).unwrap())];
        for (decision, status, name, expected) in [
            (Decision::Denied, "4xx", "alice", true),
            (Decision::Allowed, "4xx", "alice", false),
            (Decision::Denied, "403", "alice", false),
            (Decision::Denied, "400-401", "bob", false),
        ] {
            let selection = Selection {
                decision: Some(decision),
                statuses: statuses(status),
                texts: subject(name),
                ..Selection::default()
            };
            assert_eq!(matches(&selection), expected, "{decision:?} {status} {name}");
        }
    }

    #[test]
    fn a_text_may_be_anywhere() {
        let with = |text| matches(&Selection { anywhere: Some(Anywhere::new(text)), ..Selection::default() });
        assert!(with("TLSv1.3") && with("Alice") && !with("bob"));
    }

    #[test]
    fn a_client_is_an_address_or_a_network() {
        let from = |text| matches(&Selection { source: Source::parse(text), ..Selection::default() });
        assert!(from("192.0.2.1") && from("192.0.2.0/24") && !from("10.0.0.0/8") && !from("2001:db8::/32"));
        assert!(!Source::parse("0.0.0.0/0").unwrap().contains("a name"));
        assert!(Source::parse("192.0.2.0/24").unwrap().contains("::ffff:192.0.2.9"));
        assert_eq!((Source::parse("here"), Source::parse("192.0.2.1/24")), (None, None));
    }
}
