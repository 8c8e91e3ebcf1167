use crate::{Hostcall, Refusal, Sim};

impl Sim {
    /// `proxy_set_effective_context`: hostcalls are about that context until the callback ends; 0 switches back.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for a context that is not alive.
    pub fn set_effective_context(&mut self, context: u32) -> Hostcall<()> {
        let is_alive = self.vm().is_some_and(|vm| vm.context(context).is_some());
        let result = if context == 0 || is_alive {
            Ok(())
        } else {
            Err(Refusal::bad_argument(format!("there is no context {context}, or no longer")))
        };
        let result = self.note("proxy_set_effective_context", &[&context], result);
        if result.is_ok() {
            self.turn.effective = (context != 0).then_some(context);
        }
        result
    }

    /// `proxy_done`: a plugin that has answered `false` to its own on_done is waited for, and now no longer.
    ///
    /// # Errors
    /// `NOT_FOUND` for everybody else; in Envoy streams are never waited for.
    pub fn done(&mut self) -> Hostcall<()> {
        let id = self.context_id();
        let was_pending = self.vm_mut().is_some_and(|vm| vm.stop_waiting(id));
        let result = was_pending.then_some(()).ok_or_else(|| {
            let kind = if self.follows_spec() { "context" } else { "root context" };
            Refusal::not_found(format!("nobody waits: only a {kind} whose on_done returned false is pending"))
        });
        self.note("proxy_done", &[], result)
    }
}
