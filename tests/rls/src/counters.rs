//! The counters, in Redis.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::limits::Counter;

/// One script, because whatever is checked first and counted later lets too many through at once.
const TAKE: &str = include_str!("take.lua");

/// A caller is told soon that Redis does not answer.
const PATIENCE: Duration = Duration::from_millis(250);

/// The counters of one Redis.
pub(crate) struct Counters {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// A counter after it was asked.
pub(crate) struct State {
    /// What has been counted.
    pub(crate) value: u64,
    /// When its window ends; without one, nothing has been counted.
    pub(crate) ends_in: Option<Duration>,
    /// Whether there is too much of it.
    pub(crate) over: bool,
}

impl Counters {
    /// Does not connect yet: Redis may come later, and go and come back.
    pub(crate) fn new(url: &str) -> RedisResult<Self> {
        Ok(Self { client: Client::open(url)?, connection: Mutex::default() })
    }

    /// Counts, unless one of them would be over its limit; one state for each.
    pub(crate) async fn take(&self, counters: &[Counter]) -> Result<Vec<State>, String> {
        match timeout(PATIENCE, self.try_take(counters)).await {
            Ok(Ok(states)) => Ok(states),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                self.disconnect().await;
                Err("it does not answer".to_owned())
            }
        }
    }

    async fn try_take(&self, counters: &[Counter]) -> RedisResult<Vec<State>> {
        let mut command = redis::cmd("EVAL");
        command.arg(TAKE).arg(counters.len());
        for counter in counters {
            command.arg(&counter.key);
        }
        for counter in counters {
            command.arg(counter.max).arg(u64::from(counter.seconds) * 1000).arg(counter.hits);
        }
        let mut answer: RedisResult<Vec<i64>> = command.query_async(&mut self.connection().await?).await;
        // The connection may be one to a Redis that has been restarted since.
        if answer.as_ref().is_err_and(|error| error.is_connection_dropped()) {
            self.disconnect().await;
            answer = command.query_async(&mut self.connection().await?).await;
        }
        if answer.is_err() {
            self.disconnect().await;
        }
        Ok(answer?.chunks_exact(3).map(State::new).collect())
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let new = self.client.get_multiplexed_async_connection().await?;
        Ok(connection.insert(new).clone())
    }

    async fn disconnect(&self) {
        self.connection.lock().await.take();
    }
}

impl State {
    fn new(answer: &[i64]) -> Self {
        Self {
            value: answer[0].unsigned_abs(),
            ends_in: u64::try_from(answer[1]).ok().map(Duration::from_millis),
            over: answer[2] != 0,
        }
    }
}
