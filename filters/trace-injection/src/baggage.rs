//! `baggage`: what applications hand on beside the trace (W3C Baggage, section 3.2).

use portcullis_kit::Headers;
use portcullis_kit::rules::is_tchar;

use crate::text::{pair, trim};

/// Members and bytes that are handed on in any case (section 3.3.2).
const MOST: usize = 64;
const LONGEST: usize = 8192;

/// What of it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Baggage {
    /// All that fits into the limits.
    All,
    Nothing,
    /// Members with these keys.
    Only(Vec<String>),
}

impl Baggage {
    /// Takes out what does not go on. Whether anything was.
    pub(crate) fn limit(&self, headers: &mut Headers) -> bool {
        if headers.first("baggage").is_none() {
            return false;
        }
        let sent: Vec<_> = headers
            .all("baggage")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(trim)
            .filter(|member| !member.is_empty())
            .collect();
        let mut size = 0;
        let kept: Vec<_> = sent
            .iter()
            .filter(|member| self.keeps(member))
            .filter(|member| {
                // With the comma in front of it.
                let longer = size + member.len() + usize::from(size > 0);
                let fits = longer <= LONGEST;
                size = if fits { longer } else { size };
                fits
            })
            .take(MOST)
            .copied()
            .collect();
        let length: usize = headers.all("baggage").map(<[u8]>::len).sum();
        if kept.len() == sent.len() && !kept.is_empty() && length <= LONGEST {
            return false;
        }
        match kept.join(&b',') {
            kept if kept.is_empty() => headers.remove("baggage"),
            kept => headers.set("baggage", &kept),
        }
        true
    }

    fn keeps(&self, member: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Only(keys) => key(member).is_some_and(|key| keys.iter().any(|it| it.as_bytes() == key)),
        }
    }
}

/// The key of a member that keeps to the grammar.
fn key(member: &[u8]) -> Option<&[u8]> {
    let mut parts = member.split(|byte| *byte == b';');
    let (key, _) = token_and_value(parts.next()?).filter(|(_, value)| value.is_some())?;
    parts.all(|property| token_and_value(property).is_some()).then_some(key)
}

/// A token and, where there is one, a value.
fn token_and_value(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (key, value) = pair(text).map_or((text, None), |(key, value)| (key, Some(value)));
    let (key, value) = (trim(key), value.map(trim));
    let is_octet = |byte: &u8| (0x21..0x7f).contains(byte) && !b"\",;\\".contains(byte);
    let is_good = !key.is_empty()
        && key.iter().copied().all(is_tchar)
        && value.unwrap_or_default().iter().all(is_octet);
    is_good.then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(baggage: &Baggage, sent: &[&str]) -> (bool, Vec<String>) {
        let mut headers: Headers = sent.iter().map(|value| ("baggage", value)).collect();
        let is_cut = baggage.limit(&mut headers);
        (is_cut, headers.all("baggage").map(|value| String::from_utf8(value.to_vec()).unwrap()).collect())
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let sent = ["a=1, b=2;x;y=z ,", "c=%20", "not baggage"];
        assert_eq!(limited(&Baggage::All, &sent), (false, sent.map(str::to_owned).to_vec()));
        let most = vec!["k=1"; 64].join(",");
        assert_eq!(limited(&Baggage::All, &[&most]), (false, vec![most]));
        assert_eq!(limited(&Baggage::All, &[]), (false, vec![]));
    }

    #[test]
    fn what_does_not_fit_is_cut_between_members() {
        let members: Vec<_> = (0..65).map(|number| format!("k{number}=1")).collect();
        assert_eq!(limited(&Baggage::All, &[&members.join(",")]), (true, vec![members[..64].join(",")]));
        let long = |key: &str, size: usize| format!("{key}={}", "v".repeat(size - 2));
        let exact = [long("a", 4096), long("b", 4095)].join(",");
        assert!(!limited(&Baggage::All, &[&exact]).0);
        let over = [long("a", 4096), long("b", 4096)];
        assert_eq!(limited(&Baggage::All, &[&over.join(",")]), (true, vec![over[0].clone()]));
        assert_eq!(limited(&Baggage::All, &[&long("a", 8193)]), (true, vec![]));
        assert_eq!(limited(&Baggage::All, &[&long("a", 8193), "b=1"]), (true, vec!["b=1".to_owned()]));
        assert_eq!(limited(&Baggage::All, &[&",".repeat(9000)]), (true, vec![]));
        assert_eq!(
            limited(&Baggage::All, &[&format!("a=1{}", ",".repeat(9000))]),
            (true, vec!["a=1".to_owned()])
        );
    }

    #[test]
    fn only_what_is_allowed_and_keeps_to_the_grammar_goes_on() {
        let only = Baggage::Only(vec!["a".to_owned(), "b".to_owned()]);
        let sent = ["a = 1 ; p , x=2", "b=%C3%A9;q=1,a=\"1\",b,A=1,b=1;=,a=b c"];
        assert_eq!(limited(&only, &sent), (true, vec!["a = 1 ; p,b=%C3%A9;q=1".to_owned()]));
        assert_eq!(limited(&only, &["a=1", "b=2"]), (false, vec!["a=1".to_owned(), "b=2".to_owned()]));
        assert_eq!(limited(&only, &["x=1"]), (true, vec![]));
        assert_eq!(limited(&Baggage::Nothing, &[""]), (true, vec![]));
    }
}
