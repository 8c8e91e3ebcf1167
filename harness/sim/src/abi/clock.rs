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

    /// `proxy_set_tick_period_milliseconds` of the root context, even from a stream; 0 stops the ticks.
    ///
    /// # Errors
    /// `NOT_FOUND` where no plugin has been started.
    pub fn set_tick_period(&mut self, milliseconds: u32) -> Hostcall<()> {
        let (vm, id) = (self.turn.vm, self.root_id());
        let result = match self.vm_mut().and_then(|vm| vm.root_mut(id)) {
            Some(root) => {
                let period = Duration::from_millis(u64::from(milliseconds));
                root.period = (milliseconds > 0).then_some(period);
                self.arm_tick(vm, id);
                Ok(())
            }
            None => Err(Refusal::not_found("no plugin has been started")),
        };
        self.note("proxy_set_tick_period_milliseconds", &[&milliseconds], result)
    }
}
