use std::time::Duration;

use crate::{Hostcall, Refusal, Sim};

impl Sim {
    /// `proxy_get_current_time_nanoseconds`.
    ///
    /// # Errors
    /// None.
    pub fn current_time(&mut self) -> Hostcall<u64> {
        let now = self.clock.as_nanos();
        self.note("proxy_get_current_time_nanoseconds", &[], Ok(now))
    }

    /// `proxy_set_tick_period_milliseconds`; 0 stops the ticks.
    ///
    /// # Errors
    /// `NOT_FOUND` where no plugin has been started.
    pub fn set_tick_period(&mut self, milliseconds: u32) -> Hostcall<()> {
        let now = self.clock;
        let result = match self.contexts.root_mut() {
            Some((_, root)) => {
                let period = Duration::from_millis(u64::from(milliseconds));
                root.period = (milliseconds > 0).then_some(period);
                root.next_tick = root.period.map(|period| now.saturating_add(period));
                Ok(())
            }
            None => Err(Refusal::not_found("no plugin has been started")),
        };
        self.note("proxy_set_tick_period_milliseconds", &[&milliseconds], result)
    }
}
