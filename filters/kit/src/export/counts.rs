/// What has become of items, until the proxy is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They were taken.
    pub sent: u32,
    /// See [`Reason::QueueFull`].
    pub dropped_queue_full: u32,
    /// See [`Reason::Refused`].
    pub dropped_refused: u32,
    /// See [`Reason::Failed`].
    pub dropped_failed: u32,
    /// See [`Reason::Stopped`].
    pub dropped_stopped: u32,
    /// How often a batch was sent again.
    pub retries: u32,
    /// How many answers were of success, but not for all of a batch.
    pub partial: u32,
}

/// Why items are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There was no room for them.
    QueueFull,
    /// The server did not want them.
    Refused,
    /// The server has failed for too long.
    Failed,
    /// The filter was taken out.
    Stopped,
}

impl Reason {
    /// As it stands in metrics: `queue_full`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl Counts {
    pub(super) fn drop(&mut self, reason: Reason, count: u32) {
        let dropped = match reason {
            Reason::QueueFull => &mut self.dropped_queue_full,
            Reason::Refused => &mut self.dropped_refused,
            Reason::Failed => &mut self.dropped_failed,
            Reason::Stopped => &mut self.dropped_stopped,
        };
        *dropped = dropped.saturating_add(count);
    }
}

/// Items that were kept, and are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss<M> {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: u32,
    /// Of how many: a server that refuses some of a batch does not say which.
    pub of: u32,
    /// What is known of all those.
    pub mark: M,
}
