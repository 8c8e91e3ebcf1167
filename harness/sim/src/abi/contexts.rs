use crate::{Hostcall, Refusal, Sim};

impl Sim {
    /// `proxy_set_effective_context`: hostcalls are about that context until the callback ends; 0 switches back.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for a context that is not alive.
    pub fn set_effective_context(&mut self, context: u32) -> Hostcall<()> {
        let result = if context == 0 || self.contexts.exists(context) {
            Ok(())
        } else {
            Err(Refusal::bad_argument(format!("there is no context {context}, or no longer")))
        };
        let result = self.note("proxy_set_effective_context", &[&context], result);
        if result.is_ok() {
            self.contexts.switch((context != 0).then_some(context));
        }
        result
    }

    /// `proxy_done`: only a plugin that has answered `false` to its own on_done is waited for.
    ///
    /// # Errors
    /// `NOT_FOUND` for everybody else, streams included.
    pub fn done(&mut self) -> Hostcall<()> {
        let result = Err(Refusal::not_found(
            "nobody waits: only a root context whose on_done returned false is pending",
        ));
        self.note("proxy_done", &[], result)
    }
}
