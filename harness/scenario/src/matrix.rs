//! A scenario played in other ways, in which it should end the same.

use portcullis_sim::AnswerKind;
use portcullis_sim::http::{HeaderList, Protocol};

use crate::expectation::Mismatch;
use crate::report::{Ending, ScenarioReport, StepReport};
use crate::runner::{Start, run};
use crate::scenario::{Scenario, Step, StepAction};
use crate::schema::WayName;
use portcullis_sim::http::Sending;

/// Beyond this many pieces a body is cut no finer.
const MOST_PIECES: usize = 1024;
const WORKERS: [u32; 3] = [1, 2, 4];
/// Orders in which workers take turns.
const INTERLEAVINGS: u64 = 4;
/// Headers that belong to a connection of HTTP/1.1, or mean something else in HTTP/2 (RFC 9113 sections 8.2.2 and 8.3.1).
const OF_HTTP1: [&[u8]; 7] =
    [b"connection", b"host", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"];

/// Plays a scenario as it is written and, if it passes, in all other ways that it does not exclude.
pub fn run_matrix(scenario: &Scenario, target: &dyn Start) -> ScenarioReport {
    let mut report = run(scenario, target);
    if report.outcome != Ending::Passed {
        return report;
    }
    let plain = report.steps.clone();
    for (way, mut other) in ways(scenario) {
        // More pieces and longer headers take more.
        other.budget.clear();
        // A real Envoy's threads take their turns as they like.
        if target.name() == "envoy" && other.setup.interleaving.is_some() {
            continue;
        }
        let played = run(&other, target);
        match played.outcome {
            // Not every target can do everything, and the scenario itself was played.
            Ending::NotRun(_) => continue,
            Ending::Broken(why) => {
                report.outcome = Ending::Broken(format!("{way}: {why}"));
                return report;
            }
            Ending::Passed | Ending::Failed => report.ways.push(way.clone()),
        }
        for (step, before) in played.steps.into_iter().zip(&plain) {
            report.steps.extend(differing(&way, step, before));
        }
        report.settle();
    }
    report
}

/// A step that went otherwise than it did in the plain run.
fn differing(way: &str, mut step: StepReport, before: &StepReport) -> Option<StepReport> {
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let compared = [
        ("status", before.status.map(|it| it.to_string()), step.status.map(|it| it.to_string())),
        ("details", before.details.clone(), step.details.clone()),
        (
            "upstream called",
            before.upstream_called.map(|it| it.to_string()),
            step.upstream_called.map(|it| it.to_string()),
        ),
    ];
    for (what, before, after) in compared {
        let told = step.mismatches.iter().any(|mismatch| mismatch.what == what);
        if before != after && !told {
            step.mismatches.push(Mismatch::new(
                format!("{what}, as in the plain run"),
                text(before),
                text(after),
            ));
        }
    }
    step.name = format!("{way}: {}", step.name);
    (!step.passed()).then_some(step)
}

/// The other ways that make a difference for a scenario, by name.
fn ways(scenario: &Scenario) -> Vec<(String, Scenario)> {
    type Change = fn(&mut Sending) -> bool;
    let of_requests: [(WayName, &str, Change); 6] = [
        (WayName::Protocol, "over the other protocol", other_protocol),
        (WayName::Chunking, "bodies whole", |it| cut(it, 1)),
        (WayName::Chunking, "bodies in two pieces", |it| cut(it, 2)),
        (WayName::Chunking, "bodies byte by byte", |it| cut(it, MOST_PIECES)),
        (WayName::Trailers, "with trailers", with_trailers),
        (WayName::Poison, "with poisoned headers", poisoned),
    ];
    let mut ways = Vec::new();
    for (way, name, change) in of_requests {
        let mut other = scenario.clone();
        other.bless();
        let changed = sendings(&mut other).map(change).fold(false, |any, one| any | one);
        if changed && !scenario.skipped.contains(&way) {
            ways.push((name.to_owned(), other));
        }
    }
    if !scenario.skipped.contains(&WayName::Workers) {
        ways.extend(with_workers(scenario));
    }
    ways
}

/// The scenario on other numbers of workers, and on workers that take turns after each hostcall where several have something to
/// do.
fn with_workers(scenario: &Scenario) -> Vec<(String, Scenario)> {
    let with = |workers: u32, interleaving: Option<u64>| {
        let mut other = scenario.clone();
        other.bless();
        (other.setup.workers, other.setup.interleaving) = (workers, interleaving);
        other
    };
    let least =
        sendings(&mut scenario.clone()).filter_map(|sending| sending.worker).max().unwrap_or_default();
    let enough: Vec<_> = WORKERS.into_iter().filter(|workers| *workers > least).collect();
    let others = enough.iter().filter(|workers| **workers != scenario.setup.workers);
    let mut ways: Vec<_> =
        others.map(|workers| (format!("workers: {workers}"), with(*workers, None))).collect();
    let at_once = |step: &Step| matches!(&step.action, StepAction::Send(sent) if sent.len() > 1);
    if scenario.steps.iter().any(at_once) {
        let most = enough.last().map_or(scenario.setup.workers, |most| scenario.setup.workers.max(*most));
        ways.extend(
            (1..=INTERLEAVINGS).map(|seed| {
                (format!("workers: {most}, taking turns in order {seed}"), with(most, Some(seed)))
            }),
        );
    }
    ways
}

fn sendings(scenario: &mut Scenario) -> impl Iterator<Item = &mut Sending> {
    let sent = scenario.steps.iter_mut().filter_map(|step| match &mut step.action {
        StepAction::Send(sent) => Some(sent),
        _ => None,
    });
    sent.flatten().map(|sent| &mut sent.sending)
}

fn other_protocol(sending: &mut Sending) -> bool {
    let trailers = sending.request.trailers.is_some()
        || matches!(&sending.upstream.kind, AnswerKind::Response(response) if response.trailers.is_some());
    match sending.protocol {
        Protocol::Http1 if !is_of_http1(&sending.request.headers) => sending.protocol = Protocol::Http2,
        Protocol::Http2 if !trailers => sending.protocol = Protocol::Http1,
        _ => return false,
    }
    true
}

fn is_of_http1(headers: &HeaderList) -> bool {
    headers.iter().any(|(name, _)| OF_HTTP1.contains(&name.as_slice()))
}

/// Cuts the bodies into this many pieces, or as many as they have bytes.
fn cut(sending: &mut Sending, pieces: usize) -> bool {
    let request = cut_body(&mut sending.request.body, pieces);
    let response = match &mut sending.upstream.kind {
        AnswerKind::Response(response) => cut_body(&mut response.body, pieces),
        _ => false,
    };
    request || response
}

fn cut_body(body: &mut Vec<Vec<u8>>, pieces: usize) -> bool {
    let whole = body.concat();
    if whole.is_empty() {
        return false;
    }
    let cut: Vec<_> = whole.chunks(whole.len().div_ceil(pieces)).map(<[u8]>::to_vec).collect();
    let changed = cut != *body;
    *body = cut;
    changed
}

fn with_trailers(sending: &mut Sending) -> bool {
    let trailers = || Some(vec![(b"x-matrix".to_vec(), b"1".to_vec())]);
    if is_of_http1(&sending.request.headers) {
        return false;
    }
    let mut changed = sending.request.trailers.is_none();
    sending.protocol = Protocol::Http2;
    sending.request.trailers = sending.request.trailers.take().or_else(trailers);
    if let AnswerKind::Response(response) = &mut sending.upstream.kind
        && response.trailers.is_none()
        && !response.body.is_empty()
    {
        response.trailers = trailers();
        changed = true;
    }
    changed
}

fn poisoned(sending: &mut Sending) -> bool {
    let poison: [(&str, &[u8]); 4] = [
        ("x-poison-bytes", b"\xff\xfe caf\xe9"),
        ("x-poison-repeated", b"a"),
        ("x-poison-repeated", b"b"),
        ("x-poison-long", &[b'x'; 8 << 10]),
    ];
    sending.request.headers.extend(poison.map(|(name, value)| (name.into(), value.to_vec())));
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use portcullis_sim::Setup;
    use portcullis_sim::http::{CallOut, Exchange, LogLine, Response};
    use portcullis_sim::tcp::{Conversation, TcpExchange};

    use super::*;
    use crate::target::{Target, TargetError};

    type Weakness = fn(&Sending) -> bool;

    /// A proxy with one weakness.
    struct Weak(Weakness);

    impl Start for Weak {
        fn name(&self) -> &'static str {
            "weak"
        }

        fn start(&self, _: &Setup) -> Result<Box<dyn Target>, TargetError> {
            Ok(Box::new(Self(self.0)))
        }
    }

    impl Target for Weak {
        fn name(&self) -> &'static str {
            "weak"
        }

        fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
            let answer = |sending| Exchange {
                client: Some(Response {
                    status: if self.0(sending) { 500 } else { 200 },
                    ..Response::default()
                }),
                ..Exchange::default()
            };
            Ok(requests.iter().map(answer).collect())
        }

        fn converse(&mut self, _: &Conversation) -> Result<TcpExchange, TargetError> {
            Ok(TcpExchange::default())
        }

        fn advance(&mut self, _: Duration) -> Result<(), TargetError> {
            Ok(())
        }

        fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
            Ok(BTreeMap::new())
        }

        fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
            Ok(Vec::new())
        }

        fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
            Ok(Vec::new())
        }
    }

    fn played(matrix: &str, weakness: Weakness) -> ScenarioReport {
        let text = format!("name: n\nfilter: f\n{matrix}\nsteps: [{{name: s, request: {{body: abc}}}}]\n");
        let scenario = Scenario::load("s.yaml", &text, &|_| Err(String::new())).unwrap();
        run_matrix(&scenario, &Weak(weakness))
    }

    #[test]
    fn a_sound_proxy_ends_the_same_in_all_ways() {
        let report = played("", |_| false);
        assert_eq!(report.outcome, Ending::Passed);
        let expected = [
            "over the other protocol",
            "bodies in two pieces",
            "bodies byte by byte",
            "with trailers",
            "with poisoned headers",
            "workers: 2",
            "workers: 4",
        ];
        assert_eq!(report.ways, expected);
        assert_eq!(report.steps.len(), 1);
    }

    #[test]
    fn each_way_finds_the_weakness_that_it_is_for() {
        let cases: [(&str, Weakness); 4] = [
            ("over the other protocol: s", |it| {
                it.protocol == Protocol::Http2 && it.request.trailers.is_none()
            }),
            ("bodies byte by byte: s", |it| it.request.body.len() == 3),
            ("with trailers: s", |it| it.request.trailers.is_some()),
            ("with poisoned headers: s", |it| it.request.headers.iter().any(|(_, v)| v.contains(&0xff))),
        ];
        for (name, weakness) in cases {
            let report = played("", weakness);
            assert_eq!(report.outcome, Ending::Failed);
            let failed: Vec<_> = report.steps.iter().filter(|step| !step.passed()).collect();
            assert_eq!(failed.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), [name]);
            assert_eq!(failed[0].mismatches[0].what, "status, as in the plain run");
        }
    }

    #[test]
    fn requests_at_once_are_played_in_several_orders() {
        let text = "name: n\nfilter: f\nsteps: [{concurrent: [{request: {worker: 1}}, {request: {}}]}]\n";
        let scenario = Scenario::load("s.yaml", text, &|_| Err(String::new())).unwrap();
        let report = run_matrix(&scenario, &Weak(|_| false));
        let turns = report.ways.iter().filter(|way| way.starts_with("workers: 4, taking turns"));
        assert_eq!(turns.count(), 4);
        assert!(!report.ways.contains(&"workers: 1".to_owned()), "worker 1 is the second: {:?}", report.ways);
    }

    #[test]
    fn a_scenario_says_what_does_not_hold_for_it() {
        let report = played("matrix: {skip: [poison, workers], because: it is about headers}", |_| false);
        assert!(!report.ways.iter().any(|way| way.contains("poison") || way.contains("workers")));
        assert_eq!(report.ways.len(), 4);
        assert!(played("matrix: false", |_| false).ways.is_empty());
    }
}
