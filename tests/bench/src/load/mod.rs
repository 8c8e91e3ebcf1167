//! The load tool: 16 requests are always under way, or they come at a fixed rate.

mod http1;
mod http2;
mod paced;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::requests::Requests;
use crate::setting::Protocol;

pub(crate) use http1::answer_to;
pub(crate) use paced::paced;

/// What is under way: one on each connection, or two on each of HTTP/2.
const UNDER_WAY: usize = 16;
const STREAMS: usize = 2;
const NO_ANSWER: &str = "no answer from Envoy";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What one connection sends at most; a round ends by time long before.
const MAX_REQUESTS: usize = 2_000_000;

/// What is sent to whom, and what is expected.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Requests,
    pub(crate) status: u16,
}

/// What a client saw.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    /// Of every request, in no order.
    pub(crate) latencies: Vec<Duration>,
}

/// Sends requests over connections that stay open, each as soon as one is answered, for `span`.
///
/// # Errors
/// An answer with another status, or none.
pub(crate) fn run(target: &Target, span: Duration) -> Result<Load, String> {
    runtime()?.block_on(async {
        let started = Instant::now();
        let until = started + span;
        let mut connections = JoinSet::new();
        match target.requests.protocol {
            Protocol::Http1 => {
                for _ in 0..UNDER_WAY {
                    connections.spawn(http1::connection(target.clone(), until));
                }
            }
            Protocol::Http2 | Protocol::Grpc => {
                for _ in 0..UNDER_WAY / STREAMS {
                    connections.spawn(http2::connection(target.clone(), STREAMS, until));
                }
            }
        }
        let latencies = timeout(span + PATIENCE, all(connections)).await;
        let latencies = latencies.map_err(|_| NO_ANSWER.to_owned())??;
        Ok(Load { elapsed: started.elapsed(), latencies })
    })
}

async fn all(mut connections: JoinSet<Result<Vec<Duration>, String>>) -> Result<Vec<Duration>, String> {
    let mut latencies = Vec::new();
    while let Some(ended) = connections.join_next().await {
        latencies.extend(ended.map_err(|error| error.to_string())??);
    }
    Ok(latencies)
}

fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}
