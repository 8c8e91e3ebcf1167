use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_sim::tcp::{Said, TcpExchange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::client::MAX_BODY;

/// How long a step may take to have its effect.
const PATIENCE: Duration = Duration::from_millis(300);
/// After an effect, how long there must be no other.
const QUIET: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_millis(2);

/// A TCP connection through Envoy, with both of its ends in our hands.
pub(crate) struct Wire {
    client: End,
    upstream: Option<End>,
    /// Where the connection of the upstream comes from, when Envoy opens it.
    coming: oneshot::Receiver<TcpStream>,
    closed_by_us: bool,
    closed_by_proxy: bool,
}

impl Wire {
    pub(crate) fn new(client: TcpStream, coming: oneshot::Receiver<TcpStream>) -> Self {
        let client = End::new(client);
        Self { client, upstream: None, coming, closed_by_us: false, closed_by_proxy: false }
    }

    /// Plays all steps, and then both ends close. An end that does not exist, or no longer, cannot say anything.
    pub(crate) async fn play(mut self, steps: &[Said]) -> TcpExchange {
        self.settle().await;
        for step in steps.iter().chain(&[Said::ClientCloses, Said::UpstreamCloses]) {
            if self.act(step).await {
                self.settle().await;
            }
        }
        TcpExchange {
            to_upstream: self.upstream.map(|upstream| upstream.received().bytes.clone()).unwrap_or_default(),
            to_client: self.client.received().bytes.clone(),
            closed_by_proxy: self.closed_by_proxy,
        }
    }

    /// Whether there was somebody to do it.
    async fn act(&mut self, step: &Said) -> bool {
        self.closed_by_us |= matches!(step, Said::ClientCloses | Said::UpstreamCloses);
        let end = match step {
            Said::ByClient(_) | Said::ClientCloses => Some(&mut self.client),
            Said::ByUpstream(_) | Said::UpstreamCloses => self.upstream.as_mut(),
        };
        let Some(end) = end else { return false };
        match step {
            Said::ByClient(bytes) | Said::ByUpstream(bytes) => end.say(bytes).await,
            Said::ClientCloses | Said::UpstreamCloses => end.close().await,
        }
    }

    /// Waits until something has arrived somewhere and no more follows.
    async fn settle(&mut self) {
        let begin = Instant::now();
        let before = self.progress();
        let (mut last, mut changed) = (before, begin);
        while begin.elapsed() < PATIENCE && (last == before || changed.elapsed() < QUIET) && !self.is_over() {
            sleep(POLL).await;
            if let Ok(stream) = self.coming.try_recv() {
                self.upstream = Some(End::new(stream));
            }
            let now = self.progress();
            if now != last {
                (last, changed) = (now, Instant::now());
            }
        }
        let someone_ended = self.ends().any(|end| end.received().ended);
        self.closed_by_proxy |= someone_ended && !self.closed_by_us;
    }

    /// How many ends there are, how many of them have ended, and the bytes that they have received.
    fn progress(&self) -> (usize, usize, usize) {
        self.ends().fold((0, 0, 0), |(ends, ended, bytes), end| {
            let received = end.received();
            (ends + 1, ended + usize::from(received.ended), bytes + received.bytes.len())
        })
    }

    fn is_over(&self) -> bool {
        self.ends().all(|end| end.received().ended)
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        std::iter::once(&self.client).chain(&self.upstream)
    }
}

/// One end of the connection.
struct End {
    /// Gone when this end has closed.
    writer: Option<OwnedWriteHalf>,
    received: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    ended: bool,
}

impl End {
    fn new(stream: TcpStream) -> Self {
        // What is said in two steps shall arrive in two.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let received = Arc::default();
        tokio::spawn(listen(reader, Arc::clone(&received)));
        Self { writer: Some(writer), received }
    }

    /// Whether this end could say it.
    async fn say(&mut self, bytes: &[u8]) -> bool {
        match &mut self.writer {
            Some(writer) => writer.write_all(bytes).await.is_ok(),
            None => false,
        }
    }

    /// Says that nothing more comes; what the other end still says is heard. Whether it was still to be said.
    async fn close(&mut self) -> bool {
        match self.writer.take() {
            Some(mut writer) => writer.shutdown().await.is_ok(),
            None => false,
        }
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        lock(&self.received)
    }
}

fn lock(received: &Mutex<Received>) -> MutexGuard<'_, Received> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(mut reader: OwnedReadHalf, received: Arc<Mutex<Received>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(size @ 1..) = reader.read(&mut buffer).await {
        let mut received = lock(&received);
        let room = MAX_BODY.saturating_sub(received.bytes.len());
        received.bytes.extend(buffer.iter().take(size.min(room)));
    }
    lock(&received).ended = true;
}
