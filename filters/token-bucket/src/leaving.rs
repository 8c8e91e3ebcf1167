//! Requests that are over, and what they give back.

use portcullis_kit::{Host, StreamId};

use crate::filter::{Progress, Stream, TokenBucket};
use crate::receipt::Receipt;

impl TokenBucket {
    /// A request is over: one that has passed, or whose client has left before it could, or that the proxy has answered in the meantime.
    pub(crate) fn end(&mut self, (id, mut stream): (StreamId, Stream), (now, host): (u64, &mut dyn Host)) {
        if let (Some(service), Some(call)) = (&mut self.service, stream.call) {
            service.forget(id, call);
        }
        if stream.progress == Progress::Passed {
            return self.settle_end(&stream, (now, host));
        }
        if let Some(until) = self.waiting.remove(id) {
            self.leave(&mut stream, until, (now, host));
        }
        self.give_back(&mut stream, (now, host));
    }

    /// A request that waits for its tokens leaves: they go back if nobody waits behind it, and then those of whoever has left in front.
    fn leave(&mut self, stream: &mut Stream, until: u64, (now, host): (u64, &mut dyn Host)) {
        let limits = &self.policy.limits;
        let has_delay = |limit: usize| limits.get(limit).is_some_and(|limit| limit.delay.is_some());
        let (waited_for, others): (Vec<Receipt>, Vec<Receipt>) =
            stream.taken.iter().partition(|taken| has_delay(taken.limit));
        stream.taken = others;
        for taken in waited_for {
            let Some(mut bucket) = self.counting((now, &mut *host)).refund_last(&taken) else {
                self.waiting.note_leaver(taken, until, now);
                continue;
            };
            while let Some(before) = self.waiting.leaver_before(&taken, bucket) {
                let Some(earlier) = self.counting((now, &mut *host)).refund_last(&before) else { break };
                bucket = earlier;
            }
        }
    }

    /// Gives back what a request has taken from its limits.
    pub(crate) fn give_back(&mut self, stream: &mut Stream, (now, host): (u64, &mut dyn Host)) {
        let taken = std::mem::take(&mut stream.taken);
        self.counting((now, host)).refund(&taken);
        for (limit, key, tokens) in std::mem::take(&mut stream.ahead) {
            if let Some(Some(ahead)) = self.ahead.get_mut(limit) {
                ahead.refund(key, tokens, now);
            }
        }
    }
}
