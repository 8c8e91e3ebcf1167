use std::time::Duration;

use portcullis_kit::UnixTime;

use crate::remote::record::Record;
use crate::remote::settings::Settings;

/// What decides whether an attempt may start.
pub(super) struct Need<'a> {
    pub(super) settings: &'a Settings,
    pub(super) now: UnixTime,
    pub(super) source: u64,
    pub(super) unreadable: u64,
    pub(super) age: Option<Duration>,
}

impl Need<'_> {
    pub(super) fn is_due(&self, record: &Record) -> bool {
        !record.is_under_way(self.now, self.settings)
            && !record.is_resting(self.now, self.settings)
            && (record.failures > 0
                || record.generation == 0
                || record.generation == self.unreadable
                || record.source != self.source
                || record.is_from_the_future(self.now)
                || self.age.is_some_and(|age| age >= record.refresh_after(self.settings)))
    }

    pub(super) fn may_refetch(&self, record: &Record) -> bool {
        !record.is_under_way(self.now, self.settings) && !record.is_throttled(self.now, self.settings)
    }
}
