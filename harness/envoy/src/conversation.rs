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

    /// Plays all steps. An end that does not exist, or no longer, cannot say anything.
    pub(crate) async fn play(mut self, steps: &[Said]) -> TcpExchange {
        self.settle().await;
        for step in steps {
            match step {
                Said::ByClient(bytes) => self.client.say(bytes).await,
                Said::ByUpstream(bytes) => {
                    if let Some(upstream) = &mut self.upstream {
                        upstream.say(bytes).await;
                    }
                }
                Said::ClientCloses => {
                    self.closed_by_us = true;
                    self.client.close().await;
                }
                Said::UpstreamCloses => {
                    self.closed_by_us = true;
                    if let Some(upstream) = &mut self.upstream {
                        upstream.close().await;
                    }
                }
            }
            self.settle().await;
        }
        self.finish().await
    }

    async fn finish(mut self) -> TcpExchange {
        self.closed_by_us = true;
        self.client.close().await;
        if let Some(upstream) = &mut self.upstream {
            upstream.close().await;
        }
        self.settle().await;
        TcpExchange {
            to_upstream: self.upstream.map(|upstream| upstream.received().bytes.clone()).unwrap_or_default(),
            to_client: self.client.received().bytes.clone(),
            closed_by_proxy: self.closed_by_proxy,
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

    async fn say(&mut self, bytes: &[u8]) {
        // The proxy may have closed the connection; the exchange says so.
        if let Some(writer) = &mut self.writer {
            let _ = writer.write_all(bytes).await;
        }
    }

    /// Says that nothing more comes; what the other end still says is heard.
    async fn close(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            let _ = writer.shutdown().await;
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
