use std::fmt;

/// What has happened since somebody looked last, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// Fetches that went well.
    pub(crate) fetched: u32,
    /// Those of them that brought what was there before, by a 304 or once more.
    pub(crate) not_modified: u32,
    /// Fetches that a request asked for too soon.
    pub(crate) throttled: u32,
    /// Fetches that failed, by [`Reason`].
    pub(crate) failed: [u32; Reason::ALL.len()],
}

/// Why a fetch failed, in few words: names of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The cluster is unknown or has no healthy host.
    Unreachable,
    /// The connection broke off.
    Broken,
    /// The status is not 200.
    Status,
    /// The document is larger than allowed.
    TooLarge,
    /// The document is not what it should be.
    Rejected,
    /// The worker that asked is gone.
    Abandoned,
}

impl Reason {
    /// Every reason, in the order of [`Events::failed`].
    pub(crate) const ALL: [Self; 6] =
        [Self::Unreachable, Self::Broken, Self::Status, Self::TooLarge, Self::Rejected, Self::Abandoned];

    /// The name in metrics.
    pub(crate) const fn metric(self) -> &'static str {
        match self {
            Self::Unreachable => "fetch_failed_unreachable",
            Self::Broken => "fetch_failed_broken",
            Self::Status => "fetch_failed_status",
            Self::TooLarge => "fetch_failed_too_large",
            Self::Rejected => "fetch_failed_rejected",
            Self::Abandoned => "fetch_failed_abandoned",
        }
    }
}

/// Why a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FetchError {
    Unreachable,
    Broken,
    Status(u16),
    TooLarge(usize),
    /// With what is wrong with the document.
    Rejected(String),
    Abandoned,
}

impl FetchError {
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::Unreachable => Reason::Unreachable,
            Self::Broken => Reason::Broken,
            Self::Status(_) => Reason::Status,
            Self::TooLarge(_) => Reason::TooLarge,
            Self::Rejected(_) => Reason::Rejected,
            Self::Abandoned => Reason::Abandoned,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the cluster is unknown or has no healthy host"),
            Self::Broken => f.write_str("the connection broke off"),
            // What Envoy answers by itself: see HttpAnswer.
            Self::Status(504) => f.write_str("status 504, as after the timeout"),
            Self::Status(503) => f.write_str("status 503, as where nobody listens"),
            Self::Status(status) => write!(f, "status {status} instead of 200"),
            Self::TooLarge(limit) => write!(f, "larger than max_bytes, {limit} bytes"),
            Self::Rejected(problem) => f.write_str(&printable(problem)),
            Self::Abandoned => f.write_str("the worker that asked is gone"),
        }
    }
}

/// A message that may quote the document: short, and in one line.
fn printable(text: &str) -> String {
    const SHOWN: usize = 200;
    text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Events {
    pub(crate) fn count_failure(&mut self, reason: Reason) {
        let counters = Reason::ALL.iter().zip(&mut self.failed);
        counters
            .filter(|(other, _)| **other == reason)
            .for_each(|(_, count)| *count = count.saturating_add(1));
    }

    /// How many fetches failed for this reason.
    pub(crate) fn failed(&self, reason: Reason) -> u32 {
        Reason::ALL
            .iter()
            .zip(self.failed)
            .find_map(|(other, count)| (*other == reason).then_some(count))
            .unwrap_or(0)
    }

    /// Both together.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.fetched = self.fetched.saturating_add(other.fetched);
        self.not_modified = self.not_modified.saturating_add(other.not_modified);
        self.throttled = self.throttled.saturating_add(other.throttled);
        self.failed.iter_mut().zip(other.failed).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_reason() {
        let mut events = Events::default();
        for reason in Reason::ALL {
            events.count_failure(reason);
        }
        events.count_failure(Reason::Rejected);
        assert_eq!(events.failed, [1, 1, 1, 1, 2, 1]);
        assert_eq!(events.failed(Reason::Rejected), 2);
        assert_eq!(events.plus(&events).failed(Reason::Abandoned), 2);
    }

    #[test]
    fn a_message_is_short_and_in_one_line() {
        let error = FetchError::Rejected(format!("a\r\nb{}", "x".repeat(10_000)));
        let text = error.to_string();
        assert!(text.starts_with("a  bx") && text.len() == 200, "{text}");
    }
}
