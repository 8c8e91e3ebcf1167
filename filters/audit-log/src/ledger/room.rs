//! Room for records, and room that is kept for requests under way.

use portcullis_proto::logs::LogRecord;

use super::{Ledger, payload};

/// How long a record of the level `metadata` is at most: for that room is kept before it is there.
const LONGEST: usize = 16 << 10;
/// How long what the log says of itself is, at most.
const NOTICE: usize = 2 << 10;
/// What is kept free for that.
const RESERVE: usize = 4 << 10;
/// How long what makes a record a link of the chain is, at most.
const LINKS: usize = 1 << 10;

impl Ledger {
    /// Whether there is room for one more request.
    pub(crate) fn has_room_for_one(&self) -> bool {
        self.has_room(self.longest())
    }

    /// Keeps room for a request, if there is some.
    pub(crate) fn reserve(&mut self) -> bool {
        let has_room = self.has_room_for_one();
        self.reserved += usize::from(has_room);
        has_room
    }

    /// Gives the room for a request back.
    pub(crate) fn release(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Whether there is room for what the log says of itself, which can wait where requests cannot.
    pub(super) fn has_room_for_a_notice(&self) -> bool {
        self.has_room(NOTICE * self.factor())
    }

    /// How long a record of the level `metadata` is on its way, at most.
    pub(super) fn longest(&self) -> usize {
        LONGEST * self.factor()
    }

    /// How much longer a record is on its way than its line.
    pub(super) fn factor(&self) -> usize {
        match self.otlp {
            None => 1,
            // What is said beside the line is part of it, and JSON within JSON is longer.
            Some(false) => 2,
            Some(true) => 4,
        }
    }

    /// Whether there is room for a record, whose links are still to come.
    pub(super) fn takes(&self, line: &[u8], log: Option<&LogRecord>) -> bool {
        self.has_room(payload::size(line, log, self.otlp == Some(true)) + LINKS)
    }

    /// Whether there is room for so much, beside what is kept for requests.
    pub(super) fn has_room(&self, size: usize) -> bool {
        let kept = self.reserved.saturating_mul(self.longest()).saturating_add(RESERVE + self.behind);
        self.exporter().is_none_or(|exporter| exporter.has_room(size.saturating_add(kept)))
    }
}
