//! Calls that are on their way through one worker.

use std::collections::BTreeMap;

use portcullis_kit::StreamId;

use crate::policy::Stage;
use crate::state::{Probe, ProbeEnd};

/// How long a request that is still being sent has to wait for a permit, and may keep it, in nanoseconds: others are better probes.
pub(crate) const UNSENT: u64 = 1_000_000_000;

/// The calls of a breaker, by their requests.
#[derive(Debug, Default)]
pub(crate) struct OnItsWay {
    calls: BTreeMap<StreamId, Started>,
}

#[derive(Clone, Copy, Debug)]
struct Started {
    began: u64,
    /// Since when the upstream has all of it; `None` while the client is still sending.
    sent: Option<u64>,
    generation: u32,
    probe: Option<Probe>,
    /// Whether nothing more has to be seen of it to know that it is not slow.
    is_in_time: bool,
    /// Whether it counts already, as a slow one.
    is_counted: bool,
}

impl OnItsWay {
    /// Notes a request; `is_sent` where all of it is on its way.
    pub(crate) fn begin(
        &mut self,
        stream: StreamId,
        (probe, generation): (Option<Probe>, u32),
        is_sent: bool,
        now: u64,
    ) {
        let sent = is_sent.then_some(now);
        let call = Started { began: now, sent, generation, probe, is_in_time: false, is_counted: false };
        self.calls.insert(stream, call);
    }

    /// Notes that all of a request is on its way.
    pub(crate) fn sent(&mut self, stream: StreamId, now: u64) {
        if let Some(call) = self.calls.get_mut(&stream) {
            call.sent.get_or_insert(now);
        }
    }

    /// Since when the upstream has all of a request.
    pub(crate) fn sent_at(&self, stream: StreamId) -> Option<u64> {
        self.calls.get(&stream)?.sent
    }

    /// How far a call has come that has not been answered.
    pub(crate) fn stage(&self, stream: StreamId) -> Stage {
        Stage { is_sent: self.sent_at(stream).is_some(), is_answered: false }
    }

    /// Notes that a response is in time, and good as far as can be seen.
    pub(crate) fn in_time(&mut self, stream: StreamId) {
        if let Some(call) = self.calls.get_mut(&stream) {
            call.is_in_time = true;
        }
    }

    /// Notes that it is known what a call has come to.
    pub(crate) fn decided(&mut self, stream: StreamId) {
        if let Some(call) = self.calls.get_mut(&stream) {
            (call.is_in_time, call.probe) = (true, None);
        }
    }

    /// Whether a call counts already, as a slow one.
    pub(crate) fn is_counted(&self, stream: StreamId) -> bool {
        self.calls.get(&stream).is_some_and(|call| call.is_counted)
    }

    /// Notes that a request is over.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        self.calls.remove(&stream);
    }

    /// How many calls of a state are newly known to take longer than `most` nanoseconds; each is told once.
    pub(crate) fn overdue(&mut self, most: u64, generation: u32, now: u64) -> u32 {
        let mut count = 0;
        for call in self.calls.values_mut().filter(|call| !call.is_in_time && !call.is_counted) {
            let is_late = call.sent.is_some_and(|sent| now.saturating_sub(sent) > most);
            if is_late && call.generation == generation {
                call.is_counted = true;
                count += 1;
            }
        }
        count
    }

    /// Probes that say all that they ever will: a stream that was answered well and goes on has succeeded at half of its lease; a request
    /// that its client does not get sent is no probe.
    pub(crate) fn ended_probes(&mut self, lease: u64, now: u64) -> Vec<(Probe, ProbeEnd)> {
        let half = lease / 2;
        let mut ended = Vec::new();
        for call in self.calls.values_mut() {
            let age = now.saturating_sub(call.began);
            let end = match call.sent {
                _ if call.is_in_time && age >= half => ProbeEnd::Succeeded,
                None if !call.is_in_time && age >= half.min(UNSENT) => ProbeEnd::Unused,
                _ => continue,
            };
            ended.extend(call.probe.take().map(|probe| (probe, end)));
        }
        ended
    }
}
