//! What the log says of itself.

use portcullis_kit::Host;
use portcullis_kit::export::{self, Exporter};

use super::payload::{Mark, Record, Span};
use super::{Entry, Ledger, Way, log_line};
use crate::record::{self, Loss, Notice};

impl Ledger {
    /// Does what time asks for: tells of losses, and checks.
    pub(crate) fn on_tick(&mut self, host: &mut dyn Host) {
        self.note_gaps();
        if self.is_closed || self.chain.sequence() == 0 {
            return;
        }
        self.tell_losses(host);
        self.tell_of_the_gone(host);
        let is_due = host.monotonic().saturating_sub(self.checked_at) >= self.integrity.interval;
        if is_due || self.unchecked >= self.integrity.records {
            self.check_if_there_is_room(host);
        }
    }

    /// What the exporter has lost, as records of the chain.
    pub(super) fn note_gaps(&mut self) {
        let Way::Server(exporter) = &self.way else { return };
        for export::Loss { reason, count, of, mark } in exporter.take_losses() {
            let Mark { span: Span { first, last, since, until }, previous, losses } = mark;
            let (reason, sequences) = (reason.as_str(), Some((first, last)));
            self.losses.add(Loss {
                reason,
                count: count.into(),
                first: since,
                last: until,
                sequences,
                previous,
                told: 0,
            });
            // Of a batch that was taken in part nobody knows which part: once more is enough then, lest it goes on for ever.
            let again = losses.into_iter().filter(|loss| count == of || loss.told < 2);
            again.for_each(|loss| self.losses.add(loss));
        }
    }

    pub(super) fn tell_losses(&mut self, host: &mut dyn Host) {
        if self.losses.is_empty() || !self.has_room_for_a_notice() {
            return;
        }
        for loss in self.losses.take() {
            let told = loss.told.saturating_add(1);
            self.note(&Notice::Loss(Loss { told, ..loss }), host);
        }
    }

    /// The first record, before any other.
    pub(super) fn begin(&mut self, host: &mut dyn Host) {
        let Some(beginning) = self.beginning.take() else { return };
        self.checked_at = host.monotonic();
        let key = self.signer.name().map(str::to_owned);
        let previous = beginning.previous.resolved();
        let genesis = Notice::Genesis {
            config: self.config,
            node: &beginning.node,
            key: key.as_deref(),
            previous_chain: previous.as_deref(),
            reason: beginning.reason,
        };
        self.note(&genesis, host);
    }

    /// Tells of the chain of another writer that is gone, as soon as there is room.
    pub(crate) fn abandoned(&mut self, entry: Entry, host: &mut dyn Host) {
        self.gone.push(entry);
        self.tell_of_the_gone(host);
    }

    pub(super) fn tell_of_the_gone(&mut self, host: &mut dyn Host) {
        if self.gone.is_empty() || self.is_closed || !self.has_room_for_a_notice() {
            return;
        }
        self.begin(host);
        for entry in std::mem::take(&mut self.gone) {
            let chain = entry.chain();
            self.note(
                &Notice::Abandoned { chain: &chain, hash: &entry.hash, sequence: entry.sequence },
                host,
            );
        }
    }

    /// No more requests are to be expected. The chain ends when all of it has been settled, by whoever goes on sending; without anybody, now.
    pub(crate) fn finish(&mut self, host: &mut dyn Host) {
        self.is_finished = true;
        if !self.is_followed() || self.exporter().is_none() {
            self.close(host);
        }
    }

    /// Does what time asks for where another instance goes on sending: the end of the chain among it, which tells of all that got lost.
    pub(crate) fn settle(&mut self, host: &mut dyn Host) {
        self.on_tick(host);
        let is_settled = self.losses.is_empty() && self.exporter().is_none_or(Exporter::is_empty);
        if self.is_finished && is_settled {
            self.close(host);
        }
    }

    /// Writes the last record of the chain, if it has any.
    pub(crate) fn close(&mut self, host: &mut dyn Host) {
        self.note_gaps();
        if !self.is_closed && self.chain.sequence() > 0 {
            self.tell_losses(host);
            self.check(host);
            let reason = if self.is_followed() { "configuration" } else { "removed" };
            self.note(&Notice::Stop { reason }, host);
        }
        self.is_closed = true;
    }

    /// A checkpoint can wait, and requests cannot.
    pub(super) fn check_if_there_is_room(&mut self, host: &mut dyn Host) {
        if self.has_room_for_a_notice() {
            self.check(host);
        }
    }

    pub(super) fn check(&mut self, host: &mut dyn Host) {
        let checkpoint = self.chain.checkpoint();
        let signature = self.signer.sign(&checkpoint);
        let root = checkpoint.root_text();
        self.note(&Notice::Checkpoint { root: &root, size: checkpoint.size, signature: &signature }, host);
        self.counts.checkpoints += 1;
        (self.unchecked, self.checked_at) = (0, host.monotonic());
    }

    /// A record of the log itself.
    pub(super) fn note(&mut self, notice: &Notice<'_>, host: &mut dyn Host) {
        let now = host.now().as_nanos() / 1_000_000;
        let (mut line, place) = self.rendered(|out, head| record::notice(out, notice, now, head));
        let (sequence, previous) = (self.chain.sequence(), self.chain.last().map(|(_, hash)| hash));
        self.chain.seal(&mut line, place);
        let is_in_the_log = matches!(self.way, Way::Log);
        if self.integrity.logs_checkpoints && !is_in_the_log && matches!(notice, Notice::Checkpoint { .. }) {
            log_line(&line, host);
        }
        let span = Span { first: sequence, last: sequence, since: now, until: now };
        let log = self.otlp.map(|_| Box::new(record::otlp::notice(notice, host.now().as_nanos())));
        let loss = if let Notice::Loss(loss) = notice { Some(*loss) } else { None };
        self.send(Record { line, span, previous, loss, log }, host);
    }
}
