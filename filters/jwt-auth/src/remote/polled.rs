use std::fmt;
use std::time::Duration;

use portcullis_kit::{CallId, Host, HttpAnswer, UnixTime};

use super::document::{Document, Refetch, State};
use super::events::Events;
use super::settings::Settings;
use super::uri::Uri;

/// A document that is kept up to date, and what was read from it.
pub(crate) struct Polled<T> {
    document: Document,
    read: Box<Read<T>>,
    /// Of the body that was accepted last.
    content: Option<T>,
}

/// Reads a body, or says in words what is wrong with it.
type Read<T> = dyn Fn(&[u8]) -> Result<T, String> + Send + Sync;

/// What there is to work with.
#[derive(Debug)]
pub(crate) enum Content<'a, T> {
    /// This.
    Usable(&'a T),
    /// Nothing yet: call `poll`, look again, and wait for the attempt that is under way.
    Pending,
    /// Nothing, and no attempt before this time has passed.
    Unavailable {
        /// When the next attempt may start.
        retry_after: Duration,
    },
}

impl<T> Polled<T> {
    /// The document `name` of a cluster, whose URI is yet to come. Workers share it when their `identity` is the same: it has to tell
    /// apart whatever makes `read` accept a body in one place that it refuses in another.
    pub(crate) fn new(
        name: &'static str,
        settings: Settings,
        identity: &[&str],
        read: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self { document: Document::new(name, settings, identity), read: Box::new(read), content: None }
    }

    /// Says where the document is; `None` stops the fetches. One that came from elsewhere is fetched again, and used until then.
    pub(crate) fn set_uri(&mut self, uri: Option<&Uri>) {
        self.document.set_uri(uri);
    }

    /// Picks up what other workers have fetched, and fetches what is due. For the tick, and for a request that finds
    /// [`Pending`](Content::Pending).
    pub(crate) fn poll(&mut self, host: &mut dyn Host) {
        let Self { document, read, content } = self;
        document.poll(host, &mut |bytes| keep(content, read(bytes)));
    }

    /// Takes the answer to a call. Whether it was one for this document.
    pub(crate) fn on_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> bool {
        let Self { document, read, content } = self;
        document.on_answer(call, answer, host, &mut |bytes| keep(content, read(bytes)))
    }

    /// Asks for a newer document than the one there is, because that lacks something.
    pub(crate) fn refetch(&mut self, host: &mut dyn Host) -> Refetch {
        let Self { document, read, content } = self;
        document.refetch(host, &mut |bytes| keep(content, read(bytes)))
    }

    /// What there is to work with now.
    pub(crate) fn content(&self, now: UnixTime) -> Content<'_, T> {
        match (self.document.state(now), &self.content) {
            (State::Fresh | State::Stale, Some(content)) => Content::Usable(content),
            (State::Unavailable { retry_after }, _) => Content::Unavailable { retry_after },
            _ => Content::Pending,
        }
    }

    /// What was read last, whether it may still be used or not.
    pub(super) const fn last(&self) -> Option<&T> {
        self.content.as_ref()
    }

    /// What the document is and where, for the log.
    pub(super) fn title(&self) -> String {
        self.document.title()
    }

    /// Whether the document can be used now, and whether it is fresh.
    pub(crate) fn state(&self, now: UnixTime) -> State {
        self.document.state(now)
    }

    /// A number that changes when something else was read: what was decided with the former content is void.
    pub(crate) const fn generation(&self) -> u64 {
        self.document.version()
    }

    /// A number that changes when an attempt of any worker is over: requests that wait look again.
    pub(crate) const fn attempts(&self) -> u64 {
        self.document.attempts()
    }

    /// How long ago the server has confirmed the document.
    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        self.document.age(now)
    }

    /// Whether half of the time is over for which a document is used that is no longer fresh.
    pub(crate) fn is_past_half_stale(&self, now: UnixTime) -> bool {
        self.document.is_past_half_stale(now)
    }

    /// How long the next [`poll`](Self::poll) can wait.
    pub(crate) fn next_poll(&self, now: UnixTime) -> Duration {
        self.document.next_poll(now)
    }

    /// What has happened since the last time.
    pub(crate) fn take_events(&mut self) -> Events {
        self.document.take_events()
    }
}

impl<T> fmt::Debug for Polled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polled").field("document", &self.document).finish_non_exhaustive()
    }
}

/// Keeps what was read, if it could be.
fn keep<T>(place: &mut Option<T>, read: Result<T, String>) -> Result<(), String> {
    *place = Some(read?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    #[test]
    fn what_was_read_is_used_until_something_else_can_be_read() {
        let read =
            |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "no text".to_owned());
        let mut host = TestHost::at(1000);
        let mut polled = Polled::new("list", Settings::example(), &[], read);
        polled.set_uri(Uri::parse("https://a/list").as_ref());
        assert!(matches!(polled.content(host.now), Content::Pending));
        for (number, body) in [b"one", b"\xff\xfe\xfd"].into_iter().enumerate() {
            polled.poll(&mut host);
            let answer = HttpAnswer {
                headers: [(":status", "200")].into_iter().collect(),
                body: body.to_vec(),
                truncated: false,
            };
            let call = CallId(u32::try_from(number + 1).unwrap() * 4);
            assert!(polled.on_answer(call, &answer, &mut host));
            assert!(matches!(polled.content(host.now), Content::Usable(text) if text == "one"));
            host.advance(Duration::from_secs(600));
        }
        assert_eq!((polled.state(host.now), polled.generation()), (State::Stale, 1));
        host.advance(Duration::from_secs(3600));
        polled.poll(&mut host);
        assert!(matches!(polled.content(host.now), Content::Pending));
        assert_eq!(polled.last().map(String::as_str), Some("one"));
    }
}
