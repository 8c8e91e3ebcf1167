//! Lines of text on their way to a server that does as it is told.

mod compression;
mod leaving;
mod limits;
mod losses;
mod retries;

use std::time::Duration;

use super::{Carrier, Counts, Destination, Exporter, Loss, Partial, Payload, Settings};
use crate::testing::TestHost;
use crate::{CallId, GrpcAnswer, Headers, HttpAnswer, Size, Span};

/// Lines; their mark is the first and the last of them.
#[derive(Debug, Default)]
pub(super) struct Lines;

impl Payload for Lines {
    type Item = String;
    type Mark = (String, String);

    const WHO: &'static str = "test: the server";
    const ITEMS: &'static str = "lines";

    fn size(&self, line: &String) -> usize {
        line.len()
    }

    fn mark(&self, lines: &[String]) -> Option<(String, String)> {
        Some((lines.first()?.clone(), lines.last()?.clone()))
    }

    fn encode(&mut self, lines: Vec<String>) -> Vec<u8> {
        lines.join("\n").into_bytes()
    }

    /// A number, and why.
    fn partial(&self, body: &[u8]) -> Partial {
        let text = String::from_utf8_lossy(body);
        let (number, why) = text.split_once(' ').unwrap_or((&text, ""));
        Partial::new(number.parse().unwrap_or_default(), why.as_bytes())
    }

    fn is_retryable(&self, status: u16) -> bool {
        [429, 500, 503].contains(&status)
    }
}

pub(super) fn over_http() -> Destination {
    Destination {
        cluster: "c".to_owned(),
        authority: None,
        carrier: Carrier::Http { content_type: "text/plain", path: "/lines" },
        path: None,
        headers: Vec::new(),
        timeout: Span::from_secs(2),
        delay: Span::from_secs(5),
        batch: 2,
        batch_bytes: Size::from_kib(1),
        queue: 4,
        queue_bytes: Size::from_kib(4),
        patience: Some(Span::from_secs(300)),
        compression: false,
    }
}

fn over_grpc() -> Destination {
    Destination { carrier: Carrier::Grpc { service: "test.v1.Lines", method: "Export" }, ..over_http() }
}

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// An exporter and its host.
#[derive(Debug)]
struct World {
    host: TestHost,
    exporter: Exporter<Lines>,
}

impl World {
    fn new(destination: Destination) -> Self {
        let settings = Settings::try_from(destination).unwrap();
        Self { host: TestHost::at(1_800_000_000), exporter: Exporter::new(settings, Lines) }
    }

    /// Keeps these lines, and sends what is due after each; whether all were kept.
    fn write(&mut self, lines: &[&str]) -> bool {
        let mut are_kept = true;
        for line in lines {
            are_kept &= self.exporter.enqueue((*line).to_owned(), &mut self.host).is_ok();
            if self.exporter.is_full() {
                self.exporter.send_what_is_due(&mut self.host);
            }
        }
        are_kept
    }

    fn tick_after(&mut self, span: Duration) {
        self.host.advance(span);
        self.exporter.send_what_is_due(&mut self.host);
    }

    /// The number that the last call was given.
    fn last_call(&self) -> CallId {
        CallId(u32::try_from(self.host.calls.len() * 4).unwrap())
    }

    fn answer(&mut self, status: &str, body: &str) {
        self.answer_with(&[(":status", status)], body);
    }

    fn answer_with(&mut self, headers: &[(&str, &str)], body: &str) {
        let headers: Headers = headers.iter().copied().collect();
        let answer = HttpAnswer { headers, body: body.into(), truncated: false };
        self.exporter.on_http_answer(self.last_call(), &answer, &mut self.host);
    }

    fn answer_grpc(&mut self, answer: &GrpcAnswer) {
        self.exporter.on_grpc_answer(self.last_call(), answer, &mut self.host);
    }

    /// What was sent, call by call.
    fn sent(&self) -> Vec<String> {
        self.host.calls.iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect()
    }

    fn counts(&self) -> Counts {
        self.exporter.take_counts()
    }

    fn losses(&self) -> Vec<Loss<(String, String)>> {
        self.exporter.take_losses()
    }
}

fn mark(first: &str, last: &str) -> (String, String) {
    (first.to_owned(), last.to_owned())
}
