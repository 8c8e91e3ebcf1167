//! What a request turns out to have cost, once its response is there or it is over.

use portcullis_kit::{Headers, Host};

use crate::applied::whole_number;
use crate::filter::{Stream, TokenBucket};
use crate::limit::After;

/// An event of a request that has passed.
enum Event<'a> {
    Response { status: u16, headers: &'a Headers },
    End { bytes: Option<u64>, is_answered: bool },
}

impl TokenBucket {
    /// Charges and gives back what the response decides.
    pub(crate) fn settle_response(
        &mut self,
        stream: &mut Stream,
        response: &Headers,
        (now, host): (u64, &mut dyn Host),
    ) {
        stream.is_answered = true;
        let status = response.first(":status").and_then(whole_number);
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        self.settle(stream, &Event::Response { status, headers: response }, (now, host));
    }

    /// Charges and gives back what the end decides.
    pub(crate) fn settle_end(&mut self, stream: &Stream, (now, host): (u64, &mut dyn Host)) {
        let limits =
            stream.taken.iter().map(|taken| taken.limit).chain(stream.global.iter().map(|it| it.limit));
        let counts = |after: &After| matches!(after, After::Bytes { .. });
        let mut limits = limits.filter_map(|index| self.policy.limits.get(index));
        let bytes = match limits.any(|limit| limit.after.iter().any(counts)) {
            true => host.property(&["response", "total_size"]),
            false => None,
        };
        let bytes = bytes.and_then(|bytes| Some(u64::from_le_bytes(*bytes.first_chunk::<8>()?)));
        self.settle(stream, &Event::End { bytes, is_answered: stream.is_answered }, (now, host));
    }

    fn settle(&mut self, stream: &Stream, event: &Event<'_>, (now, host): (u64, &mut dyn Host)) {
        for taken in &stream.taken {
            let Some(limit) = self.policy.limits.get(taken.limit) else { continue };
            let goes_back = limit.refund.as_ref().is_some_and(|refund| match event {
                Event::Response { status, .. } => refund.statuses.contains(*status),
                Event::End { is_answered, .. } => refund.unanswered && !is_answered,
            });
            let tokens = cost(&limit.after, event);
            let mut counting = self.counting((now, &mut *host));
            if goes_back {
                counting.refund(std::slice::from_ref(taken));
            }
            if tokens > 0 {
                counting.charge(taken, tokens);
            }
        }
        for applied in &stream.global {
            let Some(limit) = self.policy.limits.get(applied.limit) else { continue };
            let tokens = cost(&limit.after, event);
            if tokens > 0 {
                self.charge_global(applied, tokens, host);
            }
        }
    }
}

fn cost(after: &[After], event: &Event<'_>) -> u64 {
    let of = |after: &After| match (after, event) {
        (After::Header { name, most }, Event::Response { headers, .. }) => {
            headers.only(name).and_then(whole_number).unwrap_or_default().min(*most)
        }
        (After::Statuses { statuses, tokens }, Event::Response { status, .. })
            if statuses.contains(*status) =>
        {
            *tokens
        }
        (After::Bytes { per_token, most }, Event::End { bytes: Some(bytes), .. }) => {
            bytes.div_ceil((*per_token).max(1)).min(*most)
        }
        _ => 0,
    };
    after.iter().map(of).fold(0, u64::saturating_add)
}
