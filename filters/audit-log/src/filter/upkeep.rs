//! What an instance keeps in order: room, the chain, what others in the VM have left, and the counters.

use std::sync::{Arc, Mutex};

use portcullis_kit::export::Exporter;
use portcullis_kit::{Host, StreamId};

use super::{AuditLog, Stream, lock};
use crate::config::Mode;
use crate::event::Event;
use crate::ledger::{Ledger, Records};

impl AuditLog {
    /// Gives back what a request has of the filter.
    pub(super) fn release(&mut self, stream: &mut Stream) {
        if std::mem::take(&mut stream.is_counted) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        if std::mem::take(&mut stream.is_reserved)
            && let Some(ledger) = &self.ledger
        {
            lock(ledger).release();
        }
    }

    /// Whether it has come in the place of this one already: of several former instances each knows those before it.
    pub(super) fn follows(&self, ledger: &Arc<Mutex<Ledger>>) -> bool {
        self.predecessors.iter().any(|it| Arc::ptr_eq(&it.ledger, ledger))
    }

    /// What former instances have left takes up the room of this one.
    pub(super) fn tell_what_is_behind(&self) {
        if let Some(ledger) = &self.ledger {
            let bytes = self.predecessors.iter().map(|it| it.exporter.queued_bytes()).sum();
            lock(ledger).behind = bytes;
        }
    }

    /// Keeps room for a request, if there is some.
    pub(super) fn reserve(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| lock(ledger).reserve())
    }

    pub(super) fn has_room(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| lock(ledger).has_room_for_one())
    }

    pub(super) fn take_waiting(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        match self.policy.mode {
            Mode::BoundedBlock => self.waiting.take(self.has_room(), host.monotonic()),
            _ => Vec::new(),
        }
    }

    /// Ends the chain when nothing more can come into it.
    pub(super) fn stop_if_done(&mut self, host: &mut dyn Host) {
        let Some(ledger) = self.ledger.as_ref().filter(|_| self.in_flight == 0) else { return };
        let mut ledger = lock(ledger);
        if !ledger.is_closed() {
            ledger.finish(host);
            if ledger.is_closed() {
                self.writers.remove(ledger.uid(), host);
            }
        }
    }

    /// Puts a record where it belongs: what comes after the end of a chain into the one that follows.
    pub(super) fn put(&self, event: Event<'_>, host: &mut dyn Host) {
        let Some(mut ledger) = self.ledger.clone() else { return };
        let following = |ledger: &Arc<Mutex<Ledger>>| lock(ledger).after_the_end();
        while let Some(next) = following(&ledger) {
            ledger = next;
        }
        lock(&ledger).record(event, host);
    }

    /// Tells the other writers how far this one has come, and writes down who is gone.
    pub(super) fn report_writers(&mut self, host: &mut dyn Host) {
        let now = host.now().as_secs();
        let mut oldest = None;
        let all = self.predecessors.iter().map(|it| &it.ledger).chain(&self.ledger);
        for ledger in all.collect::<Vec<_>>() {
            let entry = lock(ledger).entry(now);
            let Some(entry) = entry else { continue };
            let (gone, waits) = self.writers.report(entry, host);
            oldest = waits;
            for entry in gone {
                self.counts.abandoned += 1;
                lock(ledger).abandoned(entry, host);
            }
        }
        if self.ledger.as_ref().is_some_and(|ledger| lock(ledger).begun().is_some()) {
            self.metrics.tell_oldest(oldest.map_or(0, |oldest| now.saturating_sub(oldest)), host);
        }
    }

    pub(super) fn with_exporters(&mut self, mut act: impl FnMut(&Exporter<Records>)) {
        if let Some(ledger) = &self.ledger {
            lock(ledger).exporter().into_iter().for_each(&mut act);
        }
        self.predecessors.iter().for_each(|it| act(&it.exporter));
    }

    pub(super) fn report(&mut self, host: &mut dyn Host) {
        let mut bytes = 0;
        let ledgers: Vec<_> =
            self.predecessors.iter().map(|it| &it.ledger).chain(&self.ledger).cloned().collect();
        for ledger in ledgers {
            let mut ledger = lock(&ledger);
            bytes += if self.is_stopped { 0 } else { ledger.queued_bytes() };
            let counted = ledger.take_counts();
            self.metrics.report(&mut self.counts, counted, host);
        }
        self.metrics.tell_queue(bytes, host);
    }
}
