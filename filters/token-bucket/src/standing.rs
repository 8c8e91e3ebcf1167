use portcullis_kit::bucket::{Level, Quota};

/// What is left of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    /// How many tokens the bucket holds.
    pub(crate) burst: u64,
    /// In how many nanoseconds it fills.
    pub(crate) window: u64,
    pub(crate) level: Level,
}

impl Standing {
    pub(crate) fn new(name: &str, quota: &Quota, level: Level) -> Self {
        Self { name: name.to_owned(), burst: quota.burst(), window: quota.fills_in(), level }
    }
}
