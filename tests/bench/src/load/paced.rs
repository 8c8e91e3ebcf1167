use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::http1::complete;
use super::{Load, PATIENCE, Target, UNDER_WAY};

/// Sends so many requests of HTTP/1.1 a second, evenly, over 16 connections, for `span`.
///
/// Each has its time, and its latency counts from then: where an answer is late, those who have to wait for the connection are late
/// as well. A thread for each connection, since a sleeping thread wakes up within a fraction of what timers of an event loop take.
///
/// # Errors
/// An answer with another status, or none.
pub(crate) fn paced(target: &Target, rate: u32, span: Duration) -> Result<Load, String> {
    let connections = u32::try_from(UNDER_WAY).unwrap_or(1);
    let every = Duration::from_secs(connections.into()) / rate.max(1);
    let started = Instant::now();
    let until = started + span;
    let latencies = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|number| {
                let first = started + every * number / connections;
                scope.spawn(move || connection(target, first, every, until))
            })
            .collect();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| "a connection has panicked".to_owned())??);
        }
        Ok::<_, String>(latencies)
    })?;
    Ok(Load { elapsed: started.elapsed(), latencies })
}

fn connection(
    target: &Target,
    first: Instant,
    every: Duration,
    until: Instant,
) -> Result<Vec<Duration>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(target.address).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut latencies = Vec::new();
    let mut due = first;
    while due < until && Instant::now() < until {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(request) = target.requests.next() else { return Err("there are no requests".to_owned()) };
        stream.write_all(&request).map_err(failed)?;
        let status = answer(&mut stream)?;
        if status != target.status {
            return Err(format!("Envoy answers {status}"));
        }
        latencies.push(due.elapsed());
        due += every;
    }
    Ok(latencies)
}

fn answer(stream: &mut TcpStream) -> Result<u16, String> {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).map_err(|error| error.to_string())?;
        answer.extend(piece.get(..read).unwrap_or_default());
        if let Some(status) = complete(&answer)? {
            return Ok(status);
        }
        if read == 0 {
            return Err("Envoy's answer has no end".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::Requests;
    use crate::setting::Protocol;

    /// A server that answers each request after this time.
    fn server(after: Duration) -> Target {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                thread::spawn(move || {
                    while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                        thread::sleep(after);
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                    }
                });
            }
        });
        let requests = Requests::new(Protocol::Http1, [String::from("a")].iter());
        Target { address, requests, status: 200 }
    }

    #[test]
    fn requests_come_at_the_rate_that_was_asked_for() {
        let load = paced(&server(Duration::ZERO), 800, Duration::from_secs(1)).unwrap();
        assert!((700..=800).contains(&load.latencies.len()), "{}", load.latencies.len());
    }

    #[test]
    fn who_waits_for_others_counts_from_when_it_was_due() {
        // A connection has a request every 20 ms and needs 50 for each: the tenth is 300 ms late.
        let load = paced(&server(Duration::from_millis(50)), 800, Duration::from_millis(500)).unwrap();
        let latest = load.latencies.iter().max().unwrap();
        assert!(*latest > Duration::from_millis(250), "{latest:?}");
    }
}
