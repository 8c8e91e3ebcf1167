//! What becomes of an answer.

use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Host, HttpAnswer};

use super::{Accept, Call, Document};
use crate::remote::events::FetchError;
use crate::remote::freshness::freshness;
use crate::remote::held::Held;
use crate::remote::record::Record;
use crate::remote::store::Body;

/// A good answer.
enum Fetched {
    New(Body),
    /// What this generation has.
    NotModified(u64),
}

impl Document {
    /// Takes the answer to a call. Whether it was a call of this document.
    pub(crate) fn on_answer(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        host: &mut dyn Host,
        accept: &mut Accept<'_>,
    ) -> bool {
        let Some(call) = self.call.take_if(|own| own.id == call) else { return false };
        // Whose lease has run out, and somebody else has taken it, brings an older document than they do.
        let record = self.store.record(host).filter(|record| record.started == call.attempt);
        let Some(record) = record else {
            self.observe(host, accept);
            return true;
        };
        let lifetime = freshness(&answer.headers);
        let outcome = self.fetched(&call, answer).and_then(|fetched| match fetched {
            Fetched::New(body) => self.publish(&call, &record, body, lifetime, host, accept),
            Fetched::NotModified(generation) => {
                self.confirm(&call, generation, lifetime, host);
                Ok(())
            }
        });
        match outcome {
            Ok(()) => self.succeeded(&record, host),
            Err(error) => self.fail(host, &error, |record| record.started == call.attempt),
        }
        true
    }

    fn fetched(&self, call: &Call, answer: &HttpAnswer) -> Result<Fetched, FetchError> {
        match (answer.status(), call.known) {
            (None, _) => Err(FetchError::Broken),
            (Some(304), Some(generation)) => Ok(Fetched::NotModified(generation)),
            (Some(200), _) if answer.truncated || answer.body.len() > self.settings.max_bytes => {
                Err(FetchError::TooLarge(self.settings.max_bytes))
            }
            (Some(200), _) => Ok(Fetched::New(Body::new(answer.body.clone(), answer.headers.only("etag")))),
            (Some(status), _) => Err(FetchError::Status(status)),
        }
    }

    /// Accepts a body and makes it the current one of all workers.
    fn publish(
        &mut self,
        call: &Call,
        record: &Record,
        body: Body,
        lifetime: Option<Duration>,
        host: &mut dyn Host,
        accept: &mut Accept<'_>,
    ) -> Result<(), FetchError> {
        let before = self.digest;
        self.accept(&body, accept)?;
        let is_held = |held: &Held| held.generation == record.generation && held.etag == body.etag;
        if before == self.digest && record.source == call.source && self.held.as_ref().is_some_and(is_held) {
            self.confirm(call, record.generation, lifetime, host);
            return Ok(());
        }
        let now = host.now();
        self.store.set_body(host, call.attempt, &body);
        let replaced = self.store.update(host, |record| {
            (record.started == call.attempt).then(|| record.replaced(now, lifetime, call.source))
        });
        let Some(record) = replaced else { return Ok(()) };
        self.held = Some(Held::new(&record, body.etag, now, &self.settings));
        self.notice(record);
        Ok(())
    }

    fn confirm(&mut self, call: &Call, generation: u64, lifetime: Option<Duration>, host: &mut dyn Host) {
        let now = host.now();
        let is_same = |record: &Record| record.started == call.attempt && record.generation == generation;
        let confirmed =
            self.store.update(host, |record| is_same(&record).then(|| record.confirmed(now, lifetime)));
        let Some(record) = confirmed else { return };
        if let Some(held) = &mut self.held {
            held.confirm(&record, now, &self.settings);
        }
        self.notice(record);
        self.events.not_modified = self.events.not_modified.saturating_add(1);
    }

    fn succeeded(&mut self, before: &Record, host: &mut dyn Host) {
        self.events.fetched = self.events.fetched.saturating_add(1);
        if before.failures > 0 {
            let failures = before.failures;
            let title = self.title();
            host.log(Level::Info, &format!("{title}: fetched again after {failures} failed attempts"));
        }
    }

    /// Ends an attempt that brought nothing, unless somebody else has ended it.
    pub(super) fn fail(
        &mut self,
        host: &mut dyn Host,
        error: &FetchError,
        is_meant: impl Fn(&Record) -> bool,
    ) {
        let now = host.now();
        let is_open = |record: &Record| record.started != record.ended && is_meant(record);
        let failed = self.store.update(host, |record| is_open(&record).then(|| record.failed(now, error)));
        let Some(record) = failed else { return };
        self.notice(record);
        self.events.count_failure(error.reason());
        if record.failures == 1 {
            let title = self.title();
            host.log(Level::Warn, &format!("{title}: cannot be fetched: {error}; tried again until it can"));
        }
    }

    /// What it is and where, for the log.
    pub(crate) fn title(&self) -> String {
        let uri = self.target.as_ref().map(|target| format!(" {}", target.uri)).unwrap_or_default();
        format!("jwt-auth: {}{uri} of cluster {}", self.name, self.settings.cluster)
    }
}
