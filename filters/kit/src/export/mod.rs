//! Items on their way to a server, such as spans to a collector.
//!
//! A worker has one queue and one batch under way. What a server that fails has not taken stays, within the bounds of the queue, and is
//! sent again; what does not fit is counted.

mod answer;
mod backoff;
mod batch;
mod counts;
mod payload;
mod queue;
mod resource;
mod settings;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use counts::{Counts, Loss, Reason};
pub use payload::{Partial, Payload};
pub use resource::Resource;
pub use settings::{Carrier, Destination, Settings};

use crate::{CallId, GrpcAnswer, Host, HttpAnswer, UnixTime};
use queue::Queue;

/// The exporter of a worker, as one instance of the filter holds it. What an instance leaves to the next one in its VM it
/// [shares](Self::share) with it.
#[derive(Debug)]
pub struct Exporter<P: Payload> {
    /// A VM has one thread: nobody ever waits for the lock.
    queue: Arc<Mutex<Queue<P>>>,
    /// Which of those that share the queue this one is; `None` when it has left.
    instance: Option<u32>,
}

impl<P: Payload> Exporter<P> {
    /// One that keeps nothing yet.
    pub fn new(settings: Settings, payload: P) -> Self {
        let mut queue = Queue::new(settings, payload);
        let instance = Some(queue.join());
        Self { queue: Arc::new(Mutex::new(queue)), instance }
    }

    /// The same exporter for another instance of the filter, which has to be configured alike.
    #[must_use]
    pub fn share(&self) -> Self {
        let instance = Some(self.queue().join());
        Self { queue: Arc::clone(&self.queue), instance }
    }

    /// Lets this instance go; it can still enqueue. Its call ends with it, and what that carried is sent again by another one. After the last
    /// one, what is left is lost.
    pub fn leave(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.queue().leave(instance);
        }
    }

    /// Whether an item of this size can be kept.
    pub fn has_room(&self, size: usize) -> bool {
        self.queue().has_room(size)
    }

    /// Keeps an item until it is taken.
    ///
    /// # Errors
    /// There is no room for it, or nobody is left who would send it: it comes back, and is counted.
    pub fn enqueue(&self, item: P::Item, host: &mut dyn Host) -> Result<(), (Reason, P::Item)> {
        self.queue().enqueue(item, host)
    }

    /// Whether there is a batch that need not wait for more.
    pub fn is_full(&self) -> bool {
        self.queue().is_full()
    }

    /// Sends what is due: a batch again, or one that is full or has waited long enough. Nobody hears answers to calls of an instance that has
    /// left, so it does not send.
    pub fn send_what_is_due(&self, host: &mut dyn Host) {
        if let Some(instance) = self.instance {
            self.queue().send_what_is_due(instance, host);
        }
    }

    /// Begins to send everything: one batch now, even where the server wants to be left alone, and the others, however small, as soon as the
    /// one before is answered, until nothing is left.
    pub fn flush(&self, host: &mut dyn Host) {
        self.queue().flush();
        self.send_what_is_due(host);
    }

    /// Takes the answer to a call, if it is ours, and sends what is due.
    pub fn on_http_answer(&self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) {
        if self.queue().on_http_answer(call, answer, host) {
            self.send_what_is_due(host);
        }
    }

    /// Takes the answer to a call, if it is ours, and sends what is due.
    pub fn on_grpc_answer(&self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) {
        if self.queue().on_grpc_answer(call, answer, host) {
            self.send_what_is_due(host);
        }
    }

    /// Whether everything has been taken, or is lost.
    pub fn is_empty(&self) -> bool {
        self.queue().len() == 0
    }

    /// How many items are kept, those included that are under way.
    pub fn len(&self) -> usize {
        self.queue().len()
    }

    /// Likewise how many bytes of them.
    pub fn queued_bytes(&self) -> usize {
        self.queue().bytes()
    }

    /// Since when the oldest item is kept.
    pub fn oldest(&self) -> Option<UnixTime> {
        self.queue().oldest()
    }

    /// What has been counted since this was called last.
    pub fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.queue().counts)
    }

    /// What was kept and got lost since this was called last, where it has a [mark](Payload::mark).
    pub fn take_losses(&self) -> Vec<Loss<P::Mark>> {
        std::mem::take(&mut self.queue().losses)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<P>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
