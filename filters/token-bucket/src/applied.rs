//! Which limits a request is under, with whose bucket and for how many tokens.

use portcullis_kit::Properties;
use portcullis_kit::parts::Request;
use portcullis_kit::rollout::falls_under;

use crate::denial::Reason;
use crate::key::{Found, joined};
use crate::limit::{Enforce, Limit};

/// A limit that a request is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Which limit.
    pub(crate) limit: usize,
    /// 0 without a tier.
    pub(crate) tier: usize,
    /// The parts of its key, or why it has none.
    pub(crate) parts: Result<Vec<Vec<u8>>, Reason>,
    pub(crate) tokens: u64,
    /// Whether it may deny.
    pub(crate) is_enforced: bool,
}

impl Applied {
    /// How a limit applies to a request; `None` where it does not.
    pub(crate) fn of(limit: (usize, &Limit), request: &mut Request<'_>) -> Option<Self> {
        Self::unless_ambiguous(limit, request).unwrap_or_else(|reason| {
            // It goes by something that others may read differently.
            let is_enforced = !matches!(limit.1.enforce, Enforce::Never);
            Some(Self { limit: limit.0, tier: 0, parts: Err(reason), tokens: 0, is_enforced })
        })
    }

    fn unless_ambiguous(
        (index, limit): (usize, &Limit),
        request: &mut Request<'_>,
    ) -> Result<Option<Self>, Reason> {
        if !is_meant(limit, request)? {
            return Ok(None);
        }
        let parts = match limit.key.of(request)? {
            Found::Skipped => return Ok(None),
            Found::Denied => Err(Reason::KeyMissing),
            Found::Parts(parts) => Ok(parts),
        };
        let is_enforced = is_enforced(limit, parts.as_deref().unwrap_or_default(), request)?;
        let mut tier = 0;
        for (place, member) in limit.tiers.iter().enumerate() {
            if member.has(request)? {
                tier = place + 1;
                break;
            }
        }
        Ok(Some(Self { limit: index, tier, parts, tokens: cost(limit, request), is_enforced }))
    }

    /// The key as one text; what a limit without parts has, where there is none.
    pub(crate) fn key(&self) -> Vec<u8> {
        joined(self.parts.as_deref().unwrap_or_default())
    }
}

fn is_meant(limit: &Limit, request: &mut Request<'_>) -> Result<bool, Reason> {
    if let Some(when) = &limit.when {
        let properties: &mut dyn Properties = request.host;
        if !*when.select(request.headers, properties)? {
            return Ok(false);
        }
    }
    for member in &limit.exempt {
        if member.has(request)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Nobody makes a request cheaper than it is without: of several numbers the largest counts, and what is none as the most.
fn cost(limit: &Limit, request: &Request<'_>) -> u64 {
    let Some(from) = &limit.cost_from else { return limit.cost };
    let written = request.headers.all(&from.header).map(|value| whole_number(value).unwrap_or(u64::MAX));
    written.max().map_or(limit.cost, |tokens| tokens.min(from.max).max(limit.cost))
}

/// Digits and nothing else; more than fit are very many.
pub(crate) fn whole_number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok().or(Some(u64::MAX))).flatten()
}

fn is_enforced(limit: &Limit, parts: &[Vec<u8>], request: &mut Request<'_>) -> Result<bool, Reason> {
    Ok(match &limit.enforce {
        Enforce::Always => true,
        Enforce::Never => false,
        Enforce::Percent(percent, None) => falls_under(*percent, &joined(parts)),
        Enforce::Percent(percent, Some(by)) => falls_under(*percent, &by.of(request)?.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        assert_eq!(whole_number(b"12"), Some(12));
        assert_eq!(whole_number(b"99999999999999999999999"), Some(u64::MAX));
        for text in ["", "-1", "+1", "1.5", " 1", "1a"] {
            assert_eq!(whole_number(text.as_bytes()), None, "{text}");
        }
    }
}
