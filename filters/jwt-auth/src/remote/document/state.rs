use std::time::Duration;

/// Whether the document can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The server has confirmed it not long ago.
    Fresh,
    /// It should have been confirmed, and may be used for some time yet.
    Stale,
    /// There is none to use; an attempt is under way or starts at the next [`poll`](super::Document::poll). Wait.
    Pending,
    /// There is none to use, and no attempt before this time has passed.
    Unavailable {
        /// When the next attempt may start.
        retry_after: Duration,
    },
}

/// What becomes of the wish for a newer document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refetch {
    /// Another worker already had one: look again.
    Updated,
    /// A fetch is under way: wait until [`attempts`](super::Document::attempts) changes.
    UnderWay,
    /// The last attempt is too recent: do not wait.
    Throttled,
}
