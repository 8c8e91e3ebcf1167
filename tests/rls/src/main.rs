//! A rate limit service over Redis, for tests: Envoy's RLS, version 3, in fixed windows.
//!
//! It prints `listening on 127.0.0.1:PORT` when it can be asked. The messages are those of envoy-types and not ours, so that
//! whoever speaks to it is understood by somebody else's code.

mod counters;
mod limits;
mod service;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::{env, fs};

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::counters::Counters;
use crate::limits::Limits;
use crate::service::RateLimits;

const USAGE: &str = "portcullis-rls --redis URL --limits FILE.yaml [--listen ADDRESS:PORT]";

struct Arguments {
    redis: String,
    limits: String,
    listen: SocketAddr,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut redis, mut limits, mut listen) = (None, None, SocketAddr::from(([127, 0, 0, 1], 0)));
        while let Some(name) = words.next() {
            let value = words.next()?;
            match name.as_str() {
                "--redis" => redis = Some(value),
                "--limits" => limits = Some(value),
                "--listen" => listen = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(Self { redis: redis?, limits: limits?, listen })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(env::args().skip(1)) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    match serve(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis-rls: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let limits = Limits::parse(&fs::read_to_string(&arguments.limits)?)
        .map_err(|error| format!("{}: {error}", arguments.limits))?;
    let counters = Counters::new(&arguments.redis)?;
    let incoming = TcpIncoming::bind(arguments.listen)?.with_nodelay(Some(true));
    println!("listening on {}", incoming.local_addr()?);
    let service = RateLimitServiceServer::new(RateLimits::new(limits, counters));
    Ok(Server::builder().serve_with_incoming(service, incoming).await?)
}
